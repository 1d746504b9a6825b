"""What the estimators of sequences share: scikit-learn's contract over features, network and target."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import BucketBatches, Kind, Ragged, split_rows
from treadle.errors import InputError, counted
from treadle.nn.segments import check_segments
from treadle.tasks.estimator import Estimator
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.sequence.features import Feature, Where, fit_features
from treadle.tasks.sequence.inputs import Columns, infer_kinds, row_name, to_columns, to_sequences
from treadle.tasks.sequence.network import SequenceNetwork, steps_a_row
from treadle.tasks.sequence.objective import answer_objective
from treadle.tasks.sequence.reader import Reader
from treadle.tasks.sequence.targets import Target, load_target
from treadle.tasks.settings import FeatureSettings, NetworkSettings, check
from treadle.training import Objective, Progress, TrainingSettings

N = TypeVar("N", bound=SequenceNetwork)


class SequenceEstimator(Estimator, Reader):
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
        **options: Those of `treadle.tasks.estimator.Estimator`.

    Attributes:
        features_: The fitted feature of every input column, by name.
        target_: The fitted target.
        settings_: The shape of the network.
        network_: The trained network.
        history_: One record an epoch.
        train_rows_: The rows that were trained on.
        dev_rows_: The rows that were set aside, or None where dev rows were given.
        n_features_in_: Steps a row, only where `X` was a two-dimensional array.
    """

    network_: SequenceNetwork  # both base classes know of one

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

    def fit_columns(
        self,
        columns: Columns,
        kinds: Mapping[str, Kind],
        y: Any,
        *,
        dev: tuple[Columns, Any] | None = None,
        where: Where = row_name,
        checkpoint: Path | None = None,
        checkpoint_seconds: float = 60.0,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Train on columns whose kinds are known; what `fit` and the command line share.

        Args:
            columns: Cells in the form of their kinds, by column.
            kinds: The kind of every column.
            y: The target of every row.
            dev: Columns and target to choose the best epoch by.
            where: The place of a row of `columns`, for error sentences.
            checkpoint: A file for the state of training.
            checkpoint_seconds: Time between two of them.
            resume: Whether to go on from it.
            progress: Is told of every step and epoch.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        self.check_arguments()
        rows = len(next(iter(columns.values())))
        y = self._check_target(y, rows)
        train = np.arange(rows)
        held: NDArray[np.int64] | None = None
        if dev is None:
            train, held = self._set_aside(y)
        self.train_rows_, self.dev_rows_ = train, held
        arguments = self.get_params()
        pretrained = None if self.init_from is None else Pretrained.open(self.init_from)
        shape = {} if pretrained is None else pretrained.shape(arguments, self.left_open())
        self.settings_ = check(NetworkSettings, arguments | shape)
        options = check(FeatureSettings, arguments)
        self.features_, inputs = fit_features(columns, kinds, train, options, where, pretrained)
        self.target_ = self._fit_target(y, train)
        self._check_pairs(inputs, _take(y, train), lambda row: where(int(train[row])))
        targets = self.target_.encode(_take(y, train))
        if held is not None:
            dev_columns = {name: [cells[i] for i in held] for name, cells in columns.items()}
            dev_y = _take(y, held)
        else:
            assert dev is not None
            dev_columns, dev_y = dev[0], self._check_target(dev[1], len(next(iter(dev[0].values()))))

        def dev_where(row: int) -> str:
            return f"dev, {row_name(row)}" if held is None else where(int(held[row]))

        dev_inputs = self.encode(dev_columns, dev_where)
        self._check_pairs(dev_inputs, dev_y, dev_where)
        dev_rows = dev_inputs, self.target_.encode(dev_y)
        network = self.build_network()
        if pretrained is not None:
            network.begin_from(pretrained)
        lengths = steps_a_row(inputs)
        settings = self.training_settings(self._steps_of_a_pass(lengths), checkpoint_seconds)
        objective = self._objective(network, settings, (inputs, targets), dev_rows)
        self.train_network(objective, settings, checkpoint=checkpoint, resume=resume, progress=progress)
        return self

    def _check_pairs(self, inputs: list[Ragged], y: Any, where: Where) -> None:
        """Hold the targets of rows to their inputs, where the two have to fit."""

    def _steps_of_a_pass(self, lengths: Tensor) -> float:
        """Steps of training in an epoch, about."""
        return max(len(lengths) / self.batch_size, float(lengths.sum()) / self.batch_tokens)

    def _objective(
        self,
        network: SequenceNetwork,
        settings: TrainingSettings,
        rows: tuple[list[Ragged], Tensor],
        dev: tuple[list[Ragged], Tensor],
    ) -> Objective:
        """What is trained towards, by the numbers and targets of training and of dev."""
        batches = BucketBatches(
            steps_a_row(rows[0]), tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=self.seed
        )
        return answer_objective(network, self.target_, batches, rows, dev)

    def build_network(self) -> SequenceNetwork:
        """A fresh network for the fitted features and target, drawn by `seed`; it takes the place of `network_`."""
        features = list(self.features_.values())
        self.network_ = self.drawn(lambda: SequenceNetwork(features, self.target_.size, self.settings_))
        return self.network_

    def drawn(self, make: Callable[[], N]) -> N:
        """A network whose weights are drawn by `seed`; the caller's random numbers are left alone."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return make()

    def _set_aside(self, y: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and rows to choose the best epoch by; one row alone is both."""
        if len(y) == 1:
            return np.arange(1), np.arange(1)
        return split_rows(len(y), self.dev_fraction, seed=self.seed)

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

    @abstractmethod
    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        """The target, fitted on the `train` rows of `y`; which labels there are is told from all rows."""


def _take(y: Any, rows: NDArray[np.int64]) -> Any:
    """Rows of a target, which is an array or a list of lists."""
    return y[rows] if isinstance(y, np.ndarray) else [y[row] for row in rows]
