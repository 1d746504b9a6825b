"""How a forecaster learns: once to find the best epoch and then, unless told otherwise, once more on everything."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Self, Unpack

import numpy as np
import torch

from treadle.data.forecasting import Panel, find_season
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.learning import Part, dev_begins, fit_features
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.objective import StretchBatches, forecast_objective
from treadle.tasks.forecast.settings import ForecastSettings, OpenRefitSettings, choose_chunk, choose_horizon
from treadle.tasks.refit import Refitting
from treadle.tasks.settings import check
from treadle.training import Conduct, Objective, TrainingSettings
from treadle.training.averaging import meet

AUTO_STEPS, AUTO_EPOCHS = 200, (8, 40)
"""Steps that a run has about, and the fewest and the most epochs, where `epochs` is left open."""
BARRIER = 1.25
"""The error of a mean of weights on dev, as a multiple of the larger one of those that it lies between, at most."""
ANSWERS = 600_000
"""Raw numbers of a batch at most: of a long horizon, fewer steps are answered at."""


class Fitting(Refitting):
    """A forecaster as far as it is trained; the arguments and attributes are documented in `Forecaster`."""

    refit_settings = OpenRefitSettings
    features_: PanelFeatures
    settings_: ForecastSettings
    network_: ForecastNetwork
    panel_: Panel
    horizon_: int
    met_: bool
    horizon: int | None
    season: int | None
    levels: Sequence[float]
    chunk: int | None
    mode: str
    conformal: bool

    def fit_panel(
        self,
        panel: Panel,
        dev: Panel | None = None,
        **how: Unpack[Conduct],
    ) -> Self:
        """Train on series that were read; what `fit` and the command line share.

        Args:
            panel: The series.
            dev: What follows them.
            **how: How training is carried out, as in `treadle.training.Conduct`.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`, or beside it.
        """
        self.check_arguments()
        self.panel_ = panel if dev is None else panel.joined(dev)
        end = dev_begins(panel, self.dev_fraction, self.season) if dev is None else [len(one) for one in panel.values]
        train = self.panel_.until(end)
        season = self.season or find_season(train)
        self.horizon_ = self.horizon or choose_horizon(season)
        self.features_ = fit_features(train, self.get_params(), season, self.horizon_)
        part, objective = self.train_twice(partial(self._train, end), given=dev is not None, **how)
        if self.unrefit_ is not None:
            self._meet(self.unrefit_, objective)
        if self.mode == "direct":
            part.calibrate(self.network_, self.settings_.levels, conformal=self.conformal)
        return self

    def _train(
        self,
        end: Sequence[int],
        *,
        everything: bool,
        epochs: int | None,
        last: int,
        **how: Unpack[Conduct],
    ) -> tuple[Part, Objective]:
        """Train a fresh network on `panel_`, in the numbers of `features_`.

        Args:
            end: Where dev begins in every series.
            everything: Whether dev is learnt from, too.
            epochs: How many there are; None for as many as the arguments and the series say.
            last: The epoch that is kept; 0 for the best on dev.
            **how: What `train_network` is told.
        """
        if everything:
            self.features_ = self.features_.refitted(self.panel_)
        part = Part.of(self.panel_, self.features_, np.array(end), everything=everything)
        self.settings_ = check(ForecastSettings, self.get_params())
        batches = StretchBatches(
            part.first,
            part.learnt,
            chunk=self.chunk or choose_chunk(self.features_.lookback),
            rows=check(TrainingSettings, self.training_values(1)).batch_size,
            origins=max(64, ANSWERS // (self.features_.horizon * self.settings_.distribution().size)),
            seed=self.seed,
        )
        fewest, most = AUTO_EPOCHS
        epochs = epochs or min(most, max(fewest, math.ceil(AUTO_STEPS / batches.per_epoch)))
        settings = check(TrainingSettings, self.training_values(epochs))
        network = self.build_network()
        network.begin(part.base_errors())
        objective = forecast_objective(network, part.windows, batches, part.dev_origins(), part.end)
        self.train_network(replace(objective, last=last), settings, **how)
        return part, objective

    def _meet(self, first: Self, objective: Objective) -> None:
        """Move the network half the way to that of the first training, unless a barrier lies between the two."""
        mean = copy.deepcopy(self.network_)
        mean.load_state_dict(meet(first.network_, self.network_))
        *errors, error = (_error(objective, network) for network in (first.network_, self.network_, mean))
        self.met_ = error <= BARRIER * max(errors)
        if self.met_:
            self.network_ = mean

    def remark(self) -> str:
        """What the report of a run with two trainings says of that; empty after one."""
        if self.unrefit_ is None:
            return ""
        kept = "the mean of both trainings" if self.met_ else "those of the second training"
        return f"{super().remark()} The weights are {kept}."

    def learns_dev(self, *, given: bool) -> bool:
        """Whether there is a second training; calibration needs steps that none has learnt.

        Args:
            given: Whether dev data is given.
        """
        return super().learns_dev(given=given) and not self.conformal

    def build_network(self) -> ForecastNetwork:
        """A fresh network for the fitted features, drawn by `seed`; it takes the place of `network_`."""
        features = self.features_
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            shape = (features.input_size, len(features.future.names), features.horizon)
            self.network_ = ForecastNetwork(*shape, self.settings_)
        return self.network_


def _error(objective: Objective, network: ForecastNetwork) -> float:
    """What a network errs by on dev, in scales."""
    return objective.evaluate(network)["scaled_error"]
