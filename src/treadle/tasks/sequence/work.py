"""What the command line does for one answer a sequence: a table in, a label or a number a row out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from json import dumps, loads
from pathlib import Path
from typing import Any, Self

from treadle.data import Roles, Table
from treadle.data.steps import told_by_id
from treadle.errors import InputError, counted
from treadle.tasks.config import load_config
from treadle.tasks.examples import compared, set_aside
from treadle.tasks.folder import load_model, save_model
from treadle.tasks.outcome import Result, Say, commands, write_result
from treadle.tasks.refit import AT_LAST
from treadle.tasks.sequence.estimator import SequenceEstimator
from treadle.tasks.sequence.reporting import answers, fit_baselines, make_report, metrics, predictions
from treadle.tasks.sequence.split import Split
from treadle.tasks.sequence.tables import (
    labels_of,
    open_table,
    open_training,
    read_inputs,
    read_split,
    roles_here,
    roles_of,
    understood,
)
from treadle.tasks.source import DataSource
from treadle.tasks.work import Answer, Measured, Work, refuse_options
from treadle.training import Conduct

SAME = "; the training rows themselves, so its figures say nothing about new rows"


class SequenceWork(Work):
    """Classification and regression of the rows of a table.

    Args:
        source: Where the data is.
        table: The training rows.
        roles: Of its columns.
    """

    tasks = ("classify", "regress")

    def __init__(self, source: DataSource, table: Table, roles: Roles) -> None:
        self.source, self.table, self.roles = source, table, roles
        self.task = roles.task
        self.others: dict[str, Split] = {}

    @classmethod
    def open(cls, source: DataSource) -> Self:
        """Read the training table and tell what its columns are for."""
        return cls(source, *open_training(source))

    def understand(self, estimator: SequenceEstimator) -> list[str]:
        """Read the dev and test tables."""
        source, roles = self.source, self.roles
        self.train = read_split(self.table, roles, separator=source.separator)
        classes = labels_of(self.train.y) if roles.task == "classify" else []
        notes = [f"{source.train}: {understood(self.table)}", *roles.reasons]
        for name, place in source.others().items():
            table = open_table(source, place, name, roles.long, roles.target)
            self.others[name] = read_split(table, roles, separator=source.separator, classes=classes)
            same = name == "dev" and source.dev == source.train
            notes.append(f"{name}: {understood(table)}" + (SAME if same else ""))
        sequence = told_by_id(self.table, roles.target) if roles.wide else None
        if sequence is not None:
            notes.append(f"rows of one {sequence!r} have one target: are they steps of a sequence, --id {sequence}")
        if "dev" not in self.others:
            notes.append(set_aside(estimator, len(self.table), "rows"))
        if estimator.learns_dev(given="dev" in self.others):
            notes.append(AT_LAST)
        return notes

    def fit(self, estimator: SequenceEstimator, how: Conduct) -> None:
        """Train on the columns."""
        dev = self.others.get("dev")
        estimator.fit_columns(
            self.train.columns,
            self.roles.kinds,
            self.train.y,
            dev=None if dev is None else (dev.columns, dev.y),
            where=self.table.where,
            **how,
        )

    def save(self, estimator: SequenceEstimator, folder: Path) -> None:
        """Write the fitted model with the roles of the columns."""
        save_model(folder, estimator, self.roles)

    def conclude(self, estimator: SequenceEstimator, folder: Path, notes: Sequence[str], say: Say) -> Result:
        """Measure the model and the baseline, and write result and report."""
        rows, others, shown = compared(self.train, self.others, estimator)
        say("the baseline learns from the same rows ...")
        report = make_report(
            estimator,
            f"{estimator.describe()} on {Path(self.source.train).name or self.source.train}",
            others,
            fit_baselines(estimator, rows, {shown: others[shown]}),
            data_notes=notes,
            commands=commands(self.source, estimator, folder),
        )
        return write_result(folder, self.task, report)

    @classmethod
    def evaluate(cls, folder: Path, source: DataSource, options: Mapping[str, Any]) -> Measured:
        """Measure a trained model on a table."""
        refuse_options(options)
        estimator, saved = load_model(folder)
        roles = roles_of(folder, saved)
        here = roles_here(source, roles)
        table = open_table(source, source.train, "test", roles.long, here.target)
        separator = source.separator or load_config(folder)[1].get("separator")
        classes = estimator.target_.classes.tolist()
        split = read_split(table, here, separator=separator, classes=classes, names=roles.inputs)
        title = f"{estimator.describe()} on {Path(source.train).name}"
        return Measured(
            counted(len(split), "row"),
            metrics(estimator, predictions(estimator, split)),
            lambda: make_report(estimator, title, {"test": split}),
        )

    @classmethod
    def predict(
        cls, folder: Path, source: DataSource, lines: Iterable[str] | None, options: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Answer for every row of a table, in their order, or for every line as it comes."""
        refuse_options(options, ("saliency",))
        estimator, saved = load_model(folder)
        roles = replace(roles_of(folder, saved), target="")
        moved = bool(options.get("saliency"))
        if lines is None:
            here = roles_here(source, roles)
            table = open_table(source, source.train, "test", roles.long)
            yield from _answered(estimator, table, here, roles, moved=moved)
            return
        if len(roles.inputs) > 1:
            raise InputError(f"standard input has one column and the model reads {len(roles.inputs)}; give a file")
        for number, line in enumerate(lines, 1):
            yield from _answered(
                estimator, _from_line(line, number, roles), replace(roles, wide=[]), roles, moved=moved
            )


def _answered(
    estimator: SequenceEstimator, table: Table, here: Roles, roles: Roles, *, moved: bool
) -> Iterator[Answer]:
    """The answer for every row of a table whose columns have the roles `here`, and what moved it if that is asked."""
    columns = read_inputs(table, here, roles.inputs)
    names = table.columns.get(roles.long.id) if roles.long else None
    for row, answer in enumerate(answers(estimator, columns, table.where)):
        said = answer["prediction"]
        text = said if isinstance(said, str) else dumps(said, ensure_ascii=False, default=_plain)
        if moved:
            found = estimator.saliency({name: cells[row] for name, cells in columns.items()})
            text, answer = f"{text}\t{found}", answer | {"saliency": found.to_json()}
        if names is not None:
            text, answer = f"{names[row]}\t{text}", {"id": names[row]} | answer
        yield Answer(text, answer)


def _plain(odd: Any) -> Any:
    """NumPy's numbers and arrays as plain ones."""
    return odd.tolist()


def _from_line(line: str, number: int, roles: Roles) -> Table:
    """A table of one column and one row; an empty line is a row too, so that answers stay beside their lines."""
    name = roles.inputs[0]
    return Table({name: [_cell(line, roles.kinds[name])]}, source="standard input", lines=[number])


def _cell(line: str, kind: str) -> Any:
    """What a line holds: tokens between spaces; a series, of several channels if it is a JSON list of lists; a text."""
    if kind == "tokens":
        return line.split()
    if kind == "series" and line.startswith("[["):
        try:
            return loads(line)
        except ValueError:
            return line  # refused, with its place, where all cells are checked
    return line
