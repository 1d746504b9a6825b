"""A whole run from files: read, understand, train, evaluate, compare, report. What `treadle train` does."""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from treadle.data import Roles, Table, check_target, extract, infer_roles, read
from treadle.data.builtin import DATASETS, load
from treadle.data.targets import Task
from treadle.errors import InputError, nearest
from treadle.evaluation import Comparison, Estimate, Report, System, render
from treadle.tasks.estimator import SequenceEstimator
from treadle.tasks.folder import (
    CHECKPOINT,
    CONFIG,
    ESTIMATORS,
    METRICS,
    RESULT,
    WEIGHTS,
    load_config,
    save_config,
    save_model,
)
from treadle.tasks.reporting import (
    REPORT,
    Split,
    describe,
    describe_size,
    fit_baselines,
    make_report,
    metrics,
)
from treadle.training import Progress, Silent, write_atomically

BUILTIN = "builtin:"
"""What stands before the name of a built-in data set where a file is expected."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class DataSource:
    """Where the rows are and how to read them; what `[data]` in `config.toml` holds.

    Attributes:
        train: A file, a folder or `builtin:NAME`.
        dev: Rows to choose the best epoch by; None sets a part of the training rows aside.
        test: Rows that are read once, at the end; None for none (of a built-in data set: its own).
        task: "classify" or "regress"; None infers it.
        input: The input columns; None infers them.
        target: The target column; None infers it.
        separator: What separates several labels in one cell.
        format: Of the files; None infers it.
        encoding: Of text files; None detects it.
        header: Whether CSV and TSV have one; None infers it.
    """

    train: str
    dev: str | None = None
    test: str | None = None
    task: Task | None = None
    input: list[str] | None = None
    target: str | None = None
    separator: str | None = None
    format: str | None = None
    encoding: str | None = None
    header: bool | None = None

    def open(self, path: str, split: str) -> Table:
        """Read one part of the data.

        Raises:
            InputError: It cannot be read.
        """
        if not path.startswith(BUILTIN):
            return read(path, format=self.format, encoding=self.encoding, header=self.header)
        name = path.removeprefix(BUILTIN)
        if name not in DATASETS:
            raise InputError(f"there is no built-in data set {name!r}{nearest(name, DATASETS)}")
        return load(name, split)


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        folder: The run folder.
        split: Where the headline figures were measured: "test", or "dev" without one.
        model: Its metrics there.
        baseline: The baseline's name and metrics there.
        comparison: The verdict.
        report: The page.
    """

    folder: Path
    split: str
    model: dict[str, Estimate]
    baseline: tuple[str, dict[str, Estimate]]
    comparison: Comparison
    report: Path


@dataclass(frozen=True)
class Conduct:
    """How a run is carried out: nothing in it changes what is learnt."""

    folder: Path
    resume: bool
    checkpoint_seconds: float
    say: Say
    progress: Progress


def start_run(
    source: DataSource,
    arguments: Mapping[str, Any],
    folder: Path,
    *,
    checkpoint_seconds: float = 60.0,
    say: Say = lambda _: None,
    progress: Progress | None = None,
) -> Result:
    """Train a model on files, from the beginning.

    Args:
        source: Where the data is.
        arguments: Of the estimator.
        folder: A new or empty folder for everything that is written.
        checkpoint_seconds: Time between two checkpoints.
        say: Is given a sentence at a time: what was inferred and found.
        progress: Is told of every step and epoch.

    Raises:
        InputError: The data, an argument or the folder cannot be used.
        Interrupted: The run was asked to stop; `resume_run` goes on.
    """
    if (folder / CONFIG).exists():
        raise InputError(f"{folder}: holds a run already; go on with it by --resume, or name another folder by --out")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: found a file, expected a new or empty folder for the run")
    train = source.open(source.train, "train")
    roles = _roles(train, source)
    try:
        estimator = ESTIMATORS[roles.task](**arguments)
    except TypeError as error:
        raise InputError(str(error)) from None
    estimator.check_arguments()
    how = Conduct(folder, resume=False, checkpoint_seconds=checkpoint_seconds, say=say, progress=progress or Silent())
    try:
        return _run(estimator, source, train, roles, how)
    except InputError:
        if not (folder / WEIGHTS).exists():  # nothing was learnt; the corrected command may use the folder
            (folder / CONFIG).unlink(missing_ok=True)
            with suppress(OSError):  # there is none, or it holds something of the user's
                folder.rmdir()
        raise


