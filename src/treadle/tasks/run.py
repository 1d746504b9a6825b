"""A whole run from files: read, understand, train, evaluate, compare, report. What `treadle train` does."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from treadle.errors import InputError, nearest
from treadle.tasks.choice import choose_task
from treadle.tasks.config import CONFIG, ESTIMATORS, load_conduct, load_config, save_config
from treadle.tasks.folder import CHECKPOINT, METRICS, WEIGHTS
from treadle.tasks.outcome import Result, Say
from treadle.tasks.recorder import Recorder
from treadle.tasks.source import DataSource
from treadle.tasks.work import WORKS, Work
from treadle.training import Conduct, Progress, Silent, group_of_processes, is_main_process

CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints of a run, unless it is given another."""


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
    work = open_work(source)
    kind = ESTIMATORS[work.task]
    for name in arguments:
        if name not in kind.parameters() and any(name in other.parameters() for other in ESTIMATORS.values()):
            raise InputError(f"{name} is not for the task {work.task!r}, which has no such argument")
    try:
        estimator: Any = kind(**arguments)
    except TypeError as error:
        raise InputError(str(error)) from None
    estimator.explicit = frozenset(arguments)
    estimator.check_arguments()
    seconds = CHECKPOINT_SECONDS if checkpoint_seconds is None else checkpoint_seconds
    how = _conduct(folder, seconds, progress, resume=False)
    try:
        return _run(work, estimator, folder, how, say)
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

    Of a run that has ended, only the result and the report are written again.

    Args:
        folder: The run folder.
        checkpoint_seconds: As in `start_run`; what the run was started with, unless given.
        say: As in `start_run`.
        progress: As in `start_run`.

    Raises:
        InputError: The folder holds no run, or one that has ended and has no checkpoint any more; its data cannot be
            read any more, or has changed.
        Interrupted: The run was asked to stop again.
    """
    estimator, data = load_config(folder)
    try:
        source = DataSource(**data)
    except TypeError:
        raise InputError(
            f"{folder / CONFIG}: was not written by `treadle train`, there is no run to go on with"
        ) from None
    if (folder / WEIGHTS).exists() and not (folder / CHECKPOINT).exists():
        raise InputError(f"{folder}: the run has ended and its {CHECKPOINT} is gone, there is nothing to go on with")
    work = open_work(source)
    seconds, checksum = load_conduct(folder, CHECKPOINT_SECONDS)
    if checksum and checksum != source.checksum():
        raise InputError(
            f"{folder}: {source.train} or what dev names has changed since the run began; train anew in another folder"
        )
    seconds = seconds if checkpoint_seconds is None else checkpoint_seconds
    return _run(work, estimator, folder, _conduct(folder, seconds, progress, resume=True), say)


def work_of(folder: Path) -> type[Work]:
    """The work that belongs to the task of a model folder.

    Raises:
        InputError: The folder is missing, damaged or made by a newer version.
    """
    return WORKS[load_config(folder)[0].task]


def open_work(source: DataSource) -> Work:
    """The work of the source's task, with its training data read.

    Raises:
        InputError: The task is not known, or the data cannot be read.
    """
    task = choose_task(source)
    if task not in WORKS:
        raise InputError(f"the task {task!r} is not known{nearest(task, WORKS)}")
    if task != "transcribe":
        source.refuse(task, "rule")
    if task not in ("classify", "regress", "forecast"):
        source.refuse(task, "id", "time")
    return WORKS[task].open(source)


def _conduct(folder: Path, seconds: float, progress: Progress | None, *, resume: bool) -> Conduct:
    told = Recorder(folder / METRICS, progress or Silent())
    return Conduct(checkpoint=folder / CHECKPOINT, checkpoint_seconds=seconds, resume=resume, progress=told)


def _run(work: Work, estimator: Any, folder: Path, how: Conduct, say: Say) -> Result | None:
    notes = work.understand(estimator)
    first = is_main_process()
    if first:
        for note in notes:
            say(note)
        conduct = {"checkpoint_seconds": how["checkpoint_seconds"], "data_checksum": work.source.checksum()}
        save_config(folder, estimator, asdict(work.source), conduct=conduct)
    with group_of_processes():
        work.fit(estimator, how)
    if not first:
        return None
    work.save(estimator, folder)
    say(f"{estimator.describe()}, {estimator.describe_size()}")
    return work.conclude(estimator, folder, notes, say)
