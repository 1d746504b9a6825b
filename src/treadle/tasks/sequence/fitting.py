"""How a network of one answer a sequence learns: features, target and weights, once or twice."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self, TypeVar, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import BucketBatches, Kind, Ragged, split_rows
from treadle.errors import InputError
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.refit import Refitting
from treadle.tasks.sequence.features import Feature, Where, fit_features
from treadle.tasks.sequence.inputs import Columns, row_name
from treadle.tasks.sequence.network import SequenceNetwork, steps_a_row
from treadle.tasks.sequence.objective import answer_objective
from treadle.tasks.sequence.reader import Reader
from treadle.tasks.sequence.split import Split
from treadle.tasks.sequence.targets import Target
from treadle.tasks.settings import FeatureSettings, NetworkSettings, check
from treadle.training import Conduct, Objective, TrainingSettings

N = TypeVar("N", bound=SequenceNetwork)


class Fitting(Refitting, Reader):
    """An estimator of one answer a sequence as far as it is trained; documented in `SequenceEstimator`."""

    features_: dict[str, Feature]
    target_: Target
    settings_: NetworkSettings
    network_: SequenceNetwork  # both base classes know of one
    train_rows_: NDArray[np.int64]
    dev_rows_: NDArray[np.int64] | None

    def fit_columns(
        self,
        columns: Columns,
        kinds: Mapping[str, Kind],
        y: Any,
        *,
        dev: tuple[Columns, Any] | None = None,
        where: Where = row_name,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train on columns whose kinds are known; what `fit` and the command line share.

        Args:
            columns: Cells in the form of their kinds, by column.
            kinds: The kind of every column.
            y: The target of every row.
            dev: Columns and target to choose the best epoch by.
            where: The place of a row of `columns`, for error sentences.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`, or beside it.
        """
        self.check_arguments()
        whole = learnt = self._split(columns, y, where)
        self.train_rows_, self.dev_rows_ = np.arange(len(whole)), None
        if dev is None:
            self.train_rows_, self.dev_rows_ = self._set_aside(whole.y)
            learnt, held = whole.take(self.train_rows_), whole.take(self.dev_rows_)
        else:
            held = self._split(*dev, lambda row: f"dev, {row_name(row)}")
            if self.learns_dev(given=True) and isinstance(held.y, list) != isinstance(learnt.y, list):
                raise InputError("the targets of training and dev are in two forms, expected one for refit")
        train = partial(self._train, whole, learnt, held, kinds)
        self.train_twice(train, given=dev is not None, **how)
        return self

    def _train(
        self,
        whole: Split,
        learnt: Split,
        held: Split,
        kinds: Mapping[str, Kind],
        *,
        everything: bool,
        epochs: int | None,
        last: int,
        **how: Unpack[Conduct],
    ) -> None:
        """Fit features and target, and train a fresh network.

        Args:
            whole: Rows that tell which labels there are, those of `train_rows_` among them.
            learnt: These, the rows that are learnt from.
            held: Those that the best epoch is chosen by.
            kinds: Of the columns.
            everything: Whether the rows held back are learnt from, too.
            epochs: How many there are; None for as many as the arguments say.
            last: The epoch that is kept; 0 for the best on dev.
            **how: What `train_network` is told.
        """
        arguments = self.get_params()
        pretrained = None if self.init_from is None else Pretrained.open(self.init_from)
        shape = {} if pretrained is None else pretrained.shape(arguments, self.left_open())
        self.settings_ = check(NetworkSettings, arguments | shape)
        options = check(FeatureSettings, arguments)
        rows = self.train_rows_
        if everything:
            whole = learnt = learnt.joined(held)
            rows = np.arange(len(whole))
        self.features_, inputs = fit_features(learnt.columns, kinds, options, learnt.place, pretrained)
        self.target_ = self._fit_target(whole.y, rows)
        self._check_pairs(inputs, learnt.y, learnt.place)
        dev_inputs = self.encode(held.columns, held.place)
        self._check_pairs(dev_inputs, held.y, held.place)
        train, dev = (inputs, self.target_.encode(learnt.y)), (dev_inputs, self.target_.encode(held.y))
        network = self.build_network()
        if pretrained is not None:
            network.begin_from(pretrained)
        settings = self.training_settings(self._steps_of_a_pass(steps_a_row(inputs)), epochs)
        objective = self._objective(network, settings, train, dev)
        self.train_network(replace(objective, last=last), settings, **how)

    def _split(self, columns: Columns, y: Any, where: Where) -> Split:
        """Rows whose targets have been checked."""
        return Split(columns, self._check_target(y, len(next(iter(columns.values())))), where)

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

    @abstractmethod
    def _fit_target(self, y: Any, train: NDArray[np.int64]) -> Target:
        """The target, fitted on the `train` rows of `y`; which labels there are is told from all rows."""
