"""What a forecaster says of series: quantiles, frames, joint paths, scores, likelihoods."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from treadle.data.forecasting import Panel
from treadle.errors import InputError, counted
from treadle.evaluation.forecasting import Forecasts, mase
from treadle.evaluation.saliency import Saliency
from treadle.tasks.forecast.explanation import saliency
from treadle.tasks.forecast.frames import column_names, frame_like
from treadle.tasks.forecast.network import ForecastNetwork
from treadle.tasks.forecast.objective import answer_at
from treadle.tasks.forecast.paths import ancestral_paths, coupled_paths, draws_of
from treadle.tasks.forecast.reading import Reading
from treadle.tasks.forecast.scaling import Floats
from treadle.tasks.forecast.settings import ForecastSettings
from treadle.tasks.forecast.transform import log_slope, undo
from treadle.tasks.forecast.windows import Ahead, Windows

PATHS = 400
"""Paths whose quantiles an autoregressive forecaster answers with."""


class Predicting(Reading):
    """A forecaster as far as it forecasts.

    Attributes:
        settings_: The shape of the network and its answer.
        network_: The trained network.
        horizon_: Steps ahead.
    """

    settings_: ForecastSettings
    network_: ForecastNetwork
    horizon_: int
    seed: int

    def predict(self, data: Any = None, *, horizon: int | None = None, future: Any = None) -> Any:
        """What comes after the end of every series.

        Args:
            data: Series in any form that `fit` takes; by default those of training.
            horizon: Steps ahead; by default `horizon_`. Where it is another one, the mode must be "autoregressive", or
                it must be shorter.
            future: Covariates of the steps ahead that are known in advance, where `data` does not go on to give them.

        Returns:
            A frame of the same kind as `data` (a dict of lists for whatever is no data frame): a row a step of a
            series, with the columns `unique_id`, `ds`, `y` (the median) and `y_10`, ..., `y_90`, a column a level.

        Raises:
            InputError: The data does not fit what the model was trained on, or covariates are missing.
        """
        panel = self.panel_asked(data, future)
        steps = self._steps(horizon)
        found = self.predict_panel(panel, steps)
        columns: dict[str, list[Any]] = {"unique_id": [], "ds": [], "y": []}
        names = column_names(found.levels)
        columns |= {name: [] for name in names}
        for number, (point, quantiles) in enumerate(zip(found.point, found.quantiles, strict=True)):
            stamps = panel.stamps(number, steps)[len(panel.values[number]) :]
            columns["unique_id"] += [panel.ids[number]] * steps
            columns["ds"] += list(stamps)
            columns["y"] += point.tolist()
            for place, name in enumerate(names):
                columns[name] += quantiles[:, place].tolist()
        return frame_like(data, columns, panel.frequency)

    def saliency(
        self, data: Any = None, *, series: str | None = None, step: int = 1, steps: int | None = None
    ) -> Saliency:
        """Which past steps of a series moved the median of a step ahead, by integrated gradients.

        The score is the median less the level of the last window, in its scale (for counts: the mean count), after the
        transform.

        Args:
            data: As in `predict`.
            series: Its `unique_id`; by default the first.
            step: Which step ahead, from 1.
            steps: Points on the path of the integral; None takes as many as the weights need to add up.

        Raises:
            InputError: As in `predict`; or there is no such series, or the step lies beyond the horizon.
        """
        check_is_fitted(self, "network_")
        return saliency(self, self.panel_asked(data, None), series, step, steps)

    def predict_panel(self, panel: Panel, horizon: int | None = None) -> Forecasts:
        """The same for series that were read, as `treadle.evaluation.forecasting` takes it.

        Raises:
            InputError: As in `predict`.
        """
        check_is_fitted(self, "network_")
        steps = self._steps(horizon)
        windows = self.features_.encode(panel, beyond=steps)
        if self.settings_.mode == "autoregressive":
            paths, raw, first = self._ancestral(panel, windows, steps, PATHS, self.seed)
            # What is drawn can be known exactly of the first step.
            return self._of_paths(panel, paths, raw, first)
        origins = [np.array([length - 1]) for length in windows.lengths]
        raw, series, origin = answer_at(self.network_, windows, origins)
        point, quantiles = self._quantiles(raw, windows.ahead(series, origin))
        return Forecasts(panel.ids, list(point[:, :steps]), self.settings_.levels, list(quantiles[:, :steps]))

    def predict_origins(
        self, panel: Panel, origins: Sequence[Sequence[int]], horizon: int | None = None
    ) -> list[Forecasts]:
        """Forecasts from many places in every series, read only once; each is what `predict_panel` says up to there.

        Args:
            panel: The series.
            origins: Of every series, how many of its steps are known each time: rising numbers, as many for each.
            horizon: Steps ahead.

        Returns:
            One for each place.

        Raises:
            InputError: As in `predict`; or an origin lies before the first value or beyond the end.
        """
        check_is_fitted(self, "network_")
        steps = self._steps(horizon)
        rounds = len(origins[0]) if len(origins) else 0
        if self.settings_.mode == "autoregressive":
            return [self.predict_panel(panel.until([one[k] for one in origins]), steps) for k in range(rounds)]
        windows = self.features_.encode(panel)
        at = [np.asarray(one, dtype=np.int64) - 1 - skip for one, skip in zip(origins, windows.skipped, strict=True)]
        for number, (one, length) in enumerate(zip(at, windows.lengths, strict=True)):
            if len(one) and (one.min() < 0 or one.max() >= length):
                raise InputError(f"{panel.where(number)}: an origin lies before its first value or beyond its end")
        raw, series, origin = answer_at(self.network_, windows, at)
        point, quantiles = self._quantiles(raw, windows.ahead(series, origin))
        shape = (len(panel), rounds, *point.shape[1:])
        point, quantiles = point.reshape(shape), quantiles.reshape(*shape, -1)
        levels = self.settings_.levels
        return [
            Forecasts(panel.ids, list(point[:, k, :steps]), levels, list(quantiles[:, k, :steps]))
            for k in range(rounds)
        ]

    def sample(
        self, data: Any = None, *, paths: int = 100, horizon: int | None = None, future: Any = None, seed: int = 0
    ) -> Floats:
        """Joint paths: whole futures, whose steps belong together.

        In the mode "autoregressive" every step is drawn after those before it; in the mode "direct" the quantiles of
        all steps are coupled by a Gaussian copula of the errors in training.

        Args:
            data: As in `predict`.
            paths: How many.
            horizon: Steps ahead.
            future: As in `predict`.
            seed: Of the draws.

        Returns:
            `[paths, series, horizon]`.

        Raises:
            InputError: As in `predict`; or there is less than one path.
        """
        panel = self.panel_asked(data, future)
        return self.sample_panel(panel, paths=paths, horizon=horizon, seed=seed)

    def sample_panel(self, panel: Panel, *, paths: int = 100, horizon: int | None = None, seed: int = 0) -> Floats:
        """The same for series that were read."""
        _check_whole("paths", paths)
        steps = self._steps(horizon)
        windows = self.features_.encode(panel, beyond=steps)
        if self.settings_.mode == "autoregressive":
            return undo(self.features_.transform, self._ancestral(panel, windows, steps, paths, seed)[0])
        raw, series, origin = answer_at(self.network_, windows, [np.array([n - 1]) for n in windows.lengths])
        drawn = coupled_paths(self.network_, raw, windows.ahead(series, origin), paths, draws_of(panel.ids, seed))
        return undo(self.features_.transform, drawn[..., :steps])

    def score(self, data: Any, y: None = None) -> float:  # noqa: ARG002 (scikit-learn's signature)
        """Less the mean absolute scaled error of the last horizon of every series: the larger the better.

        Raises:
            InputError: As in `predict`; or a series is not longer than the horizon. NaN is answered where no series
                changes from season to season, so that its error has no scale.
        """
        before, truth = self.panel_asked(data, None).cut(self.horizon_)
        found = self.predict_panel(before)
        season = self.features_.season
        errors = [
            mase(y, point, history, season)
            for y, point, history in zip(truth.values, found.point, before.values, strict=True)
        ]
        known = [error for error in errors if not np.isnan(error)]
        return -float(np.mean(known)) if known else float("nan")

    def log_likelihoods(self, data: Any) -> list[NDArray[np.float64]]:
        """The log-density of every value after all before it, in nats.

        It is NaN for missing values, and for those before which a series has stood still.

        Args:
            data: Series in any form that `fit` takes.

        Returns:
            `[time]` of every series.

        Raises:
            InputError: The output is "quantiles", which have none; or as in `predict`.
        """
        check_is_fitted(self, "network_")
        panel = self.panel_asked(data, None)
        windows = self.features_.encode(panel)
        raw, series, origin = answer_at(self.network_, windows, [np.arange(n - 1) for n in windows.lengths])
        ahead = windows.ahead(series, origin)
        scale = torch.where(ahead.scale > 0, ahead.scale, torch.nan)
        found = self.network_.distribution.log_likelihood(
            raw[:, 0].double(), ahead.target[:, 0], ahead.location[:, 0], scale
        ).numpy()
        told = []
        for number, values in enumerate(panel.values):
            skip = int(windows.skipped[number]) + 1
            nats = np.full(len(values), np.nan)
            nats[skip:] = found[series == number] + log_slope(self.features_.transform, values[skip:])
            told.append(nats)
        return told

    def _steps(self, horizon: int | None) -> int:
        steps = self.horizon_ if horizon is None else horizon
        _check_whole("horizon", steps)
        if self.settings_.mode == "direct" and steps > self.features_.horizon:
            raise InputError(
                f"the model was trained to forecast {counted(self.features_.horizon, 'step')}, found a horizon of "
                f"{steps:,}; train it with this horizon or with mode='autoregressive'"
            )
        return steps

    def _quantiles(self, raw: Tensor, ahead: Ahead) -> tuple[Floats, Floats]:
        """Median `[origins, horizon]` and quantiles `[origins, horizon, levels]`, in the unit of y."""
        network, levels = self.network_, self.settings_.levels
        scale = ahead.scale[:, None].expand(ahead.location.shape)
        asked = torch.tensor([*levels, 0.5], dtype=torch.float64)
        found = network.distribution.quantiles(raw.double(), asked, ahead.location, scale)
        table = found[..., :-1] + network.offsets.double().cpu() * scale[..., None]
        quantiles = np.sort(undo(self.features_.transform, table.numpy()), -1)
        median = undo(self.features_.transform, found[..., -1].numpy())
        if 0.5 in levels:
            median = quantiles[..., levels.index(0.5)]
        return median, quantiles

    def _ancestral(
        self, panel: Panel, windows: Windows, steps: int, paths: int, seed: int
    ) -> tuple[Floats, Tensor, Ahead]:
        draws = draws_of(panel.ids, seed)
        return ancestral_paths(self.network_, self.features_, panel, windows, steps, paths, draws)

    def _of_paths(self, panel: Panel, paths: Floats, raw: Tensor, first: Ahead) -> Forecasts:
        """Quantiles of paths `[paths, series, horizon]`, with those of the first step as they are."""
        levels = self.settings_.levels
        drawn = undo(self.features_.transform, paths)
        quantiles = np.moveaxis(np.quantile(drawn, levels, axis=0), 0, -1)
        point = np.median(drawn, 0)
        exact_point, exact = self._quantiles(raw, first)
        point[:, 0], quantiles[:, 0] = exact_point[:, 0], exact[:, 0]
        return Forecasts(panel.ids, list(point), levels, list(np.maximum.accumulate(quantiles, -1)))


def _check_whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r:.50}, expected a whole number from 1")
