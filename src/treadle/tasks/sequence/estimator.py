"""What the estimators of sequences share: scikit-learn's contract over features, network and target."""

from collections.abc import Sequence
from typing import Any, Self

from treadle.errors import InputError, counted
from treadle.nn.segments import check_segments
from treadle.tasks.sequence.features import Feature
from treadle.tasks.sequence.fitting import Fitting
from treadle.tasks.sequence.inputs import infer_kinds, to_columns, to_sequences
from treadle.tasks.sequence.targets import load_target
from treadle.tasks.settings import FeatureSettings, NetworkSettings, check


class SequenceEstimator(Fitting):
    """A recurrent network that reads sequences and gives one answer to each, with scikit-learn's contract.

    Args:
        bidirectional: Whether each layer also reads from the end. False gives a causal model, fit for streams.
        pooling: From all steps to one vector: "max", "mean", "last", "attention" or "concat"; see `treadle.nn.Pooling`.
        segment: Steps that the network reads as one, side by side: it then sees shapes instead of single values, and a
            long series is few steps long; see `treadle.nn.segments`.
        stride: Steps from the begin of one segment to that of the next; None for segments that do not overlap.
        convolutions: Layers of convolutions over time beside the recurrent ones, of each the filters and the steps
            that they see, such as `[[128, 8], [256, 5], [128, 3]]`; None for none. See `treadle.nn.convolutions`.
        embedding_size: Numbers a token.
        embedding_dropout: Share of embedding features dropped, for a whole sequence.
        word_dropout: Share of tokens replaced by the unknown one, in training.
        input_noise: Standard deviation of the normal noise that is added to scaled numbers in training, each time anew:
            few series are then harder to learn by heart (C. Bishop, "Training with noise is equivalent to Tikhonov
            regularization", 1995).
        unit: What a token of a text is: "word", "char" or "subword"; None decides by the script.
        vocabulary_size: Tokens at most; None for 30,000, or 8,000 sub-words.
        min_count: Occurrences a token must have in training; None for 2 in all but tiny data.
        lowercase: Whether upper case is folded.
        max_length: Steps that are read of a sequence; None for all.
        scaling: Of numeric channels: "standard", "minmax", "series" or "none".
        fill: Of missing numbers: "forward", "linear" or "mean"; a mask tells the network where.
        clip_outliers: Numeric values are held within this many robust standard deviations; None for no limit.
        sample_rate: Of sound: samples a second that recordings are brought to; None for the lowest of training, 16,000
            at most.
        mel_bins: Of sound: bands of the filter bank.
        channel: Of sound: which channel is taken of recordings with several, a number from 0 or "mean"; None refuses
            those.
        checkpoint: For very long sequences: in training the state is kept only every so many steps, and the gradient
            computes the steps between again; see `treadle.nn.Recurrent`. None keeps all.
        **options: Those of `treadle.tasks.refit.Refitting` and `treadle.tasks.estimator.Estimator`.

    Attributes:
        features_: The fitted feature of every input column, by name.
        target_: The fitted target.
        settings_: The shape of the network.
        network_: The trained network.
        history_: One record an epoch, of the training that dev is kept from.
        train_rows_: The rows that were trained on, by that training.
        dev_rows_: The rows that were set aside, or None where dev rows were given.
        n_features_in_: Steps a row, only where `X` was a two-dimensional array.
    """

    def __init__(
        self,
        *,
        bidirectional: bool = True,
        pooling: str = "max",
        segment: int = 1,
        stride: int | None = None,
        convolutions: Sequence[Sequence[int]] | None = None,
        embedding_size: int = 128,
        embedding_dropout: float = 0.2,
        word_dropout: float = 0.1,
        input_noise: float = 0.0,
        unit: str | None = None,
        vocabulary_size: int | None = None,
        min_count: int | None = None,
        lowercase: bool = True,
        max_length: int | None = None,
        scaling: str = "standard",
        fill: str = "forward",
        clip_outliers: float | None = None,
        sample_rate: int | None = None,
        mel_bins: int = 40,
        channel: int | str | None = None,
        checkpoint: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.segment = segment
        self.stride = stride
        self.convolutions = convolutions
        self.embedding_size = embedding_size
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.input_noise = input_noise
        self.unit = unit
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.lowercase = lowercase
        self.max_length = max_length
        self.scaling = scaling
        self.fill = fill
        self.clip_outliers = clip_outliers
        self.sample_rate = sample_rate
        self.mel_bins = mel_bins
        self.channel = channel
        self.checkpoint = checkpoint

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        values = self.get_params()
        check(FeatureSettings, values)
        check(NetworkSettings, values)
        check_segments(self.segment, self.stride)
        if self.init_from is not None and self.segment > 1:
            reads = f"but the language model in {self.init_from} reads a token a step"
            raise InputError(f"segment is {self.segment}, {reads}; leave it out")

    def fit(self, X: Any, y: Any, *, dev: tuple[Any, Any] | None = None) -> Self:
        """Train.

        Args:
            X: Texts, token lists, series, an array, or several named columns; see `tasks.sequence.inputs.to_columns`.
            y: The target of every row.
            dev: `(X, y)` to choose the best epoch by; by default a part of the training rows is set aside.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        columns = to_columns(self, X, fitting=True)
        kinds = infer_kinds(columns)
        if dev is not None:
            dev = to_sequences(to_columns(self, dev[0], fitting=False), kinds), dev[1]
        return self.fit_columns(to_sequences(columns, kinds), kinds, y, dev=dev)

    def recurrent_settings(self) -> NetworkSettings:
        """The shape of the fitted network."""
        return self.settings_

    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""
        inputs = "; ".join(f"{name!r}: {feature.describe()}" for name, feature in self.features_.items())
        units = counted(self.settings_.hidden_size, "unit")
        answers = "an answer a step" if self.target_.per_step else f"{self.pooling} pooling"
        if self.segment > 1:
            answers += f", segments of {self.segment} steps, one every {self.stride or self.segment}"
        if self.settings_.convolutions is not None:
            beside = ", ".join(f"{count} filters of {width} steps" for count, width in self.settings_.convolutions)
            answers += f", beside convolutions of {beside}"
        return f"{self.count_parameters():,} parameters, {units}, {answers}; {inputs}"

    def explain(self) -> list[str]:
        """For each input column, which engine runs its layers and why not the others."""
        stacks = [self.network_.encoder(place).stack for place in range(len(self.features_))]
        return [f"input {name!r}: {stack.explain()}" for name, stack in zip(self.features_, stacks, strict=True)]

    def fitted_to_json(self) -> dict[str, Any]:
        """Features and target, as JSON can hold them."""
        return {
            "features": {name: feature.to_json() for name, feature in self.features_.items()},
            "target": self.target_.to_json(),
            "settings": None if self.init_from is None else self.settings_.model_dump(),
            "steps_a_row": getattr(self, "n_features_in_", None),
        }

    def restore_fitted(self, saved: dict[str, Any]) -> None:
        """Take up what `fitted_to_json` gave.

        Raises:
            InputError: It is damaged.
            KeyError, TypeError, AttributeError, ValueError: So is this.
        """
        self.features_ = {name: Feature.from_json(feature) for name, feature in saved["features"].items()}
        if not self.features_:
            raise InputError("expected at least one feature")
        self.target_ = load_target(saved["target"])
        self.settings_ = check(NetworkSettings, saved["settings"] or self.get_params())
        if saved["steps_a_row"] is not None:
            self.n_features_in_ = int(saved["steps_a_row"])
