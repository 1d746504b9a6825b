"""A whole run from files: read, understand, train, evaluate, compare, report. What `treadle train` does."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from treadle.data import Roles, Table
from treadle.errors import InputError
from treadle.tasks.folder import (
    CHECKPOINT,
    CONFIG,
    ESTIMATORS,
    METRICS,
    WEIGHTS,
    load_checkpoint_seconds,
    load_config,
    save_config,
    save_model,
)
from treadle.tasks.outcome import Result, Say, conclude
from treadle.tasks.recorder import Recorder
from treadle.tasks.reporting import describe, describe_size
from treadle.tasks.sequence import SequenceEstimator
from treadle.tasks.source import DataSource, labels_of, read_split, understood
from treadle.tasks.split import Split
from treadle.training import Progress, Silent, is_main_process

CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints of a run, unless it is given another."""


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
    checkpoint_seconds: float | None = None,
    say: Say = lambda _: None,
    progress: Progress | None = None,
) -> Result | None:
    """Train a model on files, from the beginning.

    Args:
        source: Where the data is.
        arguments: Of the estimator.
        folder: A new or empty folder for everything that is written.
        checkpoint_seconds: Time between two checkpoints; a minute, unless given.
        say: Is given a sentence at a time: what was inferred and found.
        progress: Is told of every step and epoch.

    Returns:
        What came of it; None in all processes but the first, where torch's launcher started several.

    Raises:
        InputError: The data, an argument or the folder cannot be used.
        Interrupted: The run was asked to stop; `resume_run` goes on.
    """
    if is_main_process() and (folder / CONFIG).exists():
        raise InputError(f"{folder}: holds a run already; go on with it by --resume, or name another folder by --out")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: found a file, expected a new or empty folder for the run")
    train = source.open(source.train, "train")
    roles = source.roles(train)
    try:
        estimator = ESTIMATORS[roles.task](**arguments)
    except TypeError as error:
        raise InputError(str(error)) from None
    estimator.check_arguments()
    seconds = CHECKPOINT_SECONDS if checkpoint_seconds is None else checkpoint_seconds
    how = Conduct(folder, resume=False, checkpoint_seconds=seconds, say=say, progress=progress or Silent())
    try:
        return _run(estimator, source, train, roles, how)
    except InputError:
        if (
            is_main_process() and not (folder / WEIGHTS).exists()
        ):  # nothing was learnt; the corrected command may use the folder
            (folder / CONFIG).unlink(missing_ok=True)
            with suppress(OSError):  # there is none, or it holds something of the user's
                folder.rmdir()
        raise


def resume_run(
    folder: Path,
    *,
    checkpoint_seconds: float | None = None,
    say: Say = lambda _: None,
    progress: Progress | None = None,
) -> Result | None:
    """Go on with a run that was stopped, from its last checkpoint; without one, from the beginning.

    Args:
        folder: The run folder.
        checkpoint_seconds: As in `start_run`; what the run was started with, unless given.
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
    seconds = load_checkpoint_seconds(folder, CHECKPOINT_SECONDS) if checkpoint_seconds is None else checkpoint_seconds
    how = Conduct(folder, resume=True, checkpoint_seconds=seconds, say=say, progress=progress or Silent())
    return _run(estimator, source, train, source.roles(train), how)


def _run(estimator: SequenceEstimator, source: DataSource, train: Table, roles: Roles, how: Conduct) -> Result | None:
    folder, say = how.folder, how.say
    whole = read_split(train, roles, separator=source.separator)
    classes = labels_of(whole.y) if roles.task == "classify" else []
    notes = [f"{source.train}: {understood(train)}", *roles.reasons]
    others: dict[str, Split] = {}
    for name, table in source.others().items():
        others[name] = read_split(table, roles, separator=source.separator, classes=classes)
        notes.append(f"{name}: {understood(table)}")
    if "dev" not in others:
        notes.append(f"dev: {estimator.dev_fraction:.0%} of the training rows, set aside by seed {estimator.seed}")
    first = is_main_process()
    if first:
        for note in notes:
            say(note)
        save_config(folder, estimator, asdict(source), checkpoint_seconds=how.checkpoint_seconds)
    dev = others.get("dev")
    estimator.fit_columns(
        whole.columns,
        roles.kinds,
        whole.y,
        dev=None if dev is None else (dev.columns, dev.y),
        where=train.where,
        checkpoint=folder / CHECKPOINT,
        checkpoint_seconds=how.checkpoint_seconds,
        resume=how.resume,
        progress=Recorder(folder / METRICS, how.progress),
    )
    if not first:
        return None
    save_model(folder, estimator, roles)
    say(f"{describe(estimator)}, {describe_size(estimator)}")
    return conclude(estimator, source, whole, others, folder, notes, say)
