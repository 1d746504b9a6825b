"""How a forecaster learns: once to find the best epoch and, if wished, once more on everything."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from treadle.data.forecasting import Panel, find_season
from treadle.tasks.estimator import Estimator
from treadle.tasks.forecast.features import PanelFeatures
from treadle.tasks.forecast.learning import Part, dev_begins, fit_features
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.objective import StretchBatches, forecast_objective
from treadle.tasks.forecast.settings import ForecastSettings, choose_chunk, choose_horizon
from treadle.tasks.settings import check
from treadle.training import Progress, StepsOnly, TrainingSettings

AUTO_STEPS, AUTO_EPOCHS = 200, (8, 40)
"""Steps that a run has about, and the fewest and the most epochs, where `epochs` is left open."""
ANSWERS = 600_000
"""Raw numbers of a batch at most: of a long horizon, fewer steps are answered at."""


class Fitting(Estimator):
    """A forecaster as far as it is trained; the arguments and attributes are documented in `Forecaster`."""

    features_: PanelFeatures
    settings_: ForecastSettings
    network_: ForecastNetwork
    panel_: Panel
    horizon_: int
    refit_seconds_: float
    unrefit_: "Fitting"
    horizon: int | None
    season: int | None
    levels: Sequence[float]
    chunk: int | None
    mode: str
    conformal: bool
    refit: bool

    def fit_panel(
        self,
        panel: Panel,
        dev: Panel | None = None,
        *,
        checkpoint: Path | None = None,
        checkpoint_seconds: float = 60.0,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Train on series that were read; what `fit` and the command line share.

        Args:
            panel: The series.
            dev: What follows them.
            checkpoint: A file for the state of training.
            checkpoint_seconds: Time between two of them.
            resume: Whether to go on from it.
            progress: Is told of every step and epoch.

        Raises:
            InputError: An argument or the data cannot be used.
            Interrupted: Training was asked to stop; its state is in `checkpoint`.
        """
        self.check_arguments()
        self.panel_ = panel if dev is None else panel.joined(dev)
        end = dev_begins(panel, self.dev_fraction, self.season) if dev is None else [len(one) for one in panel.values]
        train = self.panel_.until(end)
        season = self.season or find_season(train)
        self.horizon_ = self.horizon or choose_horizon(season)
        self.features_ = fit_features(train, self.get_params(), season, self.horizon_)
        # What takes the loop's place goes on from where a run ended: in the features of its second training.
        taken = self.refit and self._training is not None
        how: dict[str, Any] = {"checkpoint_seconds": checkpoint_seconds, "resume": resume}
        if taken:
            self.features_ = self.features_.refitted(self.panel_)
        part = self._train(end, everything=taken, checkpoint=checkpoint, progress=progress, **how)
        self.refit_seconds_, self.unrefit_ = 0.0, self
        if self.refit and not taken:
            self.unrefit_, history = copy.copy(self), self.history_
            best = max(record["epoch"] for record in history if record["best"])
            other = None if checkpoint is None else checkpoint.with_stem(f"{checkpoint.stem}-refit")
            steps = None if progress is None else StepsOnly(progress)
            self.features_ = self.features_.refitted(self.panel_)
            part = self._train(end, everything=True, last=best, checkpoint=other, progress=steps, **how)
            self.refit_seconds_ = sum(record["seconds"] for record in self.history_)
            self.history_ = history
        if self.mode == "direct":
            part.calibrate(self.network_, self.settings_.levels, conformal=self.conformal)
        return self

    def _train(
        self,
        end: Sequence[int],
        *,
        everything: bool,
        checkpoint_seconds: float,
        last: int = 0,
        **how: Any,
    ) -> Part:
        """Train a fresh network on `panel_`, in the numbers of `features_`.

        Args:
            end: Where dev begins in every series.
            everything: Whether dev is learnt from, too.
            checkpoint_seconds: Time between two checkpoints.
            last: The epoch that is kept; 0 for the best on dev.
            **how: What `train_network` is told.
        """
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
        epochs = min(most, max(fewest, math.ceil(AUTO_STEPS / batches.per_epoch)))
        # With dev, epochs may be longer and so fewer; the one to keep is among them in any case.
        values = self.training_values(max(epochs, last)) | {"checkpoint_seconds": checkpoint_seconds}
        network = self.build_network()
        network.begin(part.base_errors())
        objective = forecast_objective(network, part.windows, batches, part.dev_origins(), part.end)
        self.train_network(replace(objective, last=last), check(TrainingSettings, values), **how)
        return part

    def build_network(self) -> ForecastNetwork:
        """A fresh network for the fitted features, drawn by `seed`; it takes the place of `network_`."""
        features = self.features_
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            shape = (features.input_size, len(features.future.names), features.horizon)
            self.network_ = ForecastNetwork(*shape, self.settings_)
        return self.network_
