"""What the estimators of one answer a sequence share: scikit-learn's contract over features, network and target."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from treadle.data import BucketBatches, Kind, Ragged, split_rows
from treadle.errors import InputError, counted
from treadle.streaming import Streaming
from treadle.tasks.estimator import Estimator
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.sequence.features import Feature, Where, fit_features
from treadle.tasks.sequence.inputs import Columns, infer_kinds, row_name, to_columns, to_known_columns, to_sequences
from treadle.tasks.sequence.network import SequenceNetwork, answer_rows, steps_a_row
from treadle.tasks.sequence.objective import answer_objective
from treadle.tasks.sequence.reporting import Reported
from treadle.tasks.sequence.split import Split
from treadle.tasks.sequence.streaming import SequenceStreamModel
from treadle.tasks.sequence.targets import Target, load_target
from treadle.tasks.settings import FeatureSettings, NetworkSettings, check
from treadle.training import Progress


class SequenceEstimator(Estimator, Reported, Streaming):
    """A recurrent network that reads sequences and gives one answer to each, with scikit-learn's contract.

    Args:
        bidirectional: Whether each layer also reads from the end. False gives a causal model, fit for streams.
        pooling: From all steps to one vector: "max", "mean", "last", "attention" or "concat"; see `treadle.nn.Pooling`.
        embedding_size: Numbers a token.
        embedding_dropout: Share of embedding features dropped, for a whole sequence.
        word_dropout: Share of tokens replaced by the unknown one, in training.
        unit: What a token of a text is: "word", "char" or "subword"; None decides by the script.
        vocabulary_size: Tokens at most; None for 30,000, or 8,000 sub-words.
        min_count: Occurrences a token must have in training; None for 2 in all but tiny data.
        lowercase: Whether upper case is folded.
        max_length: Steps that are read of a sequence; None for all.
        scaling: Of numeric channels: "standard", "minmax", "series" or "none".
        fill: Of missing numbers: "forward", "linear" or "mean"; a mask tells the network where.
        clip_outliers: Numeric values are held within this many robust standard deviations; None for no limit.
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
        embedding_size: int = 128,
        embedding_dropout: float = 0.2,
        word_dropout: float = 0.1,
        unit: str | None = None,
        vocabulary_size: int | None = None,
        min_count: int | None = None,
        lowercase: bool = True,
        max_length: int | None = None,
        scaling: str = "standard",
        fill: str = "forward",
        clip_outliers: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.embedding_size = embedding_size
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.unit = unit
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.lowercase = lowercase
        self.max_length = max_length
        self.scaling = scaling
        self.fill = fill
        self.clip_outliers = clip_outliers

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        super().check_arguments()
        values = self.get_params()
        check(FeatureSettings, values)
        check(NetworkSettings, values)

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
        shape = {} if pretrained is None else pretrained.shape(arguments, self.parameters()) | {"bidirectional": False}
        self.settings_ = check(NetworkSettings, arguments | shape)
        options = check(FeatureSettings, arguments)
        self.features_, inputs = fit_features(columns, kinds, train, options, where, pretrained)
        self.target_ = self._fit_target(y, train)
        targets = self.target_.encode(_take(y, train))
        if dev is None:
            assert held is not None
            dev_columns = {name: [cells[i] for i in held] for name, cells in columns.items()}
            dev_y = _take(y, held)
        else:
            dev_columns, dev_y = dev[0], self._check_target(dev[1], len(next(iter(dev[0].values()))))
        lengths = steps_a_row(inputs)
        a_pass = max(len(lengths) / self.batch_size, float(lengths.sum()) / self.batch_tokens)
        settings = self.training_settings(a_pass, checkpoint_seconds)
        batches = BucketBatches(lengths, tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=self.seed)
        dev_rows = self.encode(dev_columns), self.target_.encode(dev_y)
        network = self.build_network()
        if pretrained is not None:
            network.begin_from(pretrained)
        objective = answer_objective(network, self.target_, batches, (inputs, targets), dev_rows)
        self.train_network(objective, settings, checkpoint=checkpoint, resume=resume, progress=progress)
        return self

    def build_network(self) -> SequenceNetwork:
        """A fresh network for the fitted features and target, drawn by `seed`; it takes the place of `network_`."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = SequenceNetwork(list(self.features_.values()), self.target_.size, self.settings_)
        return self.network_

    def _set_aside(self, y: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and rows to choose the best epoch by; one row alone is both."""
        if len(y) == 1:
            return np.arange(1), np.arange(1)
        return split_rows(len(y), self.dev_fraction, seed=self.seed)

    def encode(self, columns: Columns, where: Where = row_name) -> list[Ragged]:
        """The numbers of every column, in the order of `features_`."""
        return [feature.encode(columns[name], where) for name, feature in self.features_.items()]

    def answer_columns(self, columns: Columns, where: Where = row_name) -> Tensor:
        """What the network says of every row of columns in the form of their kinds, `[rows, output_size]`.

        Raises:
            InputError: A cell does not fit what the model was trained on.
        """
        check_is_fitted(self, "network_")
        return answer_rows(self.network_, self.encode(columns, where), self.target_.size)

    def _columns(self, X: Any) -> Columns:
        """The `X` of `predict` as columns in the form of their kinds."""
        check_is_fitted(self, "network_")
        return to_known_columns(self, X, {name: feature.kind for name, feature in self.features_.items()})

    def predict(self, X: Any) -> NDArray[Any]:
        """The prediction of every row of `X`, in any form that `fit` takes.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        answer = self.answer_columns(self._columns(X))
        return self.target_.predict(answer)

    def stream_model(self, rows: int = 1, threads: int = 1) -> SequenceStreamModel:
        """The fitted model for up to `rows` streams at once; `stream` and `stream_pool` run it.

        Raises:
            InputError: It needs the whole sequence; the sentence says why, and what to train instead.
        """
        check_is_fitted(self, "network_")
        return SequenceStreamModel(self.features_, self.network_, self.target_, rows, threads)

    def split(self, X: Any, y: Any) -> Split:
        """Rows in any form that `fit` takes, and their targets, as a report reads them.

        Raises:
            InputError: `X` or `y` does not fit what the model was trained on.
        """
        columns = self._columns(X)
        truth = self._check_target(y, len(next(iter(columns.values()))))
        if isinstance(truth, np.ndarray) and truth.ndim == 2:
            truth = [np.flatnonzero(row).tolist() for row in truth]
        return Split(columns, list(truth))

    def recurrent_settings(self) -> NetworkSettings:
        """The shape of the fitted network."""
        return self.settings_

    def describe_size(self) -> str:
        """The size of the fitted model and what it reads, in one phrase."""
        inputs = "; ".join(f"{name!r}: {feature.describe()}" for name, feature in self.features_.items())
        units = counted(self.settings_.hidden_size, "unit")
        return f"{self.count_parameters():,} parameters, {units}, {self.pooling} pooling; {inputs}"

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
    def _check_target(self, y: Any, rows: int) -> Any:
        """The target of `rows` rows in the form that `Target.encode` takes, or an InputError."""

    @abstractmethod
    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        """The target, fitted on the `train` rows of `y`; which labels there are is told from all rows."""


def _take(y: Any, rows: NDArray[np.int64]) -> Any:
    """Rows of a target, which is an array or a list of lists."""
    return y[rows] if isinstance(y, np.ndarray) else [y[row] for row in rows]
