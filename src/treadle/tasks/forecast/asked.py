"""What a trained forecaster is asked about on the command line, beside what its run knew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from treadle.data import Table
from treadle.data.builtin import load as load_builtin
from treadle.data.forecasting import Panel, Stamp
from treadle.data.forecasting.sources import as_table
from treadle.data.values import is_missing
from treadle.errors import InputError
from treadle.tasks.config import load_config
from treadle.tasks.forecast.estimator import Forecaster
from treadle.tasks.forecast.rolling import Rolled
from treadle.tasks.forecast.scaling import Floats
from treadle.tasks.source import BUILTIN, DataSource, builtin

GOES_ON = "goes on with the series of the run"
STANDS_ALONE = "stands for itself, without what the run had before"


def refuse_foreign(source: DataSource) -> None:
    """Refuse ways of reading that mean nothing for series.

    Raises:
        InputError: One was given.
    """
    source.refuse("forecast", "separator")
    if source.input is not None:
        raise InputError(
            "--input is not for the task 'forecast'; covariates are named by --set past=NAME, future=NAME, static=NAME"
        )


def read_table(source: DataSource, place: str, split: str) -> Table:
    """One part of the data, a row a step.

    Raises:
        InputError: It cannot be read.
    """
    if place.startswith(BUILTIN):
        return load_builtin(builtin(place).name, split)
    return as_table(place, format=source.format, encoding=source.encoding, header=source.header)


@dataclass(frozen=True)
class Asked:
    """A trained model and the series that it is asked about.

    Attributes:
        estimator: The model.
        panel: The series.
        before: Their beginning, where they continue the series of the model's run; else None.
        learnt: What the run learnt from, or chose its epoch by; None where that cannot be read any more.
        note: Whether a file goes on with the run.
    """

    estimator: Forecaster
    panel: Panel
    before: Panel | None
    learnt: Panel | None
    note: str = ""

    def seen(self, rolled: Rolled) -> int:
        """How many forecasts are of steps that the model has learnt from."""
        if self.learnt is None:
            return 0
        ends = _ends(self.learnt)
        origins = zip(rolled.held.ids, rolled.series, rolled.origins, strict=True)
        return sum(
            name in ends and bool(self.panel.frequency.after(self.panel.starts[number], origin) < ends[name])
            for name, number, origin in origins
        )


def open_asked(folder: Path, source: DataSource, *, ahead: bool = False) -> Asked:
    """Open a model, and read what it is asked about; without data, all series of its run.

    A file of which any series starts one step after its end in the run goes on with the run: all its series must, and
    what one of them lacks at its beginning is missing. Any other file stands for itself.

    Args:
        folder: Of the run.
        source: Where the data is.
        ahead: Whether covariates of the steps ahead may come without values.

    Raises:
        InputError: The folder or the data cannot be used; some series of a file go on with the run, and one does not.
    """
    refuse_foreign(source)
    estimator: Forecaster = Forecaster.load(folder)
    if source.target is not None:
        estimator.set_params(target=source.target)
    known, learnt = _of_run(folder, estimator)
    if not source.train:
        if not known:
            raise InputError(f"{folder}: the data of the run cannot be read any more, expected a file to go on with")
        return Asked(estimator, known[-1], None, learnt)
    table = read_table(source, source.train, "test")
    targets = known[0].target_columns if known else estimator.features_.targets
    if ahead and known and _is_ahead(table, targets, known[0].future_names):
        panel = known[-1].joined(estimator.read_ahead(table, known[-1]))
        return Asked(estimator, panel, None, learnt, f"{source.train}: {GOES_ON}")
    if len(targets) == 1 and source.target is None:
        table.column(targets[0], "target")
    panel = estimator.read(table)
    for before in reversed(known):
        ends = _ends(before)
        if any(ends.get(name) == start for name, start in zip(panel.ids, panel.starts, strict=True)):
            panel = before.joined(_without_gap(panel, ends))
            return Asked(estimator, panel, before, learnt, f"{source.train}: {GOES_ON}")
    return Asked(estimator, panel, None, learnt, f"{source.train}: {STANDS_ALONE}")


def _without_gap(panel: Panel, ends: Mapping[str, Stamp]) -> Panel:
    """The same series from their ends on, with missing values in the steps for which one is late.

    Raises:
        InputError: A stamp does not lie on the grid of the series that it continues.
    """
    gaps = [
        max(panel.frequency.between(ends[name], start), 0) if name in ends else 0
        for name, start in zip(panel.ids, panel.starts, strict=True)
    ]

    def after_gap(parts: list[Floats]) -> list[Floats]:
        return [
            np.concatenate([np.full((gap, *one.shape[1:]), np.nan), one]) for gap, one in zip(gaps, parts, strict=True)
        ]

    return replace(
        panel,
        starts=[panel.frequency.after(start, -gap) for start, gap in zip(panel.starts, gaps, strict=True)],
        values=after_gap(panel.values),
        past=after_gap(panel.past),
        future=after_gap(panel.future),
    )


def _is_ahead(table: Table, targets: Sequence[str], future: Sequence[str]) -> bool:
    """Whether a table has no value, but covariates that are known in advance."""
    valued = any(not is_missing(cell) for name in targets for cell in table.columns.get(name, []))
    return not valued and any(name in table.columns or name.split("=")[0] in table.columns for name in future)


def _ends(panel: Panel) -> dict[str, Stamp]:
    """The stamp after the last of every series."""
    parts = zip(panel.ids, panel.starts, panel.values, strict=True)
    return {name: panel.frequency.after(start, len(values)) for name, start, values in parts}


def _of_run(folder: Path, estimator: Forecaster) -> tuple[list[Panel], Panel | None]:
    """The series of the run, as far as training, dev and test data go; and what was learnt from.

    None where they cannot be read any more: moved, changed, or of a folder that no command wrote.
    """
    try:
        source = DataSource(**load_config(folder)[1])
        known: list[Panel] = [estimator.read(read_table(source, source.train, "train"))]
        learnt = known[0]
        for name, place in source.others().items():
            known.append(known[-1].joined(estimator.read(read_table(source, place, name))))
            learnt = known[-1] if name == "dev" else learnt
        if len(known) == 1:
            learnt, _ = known[0].cut(estimator.horizon_)
    except (InputError, TypeError):
        return [], None
    return known, learnt
