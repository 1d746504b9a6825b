"""What all estimators of one answer a sequence share: scikit-learn's contract over features, network and training."""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from treadle.cells import cell_names
from treadle.cells.initialisation import SCHEMES
from treadle.data import BucketBatches, Kind, Ragged, split_rows
from treadle.errors import InputError, nearest
from treadle.tasks.features import Feature, Where, fit_feature
from treadle.tasks.inputs import Columns, infer_kinds, row_name, to_columns, to_sequences
from treadle.tasks.network import SequenceNetwork
from treadle.tasks.settings import FeatureSettings, NetworkSettings, SplitSettings, check
from treadle.tasks.targets import Target
from treadle.training import Bar, Objective, Progress, TrainingSettings, fit

AUTO_STEPS = 2000
"""Steps that a run has at least, if 100 epochs can give them, where `epochs` is left open."""
AUTO_EPOCHS = (6, 100)
"""The fewest and the most epochs that are chosen where `epochs` is left open."""


class SequenceEstimator(BaseEstimator, ABC):
    """A recurrent network with scikit-learn's contract.

    Args:
        cell: A registered cell: "lstm", "gru", "elman", "elman-relu".
        hidden_size: Units of each direction of each layer.
        layers: Depth.
        bidirectional: Whether each layer also reads from the end. False gives a causal model, fit for streams.
        pooling: From all steps to one vector: "max", "mean", "last" or "attention".
        residual: Whether a layer's input is added to its output, from the second layer on.
        embedding_size: Numbers a token.
        dropout: Share of features dropped between layers and before the answer, in training.
        embedding_dropout: Share of embedding features dropped, for a whole sequence.
        word_dropout: Share of tokens replaced by the unknown one, in training.
        init: Initialisation of the cells, a name of `treadle.cells.SCHEMES`.
        engine: "auto", "torch" or "eager"; see `treadle.nn.Recurrent`.
        unit: What a token of a text is: "word", "char" or "subword"; None decides by the script.
        vocabulary_size: Tokens at most; None for 30,000, or 8,000 sub-words.
        min_count: Occurrences a token must have in training; None for 2 in all but tiny data.
        lowercase: Whether upper case is folded.
        max_length: Steps that are read of a sequence; None for all.
        scaling: Of numeric channels: "standard", "minmax", "series" or "none".
        fill: Of missing numbers: "forward", "linear" or "mean"; a mask tells the network where.
        clip_outliers: Numeric values are held within this many robust standard deviations; None for no limit.
        epochs: Passes over the training data at most; None chooses by the number of batches.
        batch_size: Sequences a batch at most.
        batch_tokens: Padded steps a batch at most.
        optimizer: "adamw", "adam", "rmsprop" or "sgd".
        learning_rate: Its peak.
        schedule: "one-cycle", "cosine", "step", "plateau" or "constant".
        weight_decay: Strength of the L2 penalty on weights.
        momentum: Of "sgd" and "rmsprop".
        clip_norm: Largest gradient norm; 0 for no clipping.
        averaging: Decay of the running mean of the weights that is evaluated and kept; 0 for the weights themselves.
        patience: Epochs without a better one on dev before training ends; 0 for never.
        dev_fraction: Share of the training rows set aside to choose the best epoch by, where no dev rows are given.
        seed: Of everything that is drawn.
        device: "auto" or "cpu".
        precision: "float32", "bfloat16" or "float16".
        verbose: Whether training shows its progress.
        **unknown: Refused; the nearest valid name is in the error.

    Attributes:
        features_: The fitted feature of every input column, by name.
        target_: The fitted target.
        network_: The trained network.
        history_: One record an epoch.
        train_rows_: The rows that were trained on.
        dev_rows_: The rows that were set aside, or None where dev rows were given.
        n_features_in_: Steps a row, only where `X` was a two-dimensional array.
    """

    task: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        """Give the class a signature with every argument, for `help`, editors and scikit-learn's short `repr`."""
        super().__init_subclass__(**options)
        arguments = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in cls.parameters().items()
        ]
        cls.__signature__ = inspect.Signature(arguments)
        if "__init__" in vars(cls):
            itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            vars(cls)["__init__"].__signature__ = inspect.Signature([itself, *arguments])

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "max",
        residual: bool = False,
        embedding_size: int = 128,
        dropout: float = 0.5,
        embedding_dropout: float = 0.2,
        word_dropout: float = 0.1,
        init: str = "recommended",
        engine: str = "auto",
        unit: str | None = None,
        vocabulary_size: int | None = None,
        min_count: int | None = None,
        lowercase: bool = True,
        max_length: int | None = None,
        scaling: str = "standard",
        fill: str = "forward",
        clip_outliers: float | None = None,
        epochs: int | None = None,
        batch_size: int = 32,
        batch_tokens: int = 8192,
        optimizer: str = "adamw",
        learning_rate: float = 2e-3,
        schedule: str = "one-cycle",
        weight_decay: float = 0.01,
        momentum: float = 0.9,
        clip_norm: float = 1.0,
        averaging: float = 0.995,
        patience: int = 0,
        dev_fraction: float = 0.1,
        seed: int = 0,
        device: str = "auto",
        precision: str = "float32",
        verbose: bool = False,
        **unknown: Any,
    ) -> None:
        if unknown:
            name = next(iter(unknown))
            raise InputError(f"{type(self).__name__} has no argument {name!r}{nearest(name, self.parameters())}")
        self.cell = cell
        self.hidden_size = hidden_size
        self.layers = layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.residual = residual
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.init = init
        self.engine = engine
        self.unit = unit
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.lowercase = lowercase
        self.max_length = max_length
        self.scaling = scaling
        self.fill = fill
        self.clip_outliers = clip_outliers
        self.epochs = epochs
        self.batch_size = batch_size
        self.batch_tokens = batch_tokens
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.clip_norm = clip_norm
        self.averaging = averaging
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.seed = seed
        self.device = device
        self.precision = precision
        self.verbose = verbose

    @classmethod
    def parameters(cls) -> dict[str, Any]:
        """Every argument with its default."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if "__init__" in vars(base):
                signature = inspect.signature(vars(base)["__init__"])
                found |= {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
        return found

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """The names of all arguments; scikit-learn would only look at the last class's own."""
        return sorted(cls.parameters())

    def set_params(self, **params: Any) -> Self:
        """Change arguments.

        Raises:
            InputError: There is no such argument; the nearest one is named.
        """
        for name in params:
            if name.split("__")[0] not in self.parameters():
                raise InputError(f"{type(self).__name__} has no argument {name!r}{nearest(name, self.parameters())}")
        super().set_params(**params)
        return self

    def check_arguments(self) -> None:
        """Check every argument, as far as that needs no data.

        Raises:
            InputError: An argument lies outside its range.
        """
        values = self.get_params()
        for settings in (SplitSettings, FeatureSettings, NetworkSettings):
            check(settings, values)
        if self.cell not in cell_names():
            raise InputError(f"there is no cell {self.cell!r}{nearest(self.cell, cell_names())}")
        if self.init not in SCHEMES:
            raise InputError(f"there is no initialisation {self.init!r}{nearest(self.init, SCHEMES)}")
        check(TrainingSettings, values | {"epochs": 1 if self.epochs is None else self.epochs})

    def fit(self, X: Any, y: Any, *, dev: tuple[Any, Any] | None = None) -> Self:
        """Train.

        Args:
            X: Texts, token lists, series, an array, or several named columns; see `treadle.tasks.inputs.to_columns`.
            y: The target of every row.
            dev: `(X, y)` to choose the best epoch by; by default a part of the training rows is set aside.

        Raises:
            InputError: An argument or the data cannot be used; one sentence says what and where.
        """
        columns = to_columns(self, X, fitting=True)
        kinds = infer_kinds(columns)
        dev_columns = None if dev is None else to_sequences(to_columns(self, dev[0], fitting=False), kinds)
        return self.fit_columns(
            to_sequences(columns, kinds),
            kinds,
            y,
            dev=None if dev_columns is None or dev is None else (dev_columns, dev[1]),
        )

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
        feature_settings = check(FeatureSettings, self.get_params())
        rows = len(next(iter(columns.values())))
        y = self._check_target(y, rows)
        train = np.arange(rows)
        held: NDArray[np.int64] | None = None
        if dev is None:
            train, held = self._set_aside(y)
        self.train_rows_, self.dev_rows_ = train, held
        self.features_: dict[str, Feature] = {}
        encoded: list[Ragged] = []
        for name, kind in kinds.items():
            cells = columns[name]
            feature, ragged = fit_feature(
                kind, [cells[i] for i in train], feature_settings, lambda row: where(int(train[row]))
            )
            self.features_[name] = feature
            encoded.append(ragged)
        self.target_ = self._fit_target(y, train)
        targets = self.target_.encode(_take(y, train))
        if dev is None:
            assert held is not None
            dev_columns = {name: [cells[i] for i in held] for name, cells in columns.items()}
            dev_y = _take(y, held)
        else:
            dev_columns, dev_y = dev[0], self._check_target(dev[1], len(next(iter(dev[0].values()))))
        dev_inputs = self.encode(dev_columns)
        dev_targets = self.target_.encode(dev_y)
        lengths = sum(ragged.lengths for ragged in encoded)
        assert isinstance(lengths, Tensor)
        settings = self._training_settings(lengths, checkpoint_seconds)
        self.build_network()
        batches = BucketBatches(lengths, tokens=settings.batch_tokens, max_rows=settings.batch_size, seed=self.seed)
        target = self.target_

        def loss(model: nn.Module, batch: NDArray[np.int64]) -> Tensor:
            device = next(model.parameters()).device
            return target.loss(model(_pad(encoded, batch, device)), targets[torch.from_numpy(batch)].to(device))

        def evaluate(model: nn.Module) -> dict[str, float]:
            answer = self._answer(dev_inputs, model)
            return {"loss": float(target.loss(answer, dev_targets)), **target.dev_metrics(answer, dev_targets)}

        objective = Objective(self.network_, batches, loss, evaluate, target.merit)
        if progress is None and self.verbose:
            progress = Bar()
        with torch.random.fork_rng():  # the caller's random numbers are left alone
            self.history_ = fit(objective, settings, checkpoint=checkpoint, resume=resume, progress=progress)
        self.network_.eval()
        return self

    def build_network(self) -> SequenceNetwork:
        """A fresh network for the fitted features and target, drawn by `seed`; it takes the place of `network_`.

        Raises:
            InputError: An argument lies outside its range.
        """
        settings = check(NetworkSettings, self.get_params())
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.network_ = SequenceNetwork(list(self.features_.values()), self.target_.size, settings)
        return self.network_

    def _training_settings(self, lengths: Tensor, checkpoint_seconds: float) -> TrainingSettings:
        """The settings of the loop, with the number of epochs chosen where it is left open."""
        values = self.get_params() | {"checkpoint_seconds": checkpoint_seconds}
        if self.epochs is None:
            fewest, most = AUTO_EPOCHS
            a_pass = math.ceil(max(len(lengths) / self.batch_size, float(lengths.sum()) / self.batch_tokens))
            values["epochs"] = min(most, max(fewest, math.ceil(AUTO_STEPS / a_pass)))
        return check(TrainingSettings, values)

    def _set_aside(self, y: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and rows to choose the best epoch by; one row alone is both."""
        if len(y) == 1:
            return np.arange(1), np.arange(1)
        return split_rows(len(y), self.dev_fraction, seed=self.seed)

    def encode(self, columns: Columns, where: Where = row_name) -> list[Ragged]:
        """The numbers of every column, in the order of `features_`."""
        return [feature.encode(columns[name], where) for name, feature in self.features_.items()]

    def _answer(self, inputs: Sequence[Ragged], model: nn.Module | None = None) -> Tensor:
        """What the network says of every row, `[rows, output_size]`, on the CPU in float32."""
        model = self.network_ if model is None else model
        device = next(model.parameters()).device
        lengths = sum(ragged.lengths for ragged in inputs)
        assert isinstance(lengths, Tensor)
        answer = torch.zeros(len(lengths), self.target_.size)
        model.eval()
        with torch.no_grad():
            for rows in BucketBatches(lengths, tokens=4 * 8192, max_rows=256, shuffle=False).epoch(0):
                answer[torch.from_numpy(rows)] = model(_pad(inputs, rows, device)).float().cpu()
        return answer

    def answer_columns(self, columns: Columns, where: Where = row_name) -> Tensor:
        """What the network says of every row of columns in the form of their kinds, `[rows, output_size]`.

        Raises:
            InputError: A cell does not fit what the model was trained on.
        """
        check_is_fitted(self, "network_")
        return self._answer(self.encode(columns, where))

    def _columns(self, X: Any) -> Columns:
        """The `X` of `predict` as columns in the form of their kinds."""
        check_is_fitted(self, "network_")
        columns = to_columns(self, X, fitting=False)
        missing = next((name for name in self.features_ if name not in columns), None)
        if missing is not None:
            raise InputError(
                f"there is no column {missing!r}, which the model was trained on{nearest(missing, columns)}"
            )
        return to_sequences(columns, {name: feature.kind for name, feature in self.features_.items()})

    def predict(self, X: Any) -> NDArray[Any]:
        """The prediction of every row of `X`, in any form that `fit` takes.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        answer = self.answer_columns(self._columns(X))
        return self.target_.predict(answer)

    def save(self, folder: str | Path) -> None:
        """Write the fitted model into a folder: TOML, JSON and safetensors, nothing that is executed on opening.

        Args:
            folder: Made if it is not there.
        """
        from treadle.tasks.folder import save_config, save_model

        check_is_fitted(self, "network_")
        save_config(Path(folder), self)
        save_model(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Open a folder that `save` or `treadle train` wrote; safe for a folder from a stranger.

        Raises:
            InputError: The folder is missing, damaged, made by a newer version, or holds another kind of model.
        """
        from treadle.tasks.folder import load

        found = load(folder)
        if not isinstance(found, cls):
            raise InputError(f"{folder}: holds a {type(found).__name__}, expected a {cls.__name__}")
        return found

    def report(self, folder: str | Path, X: Any, y: Any, *, title: str | None = None) -> Path:
        """Write `report.html` about rows the model has not seen.

        Args:
            folder: Where to.
            X: Rows, in any form that `fit` takes.
            y: Their targets.
            title: Headline of the page.

        Returns:
            The page.
        """
        from treadle.tasks.reporting import Split, write_report

        columns = self._columns(X)
        rows = len(next(iter(columns.values())))
        truth = self._check_target(y, rows)
        if isinstance(truth, np.ndarray) and truth.ndim == 2:
            truth = [np.flatnonzero(row).tolist() for row in truth]
        return write_report(self, Path(folder), Split(columns, list(truth)), title)

    @abstractmethod
    def _check_target(self, y: Any, rows: int) -> Any:
        """The target of `rows` rows in the form that `Target.encode` takes, or an InputError."""

    @abstractmethod
    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        """The target, fitted on the `train` rows of `y`; which labels there are is told from all rows."""


def _take(y: Any, rows: NDArray[np.int64]) -> Any:
    """Rows of a target, which is an array or a list of lists."""
    return y[rows] if isinstance(y, np.ndarray) else [y[row] for row in rows]


def _pad(inputs: Sequence[Ragged], rows: NDArray[np.int64], device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """A padded batch of every column."""
    padded = [ragged.pad(rows) for ragged in inputs]
    return [(x.to(device), lengths.to(device)) for x, lengths in padded]