def resume_run(
    folder: Path,
    *,
    checkpoint_seconds: float = 60.0,
    say: Say = lambda _: None,
    progress: Progress | None = None,
) -> Result:
    """Go on with a run that was stopped, from its last checkpoint; without one, from the beginning.

    Args:
        folder: The run folder.
        checkpoint_seconds: As in `start_run`.
        say: As in `start_run`.
        progress: As in `start_run`.

    Raises:
        InputError: The folder holds no run, or its data cannot be read any more.
        Interrupted: The run was asked to stop again.
    """
    estimator, data = load_config(folder)
    try:
        source = DataSource(**data)
    except TypeError:
        raise InputError(
            f"{folder / CONFIG}: was not written by `treadle train`, there is no run to go on with"
        ) from None
    train = source.open(source.train, "train")
    how = Conduct(folder, resume=True, checkpoint_seconds=checkpoint_seconds, say=say, progress=progress or Silent())
    return _run(estimator, source, train, _roles(train, source), how)


def read_split(table: Table, roles: Roles, estimator: SequenceEstimator, separator: str | None = None) -> Split:
    """Rows to evaluate a fitted model on.

    Raises:
        InputError: A column is missing, or a cell or label does not fit the model.
    """
    classes = getattr(estimator, "classes_", [])
    y = check_target(table, roles.target, roles.task, separator=separator, classes=list(classes))
    return Split(extract(table, roles), y, [table.where(row) for row in range(len(table))])


def roles_of(folder: Path, roles: Roles | None) -> Roles:
    """The roles of the columns that a model folder was saved with.

    Raises:
        InputError: It was saved from Python, where the inputs had no table.
    """
    if roles is None:
        raise InputError(f"{folder}: was trained on Python objects, not on a file; load it in Python to use it")
    return roles


def _roles(train: Table, source: DataSource) -> Roles:
    return infer_roles(train, source.input, source.target, source.task)


def _run(estimator: SequenceEstimator, source: DataSource, train: Table, roles: Roles, how: Conduct) -> Result:
    folder, say = how.folder, how.say
    y = check_target(train, roles.target, roles.task, separator=source.separator)
    columns = extract(train, roles)
    notes = [f"{source.train}: {_understood(train)}", *roles.reasons]
    tables = _other_tables(source)
    others = {name: _split(table, roles, source, y) for name, table in tables.items()}
    notes += [f"{name}: {_understood(table)}" for name, table in tables.items()]
    if "dev" not in others:
        notes.append(f"dev: {estimator.dev_fraction:.0%} of the training rows, set aside by seed {estimator.seed}")
    for note in notes:
        say(note)
    save_config(folder, estimator, asdict(source))
    dev = others.get("dev")
    estimator.fit_columns(
        columns,
        roles.kinds,
        y,
        dev=None if dev is None else (dev.columns, dev.y),
        where=train.where,
        checkpoint=folder / CHECKPOINT,
        checkpoint_seconds=how.checkpoint_seconds,
        resume=how.resume,
        progress=Recorder(folder / METRICS, how.progress),
    )
    save_model(folder, estimator, roles)
    say(f"{describe(estimator)}, {describe_size(estimator)}")
    whole = Split(columns, y, [train.where(row) for row in range(len(train))])
    return _conclude(estimator, source, whole, others, folder, notes, say)


def _understood(table: Table) -> str:
    """How a table was read, with its number of rows."""
    return table.note if " row" in table.note else f"{len(table):,} rows, {table.note}".rstrip(", ")


def _other_tables(source: DataSource) -> dict[str, Table]:
    """The dev and test tables that were named; a built-in data set brings its own test split."""
    paths = {"dev": source.dev, "test": source.test}
    if source.test is None and source.train.startswith(BUILTIN):
        paths["test"] = source.train
    return {name: source.open(path, name) for name, path in paths.items() if path is not None}


def _split(table: Table, roles: Roles, source: DataSource, y: list[Any]) -> Split:
    labels = {label for row in y for label in (row if isinstance(row, list) else [row])}
    classes = sorted(labels, key=str) if roles.task == "classify" else []
    target = check_target(table, roles.target, roles.task, separator=source.separator, classes=classes)
    return Split(extract(table, roles), target, [table.where(row) for row in range(len(table))])


