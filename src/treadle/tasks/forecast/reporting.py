"""From a fitted forecaster and what happened to figures, simpler methods beside it, and the report."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from treadle.evaluation import Report
from treadle.evaluation.baselines.forecasts import Method, drift, forecast, naive, naive2, seasonal_naive
from treadle.evaluation.baselines.smoothing import exponential_smoothing
from treadle.evaluation.forecast_scores import HeldOut
from treadle.evaluation.forecasting import Forecasts
from treadle.evaluation.report.forecasting import ForecastSystem, build_forecast_report
from treadle.tasks.forecast.estimator import Forecaster
from treadle.tasks.forecast.rolling import Rolled
from treadle.tasks.outcome import Say, facts

SMOOTHED = 100
"""Forecasts that exponential smoothing is fitted for, at most: each takes up to a second."""


def simple_methods(rolled: Rolled, split: str, seed: int, say: Say) -> tuple[list[ForecastSystem], Forecasts]:
    """What the model has to beat, from the same histories: the strongest first, and the reference of OWA.

    Exponential smoothing is fitted to at most `SMOOTHED` histories; of more, so many are drawn, and that is said.

    Args:
        rolled: Of the headline split.
        split: Its name.
        seed: Of the draw.
        say: Is told what takes long.
    """
    held, levels = rolled.held, rolled.forecasts.levels
    chosen = None
    if len(held) > SMOOTHED:
        chosen = sorted(np.random.default_rng(seed).choice(len(held), SMOOTHED, replace=False).tolist())
        say(f"exponential smoothing is fitted for {SMOOTHED} of {len(held):,} forecasts, drawn by seed {seed} ...")
    else:
        say("exponential smoothing is fitted to the same histories ...")
    plain: list[tuple[str, Method, str]] = [
        ("naive", naive, "the last value, for ever"),
        ("drift", drift, "the line through the first and the last value"),
    ]
    if held.season > 1:
        plain.insert(0, ("seasonal naive", seasonal_naive, f"the last season of {held.season:,} steps, for ever"))
    systems = [_smoothed(held, split, levels, chosen)]
    for name, method, description in plain:
        systems.append(ForecastSystem(name, {split: _forecast(method, held, levels)[0]}, description))
    return systems, _forecast(naive2, held, ())[0]


def _smoothed(held: HeldOut, split: str, levels: tuple[float, ...], chosen: Sequence[int] | None) -> ForecastSystem:
    since = time.monotonic()
    some = held if chosen is None else held.take(chosen)
    forecasts, made = _forecast(exponential_smoothing, some, levels)
    forms = Counter(made).most_common()
    if len(made) == 1:
        said = f"by AICc in the form {forms[0][0]}"
    else:
        said = "form chosen by AICc: " + ", ".join(f"{form} ({count:,})" for form, count in forms)
    fallbacks = [form for form, _ in forms if "naive" in form]
    if fallbacks:
        said += f"; {' and '.join(fallbacks)} where a history is too short, or does not change"
    return ForecastSystem("exponential smoothing", {split: forecasts}, said, time.monotonic() - since, chosen)


def _forecast(method: Method, held: HeldOut, levels: tuple[float, ...]) -> tuple[Forecasts, list[str]]:
    return forecast(method, held.ids, held.history, [len(truth) for truth in held.truth], held.season, levels)


def make_report(
    estimator: Forecaster,
    title: str,
    splits: Mapping[str, Rolled],
    methods: tuple[Sequence[ForecastSystem], Forecasts] | None = None,
    *,
    rolled: bool = False,
    learnt: int = 0,
    data_notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; the forecasts shown are those of "test", or of "dev" without one.

    Args:
        estimator: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        methods: What `simple_methods` gave for the headline split.
        rolled: Whether the forecasts are from as many points in time as were asked for.
        learnt: How many of those shown are of steps that the model has learnt from.
        data_notes: Sentences on the data.
        commands: How to get the model again.
    """
    shown = splits["test" if "test" in splits else next(iter(splits))]
    seconds = estimator.training_seconds()
    given = {name: rolled.forecasts for name, rolled in splits.items()}
    baselines, reference = methods if methods else ((), None)
    return build_forecast_report(
        title,
        {name: rolled.held for name, rolled in splits.items()},
        ForecastSystem(estimator.describe(), given, estimator.describe_size(), seconds or None),
        stamps=shown.stamps,
        baselines=baselines,
        naive2=reference,
        rolled=rolled,
        learnt=learnt,
        summary=f"{estimator.describe()}: {estimator.describe_size()}.{estimator.remark()}",
        history=estimator.history_,
        data_notes=data_notes,
        config=estimator.get_params(),
        commands=commands,
        facts=facts(),
    )
