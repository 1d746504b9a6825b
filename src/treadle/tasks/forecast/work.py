"""What the command line does for series: a table of steps in, what comes next out, with quantiles."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Self

import numpy as np

from treadle.data import Table
from treadle.data.forecasting import Panel, find_season
from treadle.errors import InputError, counted
from treadle.evaluation.forecast_scores import forecast_scores
from treadle.tasks.forecast.asked import open_asked, read_table, refuse_foreign
from treadle.tasks.forecast.estimator import Forecaster
from treadle.tasks.forecast.reporting import make_report, simple_methods
from treadle.tasks.forecast.rolling import Rolled, forecasts_from, rolling_origin
from treadle.tasks.forecast.settings import choose_horizon
from treadle.tasks.outcome import Result, Say, commands, write_result
from treadle.tasks.refit import AT_LAST
from treadle.tasks.source import DataSource
from treadle.tasks.work import Answer, Measured, Work, refuse_options
from treadle.training import Conduct

WINDOWS = 10
"""Forecasts of every series that `--rolling` makes, unless told otherwise."""

_WAYS = ("rolling", "windows", "step")


class ForecastWork(Work):
    """Forecasts of one or many series.

    Without test data, the last horizon of every series is the test. Where dev data is named, it follows the training
    series, and test data follows that.

    Args:
        source: Where the data is.
        table: The training series, a row a step.
    """

    tasks = ("forecast",)
    task = "forecast"
    extends = True

    def __init__(self, source: DataSource, table: Table) -> None:
        self.source, self.table = source, table
        self.dev: Panel | None = None
        self.whole: Panel
        self.tested = True

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training table; which columns hold what, the estimator's arguments may tell."""
        refuse_foreign(source)
        return cls(source, read_table(source, source.train, "train"))

    def understand(self, estimator: Forecaster) -> list[str]:
        """Read all series, and set the last horizon apart where no test data is named."""
        source = self.source
        named = {"id": source.id, "time": source.time, "target": source.target}
        estimator.set_params(**{role: column for role, column in named.items() if column is not None})
        self.train = self.whole = estimator.read_training(self.table)
        notes = [f"{source.train}: {self.train.note}"]
        if estimator.output != "negative-binomial" and _are_counts(self.train):
            notes.append("values: counts, 0 among them; with --set output=negative-binomial no quantile is below 0")
        places = source.others()
        for name, place in places.items():
            following = estimator.read_training(read_table(source, place, name), like=self.train)
            self.whole = self.whole.joined(following)
            notes.append(f"{name}: {following.note}")
            if name == "dev":
                self.dev = following
        if not places:
            if estimator.horizon is None:
                estimator.set_params(horizon=choose_horizon(estimator.season or find_season(self.train)))
            horizon: int = estimator.get_params()["horizon"]
            self.train, _ = self.train.cut(horizon)
            steps = counted(horizon, "step")
            notes.append(f"test: the last {steps} of every series, which training does not see")
        self.tested = "test" in places or not places
        if self.dev is None:
            notes.append(f"dev: the last {estimator.dev_fraction:.0%} of every training series, to choose the epoch by")
        return [*notes, AT_LAST] if estimator.learns_dev(given=self.dev is not None) else notes

    def fit(self, estimator: Forecaster, how: Conduct) -> None:
        """Train on the series."""
        estimator.fit_panel(self.train, self.dev, **how)

    def conclude(self, estimator: Forecaster, folder: Path, notes: Sequence[str], say: Say) -> Result:
        """Measure the model and simpler methods on the same forecasts, and write result and report.

        A test longer than the horizon is forecast horizon by horizon, each time from all that came before.
        """
        seen = self.train if self.dev is None else self.train.joined(self.dev)
        splits = {"test": _following(estimator, self.whole, seen)} if self.tested else {}
        horizon, season = estimator.horizon_, estimator.features_.season
        if self.dev is not None:
            splits["dev"] = _following(estimator.measured("dev"), seen, self.train)
        elif min(map(len, seen.values)) > horizon + season:
            splits["dev"] = rolling_origin(estimator.measured("dev"), seen, windows=1)
        shown = "test" if self.tested else "dev"
        say(f"{shown}: {splits[shown].held.amount()}, {counted(horizon, 'step')} ahead")
        report = make_report(
            estimator,
            f"{estimator.describe()} on {Path(self.source.train).name or self.source.train}",
            splits,
            simple_methods(splits[shown], shown, estimator.seed, say),
            data_notes=notes,
            commands=commands(self.source, estimator, folder),
        )
        return write_result(folder, self.task, report)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model: on what continues the series of its run, else on the last horizon of every series.

        With the option `rolling`, from many origins: `windows` of every series (10, or "all"), `step` steps apart.
        """
        refuse_options(options, _WAYS)
        asked = open_asked(folder, source)
        estimator = asked.estimator
        if options.get("rolling"):
            earliest = None if asked.before is None else [len(one) for one in asked.before.values]
            windows, step = _windows(options), _whole(options, "step", None)
            rolled = rolling_origin(estimator, asked.panel, windows=windows, step=step, earliest=earliest)
        elif odd := next((name for name in options if name != "rolling"), None):
            raise InputError(f"--set {odd} is a way of rolling, expected --rolling beside it")
        elif asked.before is not None:
            rolled = _following(estimator, asked.panel, asked.before)
        else:
            rolled = rolling_origin(estimator, asked.panel, windows=1)
        seen = asked.seen(rolled)
        warning = f", {seen:,} of them within what the model has learnt" if seen else ""
        title = f"{estimator.describe()} on {Path(source.train).name}"
        return Measured(
            f"{rolled.held.amount()}, {counted(estimator.horizon_, 'step')} ahead{warning}",
            forecast_scores(rolled.held, rolled.forecasts),
            lambda: make_report(
                estimator,
                title,
                {"test": rolled},
                simple_methods(rolled, "test", estimator.seed, lambda _: None),
                rolled=bool(options.get("rolling")),
                learnt=seen,
            ),
        )

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Go on with every series of a table, or with those of the run where none is named.

        A table that continues the series of the run continues them here too, whether with values or, by covariates
        known in advance, with none.
        """
        refuse_options(options)
        if lines is not None:
            raise InputError("a forecaster goes on with the series of a file, which standard input is not; name one")
        asked = open_asked(folder, source, ahead=True)
        columns = asked.estimator.predict(asked.panel)
        head, note = f"{_comma_separated(list(columns))}\n", asked.note
        for cells in zip(*columns.values(), strict=True):
            row = [float(f"{cell:.8g}") if isinstance(cell, float) else cell for cell in cells]
            yield Answer(head + _comma_separated(row), dict(zip(columns, row, strict=True)), note)
            head = note = ""


