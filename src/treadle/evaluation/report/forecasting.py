"""The report about a forecaster: best, median and worst forecast; how far ahead, how sure, and better than what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.errors import counted
from treadle.evaluation.forecast_scores import HEADLINE, HeldOut, compare_forecasts, forecast_scores, window_errors
from treadle.evaluation.forecasting import Floats, Forecasts
from treadle.evaluation.plots.forecasts import Band, error_by_step, forecast_fan, levels_held
from treadle.evaluation.report.content import Report, Section, SystemScores
from treadle.evaluation.report.html import Html, details, element, figure, join, table
from treadle.evaluation.scores import Estimate
from treadle.evaluation.wording import METRIC_LABELS, readable, readable_interval

Stamps = npt.NDArray[Any]

_MOST_HISTORY = 400  # steps that are drawn before a forecast
_LISTED = 25  # series in sight; the others on demand
_LISTED_AT_ALL = 1000


@dataclass(frozen=True)
class ForecastSystem:
    """A model or a baseline, with what it expected.

    Attributes:
        name: A few words.
        forecasts: Of every split.
        description: One phrase on what it is.
        seconds: How long its training took, or None.
        chosen: The numbers of the forecasts that it was made for, of the headline split; None for all.
    """

    name: str
    forecasts: Mapping[str, Forecasts]
    description: str = ""
    seconds: float | None = None
    chosen: Sequence[int] | None = None


def build_forecast_report(
    title: str,
    splits: Mapping[str, HeldOut],
    model: ForecastSystem,
    *,
    stamps: Callable[[int], Stamps],
    baselines: Sequence[ForecastSystem] = (),
    naive2: Forecasts | None = None,
    rolled: bool = False,
    learnt: int = 0,
    **content: Any,
) -> Report:
    """Compute scores, verdict and pictures. The headline split is "test" where there is one, else the first.

    Args:
        title: Headline of the page.
        splits: What happened, by split.
        model: The model, with forecasts for every split.
        stamps: Gives the stamps of a forecast of the headline split: `[history + horizon]`.
        baselines: What it is compared with on the headline split, the strongest first: that one decides the verdict,
            and must have all forecasts.
        naive2: The reference of OWA on the headline split.
        rolled: Whether the forecasts are from as many points in time as were asked for.
        learnt: How many of them are of steps that the model has learnt from; the verdict says so.
        **content: What else a `Report` holds: `summary`, `history`, `data_notes`, `config`, `commands`, `facts`.
    """
    shown = "test" if "test" in splits else next(iter(splits))
    held, given = splits[shown], model.forecasts[shown]
    whole = [one for one in baselines if one.chosen is None]
    rival = whole[0] if whole else None
    beside = rival.forecasts[shown] if rival else None
    scores = {
        name: forecast_scores(held, model.forecasts[name], naive2 if name == shown else None)
        for name, held in splits.items()
    }
    comparison = compare_forecasts(held, given, beside, rival.name, rolled=rolled) if rival and beside else None
    if comparison and learnt:
        known = (
            f"{learnt:,} of the {counted(len(held), 'forecast')} are of steps that the model has learnt from: they are "
            "better than new ones will be."
        )
        comparison = replace(comparison, evidence=f"{comparison.evidence} {known}")
    looked_at = _Shown(held, given, beside, rival.name if rival else "baseline")
    sections = [
        Section("forecasts", "Forecasts and what happened", _fans(looked_at, stamps)),
        Section("horizon", "How far ahead, and how sure", _pictures(looked_at)),
        Section("methods", "Beside simpler methods", _methods(held, shown, given, baselines, naive2)),
        Section("series", "Every series", _series(looked_at)),
    ]
    return Report(
        title=title,
        kind="Forecasts of series",
        metric=HEADLINE,
        model=SystemScores(model.name, scores, model.description, model.seconds),
        split=shown,
        baseline=_scores(held, shown, rival, naive2),
        floor=_scores(held, shown, whole[1] if len(whole) > 1 else None, naive2),
        comparison=comparison,
        unit="forecast",
        sections=[section for section in sections if section.parts],
        **content,
    )


def _scores(held: HeldOut, split: str, system: ForecastSystem | None, naive2: Forecasts | None) -> SystemScores | None:
    if system is None:
        return None
    scores = {split: forecast_scores(held, system.forecasts[split], naive2)}
    return SystemScores(system.name, scores, system.description, system.seconds)


@dataclass(frozen=True)
class _Shown:
    """The headline split: what happened, what the model said of it, and what the strongest baseline did."""

    held: HeldOut
    given: Forecasts
    beside: Forecasts | None
    rival: str


def _fans(shown: _Shown, stamps: Callable[[int], Stamps]) -> list[Html]:
    """The best, the median and the worst forecast; all, where there are no more than three."""
    held = shown.held
    errors = window_errors(held, shown.given)
    theirs = None if shown.beside is None else window_errors(held, shown.beside)
    order = [int(one) for one in np.argsort(errors, kind="stable") if not np.isnan(errors[one])]
    if not order:  # series that never change have no scale
        order = list(range(len(held)))
    drawn: dict[int, str] = {}
    for place, name in ((0, "Best"), (-1, "Worst"), (len(order) // 2, "Median")):
        drawn.setdefault(order[place], name)
    said = f"{held.amount().capitalize()}, ordered by MASE. " if len(drawn) > 1 else ""
    bands = "The shade is made of central intervals: the darker, the likelier." if shown.given.intervals() else ""
    parts = [element("p", f"{said}{bands}", class_="legend")] if said or bands else []
    for number in sorted(drawn, key=order.index):
        beside = "" if theirs is None else f"; {shown.rival} (dashed) {readable(theirs[number])}"
        name = f"{drawn[number]}: {held.ids[number]}" if len(drawn) > 1 else held.ids[number]
        parts.append(_fan(shown, stamps(number), number, name, f"MASE {readable(errors[number])}{beside}."))
    return parts


def _fan(shown: _Shown, stamps: Stamps, number: int, title: str, said: str) -> Html:
    truth, history = shown.held.truth[number], shown.held.history[number]
    hidden = max(0, len(history) - min(_MOST_HISTORY, max(3 * len(truth), 2 * shown.held.season, 60)))
    svg = forecast_fan(
        stamps[hidden:],
        history[hidden:],
        truth,
        shown.given.point[number],
        [Band(share, *shown.given.interval(number, share)) for share in shown.given.intervals()],
        None if shown.beside is None else shown.beside.point[number],
        f"{title}: the forecast of {counted(len(truth), 'step')} beside what happened. {said}",
    )
    return figure(svg, said, title, class_="fan")


def _pictures(shown: _Shown) -> list[Html]:
    held, given, beside = shown.held, shown.given, shown.beside
    ours = _by_step(held, given)
    pictures = []
    if len(ours) > 1 and not np.isnan(ours).all():
        theirs = None if beside is None else _by_step(held, beside)
        svg = error_by_step(ours, theirs, "mean error / scale", shown.rival)
        caption = "In units of what seasonal naive errs by, one season ahead, on the history."
        pictures.append(figure(svg, caption, "Error by step ahead"))
    if len(given.levels) > 1 and not np.isnan(np.concatenate(held.truth)).all():
        comparable = beside is not None and beside.levels == given.levels
        theirs = _below(held, beside) if beside is not None and comparable else None
        svg = levels_held(given.levels, _below(held, given), theirs, shown.rival)
        caption = "On the dashed line, what a quantile promises came true."
        if given.intervals():
            inside = forecast_scores(held, given)["coverage"].value
            caption += f" The {given.intervals()[0]:.0%} interval held {inside:.0%} of what happened.".replace(
                "%", " %"
            )
        pictures.append(figure(svg, caption, "Coverage by level"))
    return [element("div", join(pictures), class_="pictures")] if pictures else []


def _by_step(held: HeldOut, given: Forecasts) -> Floats:
    """`[horizon]` mean absolute error in scales, of the forecasts that have the step and a scale."""
    sums, counts = np.zeros((2, max(map(len, held.truth))))
    for truth, point, scale in zip(held.truth, given.point, held.scales, strict=True):
        if scale > 0:
            error = np.abs(point - truth) / scale
            known = ~np.isnan(error)
            sums[: len(error)] += np.where(known, error, 0.0)
            counts[: len(error)] += known
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _below(held: HeldOut, given: Forecasts) -> Floats:
    """`[levels]` share of values at or below each quantile."""
    below, steps = np.zeros(len(given.levels)), 0
    for truth, quantiles in zip(held.truth, given.quantiles, strict=True):
        known = ~np.isnan(truth)
        below += (truth[known, None] <= quantiles[known]).sum(0)
        steps += int(known.sum())
    return below / max(steps, 1)


def _methods(
    held: HeldOut, split: str, given: Forecasts, baselines: Sequence[ForecastSystem], naive2: Forecasts | None
) -> list[Html]:
    """A row a method, the model first; methods made for some series only have the model beside them on the same."""
    if not baselines:
        return []
    rows: list[tuple[str, dict[str, Estimate]]] = [("this model", forecast_scores(held, given, naive2))]
    rows += [(one.name, forecast_scores(held, one.forecasts[split], naive2)) for one in baselines if one.chosen is None]
    for one in baselines:
        if one.chosen is not None:
            some = held.take(one.chosen)
            reference = None if naive2 is None else naive2.take(one.chosen)
            ours = forecast_scores(some, given.take(one.chosen), reference)
            rows.append(
                (f"{one.name}, on {len(some):,} of them", forecast_scores(some, one.forecasts[split], reference))
            )
            rows.append(("this model, on the same", ours))
    metrics = list(rows[0][1])
    body = [[name, *(_figure(scores.get(metric), metric) for metric in metrics)] for name, scores in rows]
    head = ["Method", *(METRIC_LABELS[metric] for metric in metrics)]
    notes = [
        "MASE: mean error in units of what seasonal naive errs by on the history. sMAPE: in per cent, up to 200.",
        "OWA: both as shares of naive on the seasonally adjusted series, averaged; below 1 is better than it.",
        "CRPS: error of the whole distribution, as a share of the mean size of what happened.",
    ]
    if given.intervals():
        notes.append(f"Coverage: of {given.intervals()[0]:.0%} intervals.".replace("%", " %"))
    described = [element("li", join([element("b", one.name), f": {one.description}."])) for one in baselines]
    return [
        table(f"{held.amount().capitalize()}, all methods on the same", head, body, class_="methods"),
        element("p", " ".join(notes), class_="note"),
        element("ul", join(described), class_="notes"),
    ]


def _figure(estimate: Estimate | None, metric: str) -> Html:
    if estimate is None:
        return Html("–")
    value = readable(estimate.value, metric)
    return (
        join([value]) if estimate.low is None else join([value, element("small", readable_interval(estimate, metric))])
    )


def _series(shown: _Shown) -> list[Html]:
    """Mean MASE of every series, the worst first."""
    ours = _by_series(shown.held, shown.given)
    theirs = None if shown.beside is None else _by_series(shown.held, shown.beside)
    if len(ours) < 2:
        return []
    order = sorted(ours, key=lambda name: -np.nan_to_num(ours[name], nan=-1.0))
    head = ["Series", "This model", *([] if theirs is None else [shown.rival])]
    rows = [[name, readable(ours[name]), *([] if theirs is None else [readable(theirs[name])])] for name in order]
    if len(rows) <= _LISTED:
        return [table("MASE of every series, the worst first", head, rows)]
    parts = [table(f"MASE of the {_LISTED} worst of {len(rows):,} series", head, rows[:_LISTED])]
    kept = rows[:_LISTED_AT_ALL]
    named = (
        f"All {len(rows):,} series" if len(kept) == len(rows) else f"The {len(kept):,} worst of {len(rows):,} series"
    )
    return [*parts, details(named, table("MASE of every series, the worst first", head, kept))]


def _by_series(held: HeldOut, given: Forecasts) -> dict[str, float]:
    errors: dict[str, list[float]] = {}
    for name, error in zip(held.ids, window_errors(held, given), strict=True):
        errors.setdefault(name, []).append(float(error))
    return {
        name: float(np.nanmean(some)) if not np.isnan(some).all() else float("nan") for name, some in errors.items()
    }