def _conclude(
    estimator: SequenceEstimator,
    source: DataSource,
    train: Split,
    others: dict[str, Split],
    folder: Path,
    notes: list[str],
    say: Say,
) -> Result:
    """Measure the model and the baseline, and write result and report.

    With a test split the baseline learns from every row that the model saw, those set aside for dev included. Without
    one, dev is where the two are compared, so the baseline must not have seen it.
    """
    baseline_rows = train
    if "dev" not in others:
        assert estimator.dev_rows_ is not None
        others = {"dev": _take(train, estimator.dev_rows_), **others}
        if "test" not in others:
            baseline_rows = _take(train, estimator.train_rows_)
    shown = "test" if "test" in others else "dev"
    say("the baseline learns from the same rows ...")
    baselines = fit_baselines(estimator, baseline_rows, {shown: others[shown]})
    command = _command(source, estimator, folder)
    report = make_report(
        estimator,
        f"{describe(estimator)} on {Path(source.train).name or source.train}",
        others,
        baselines,
        data_notes=notes,
        commands=[command, f"treadle evaluate {shlex.quote(str(folder))} DATA"],
    )
    _write_result(folder, estimator, report, baselines[0], shown)
    write_atomically(folder / REPORT, render(report).encode())
    assert report.comparison is not None
    said = report.model.scores[shown]
    beside = (baselines[0].name, metrics(estimator, baselines[0].predictions[shown]))
    return Result(folder, shown, dict(said), beside, report.comparison, folder / REPORT)


def _write_result(folder: Path, estimator: SequenceEstimator, report: Report, baseline: System, shown: str) -> None:
    """`result.json`: figures only, for programs."""
    content: dict[str, Any] = {"task": estimator.task}
    content |= {name: plain_figures(scores) for name, scores in report.model.scores.items()}
    content["baseline"] = {"name": baseline.name, shown: plain_figures(metrics(estimator, baseline.predictions[shown]))}
    write_atomically(folder / RESULT, (json.dumps(content, indent=2) + "\n").encode())


def plain_figures(scores: Mapping[str, Estimate]) -> dict[str, float | None]:
    """The values alone, None where one is not defined (R2 of a single row), since JSON knows no NaN."""
    return {name: estimate.value if math.isfinite(estimate.value) else None for name, estimate in scores.items()}


def _take(split: Split, rows: Any) -> Split:
    picked = [int(row) for row in rows]
    return Split(
        {name: [cells[row] for row in picked] for name, cells in split.columns.items()},
        [split.y[row] for row in picked],
        [split.places[row] for row in picked],
    )


def _command(source: DataSource, estimator: SequenceEstimator, folder: Path) -> str:
    """The command that makes the same run."""
    words = ["treadle", "train", source.train]
    for name in ("dev", "test", "task", "target", "separator", "format", "encoding"):
        if getattr(source, name) is not None:
            words += [f"--{name}", str(getattr(source, name))]
    if source.header is not None:
        words.append("--header" if source.header else "--no-header")
    for name in source.input or []:
        words += ["--input", name]
    defaults = estimator.parameters()
    for name, value in estimator.get_params().items():
        if value != defaults[name] and name != "verbose":
            words += ["--set", f"{name}={value}"]
    return shlex.join([*words, "--out", str(folder)])


class Recorder(Silent):
    """Writes a line an epoch to `metrics.jsonl`, and passes everything on.

    A resumed run may repeat an epoch whose line is there already; the line is then replaced.
    """

    def __init__(self, path: Path, then: Progress) -> None:
        self.path = path
        self.then = then

    def __enter__(self) -> "Recorder":
        self.then.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Passed on."""
        self.then.__exit__(*error)

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        """Passed on."""
        self.then.start(step=step, steps=steps, epochs=epochs)

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        """Passed on."""
        self.then.advance(epoch=epoch, step=step, loss=loss)

    def epoch_ended(self, record: dict[str, Any]) -> None:
        """Write the line, and pass it on."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = lines[: record["epoch"] - 1]
        write_atomically(self.path, "".join(f"{line}\n" for line in [*kept, json.dumps(record)]).encode())
        self.then.epoch_ended(record)