def _are_counts(panel: Panel) -> bool:
    """Whether all values are whole numbers from 0 on, and 0 is one of them."""
    least = [np.nanmin(one) for one in panel.values if not np.isnan(one).all()]
    whole = all(bool((np.isnan(one) | (one == np.round(one))).all()) for one in panel.values)
    return whole and bool(least) and min(least) == 0


def _following(estimator: Forecaster, whole: Panel, before: Panel) -> Rolled:
    """Forecasts horizon by horizon, from the end of the one panel to that of the other.

    Raises:
        InputError: No series goes on.
    """
    horizon = estimator.horizon_
    ends = [len(one) for one in before.values]
    origins = [list(range(end, len(one), horizon)) for end, one in zip(ends, whole.values, strict=True)]
    if not any(origins):
        raise InputError(f"{whole.source}: found no step after those of training, expected some to measure on")
    return forecasts_from(estimator, whole, origins, horizon)


def _windows(options: Mapping[str, Any]) -> int | None:
    if options.get("windows") == "all":
        return None
    return _whole(options, "windows", WINDOWS)


def _whole(options: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = options.get(name, default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        more = " or all" if name == "windows" else ""
        raise InputError(f"--set {name}={value}: expected a number from 1{more}")
    return value


def _comma_separated(cells: Sequence[Any]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
