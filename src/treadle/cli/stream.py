"""`treadle stream`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from treadle.cli.options import as_json
from treadle.errors import InputError, counted

if TYPE_CHECKING:
    from treadle.streaming import StreamPool


def stream(
    model: Annotated[Path, Argument(help="The run folder of a causal model.")],
    limit: Annotated[int, Option(help="Keyed streams in memory at most.")] = 100_000,
    snapshots: Annotated[
        Path | None, Option(help="A folder for the state of all streams, and for idle ones past the limit.")
    ] = None,
    every: Annotated[int, Option(help="Lines between two snapshots; the end of the input is one, too.")] = 1000,
    resume: Annotated[bool, Option("--resume", help="Go on from the last snapshot.")] = False,
    replay: Annotated[
        bool, Option("--replay", help="With --resume: the input begins anew, so pass over the lines of the snapshot.")
    ] = False,
) -> None:
    """Parse, read a line, answer it, flush."""
    if every < 1:
        raise InputError(f"every is {every}; expected 1 or more")
    if snapshots is None and (resume or replay):
        raise InputError("--resume goes on from a snapshot, expected their folder by --snapshots")
    pool = _open(model, limit, None if snapshots is None else snapshots / "idle")
    saved = None if snapshots is None else snapshots / "streams.safetensors"
    done = 0
    if saved is not None and saved.exists():
        if not resume:
            raise InputError(f"{snapshots}: holds a snapshot; go on from it by --resume, or name another folder")
        done = pool.restore(saved)["lines"]
        print(f"treadle: {counted(len(pool), 'stream')} as after line {done:,}", file=sys.stderr)
    elif snapshots is not None:
        _begin_anew(snapshots, resume)
    bad: list[int] = []
    number = done
    for number, line in enumerate(_lines(), 1 if replay else done + 1):
        if number <= done:
            continue
        answer = _answer(pool, line, number)
        if "error" in answer:
            bad.append(number)
        print(as_json(answer), flush=True)
        if saved is not None and number % every == 0:
            pool.save(saved, {"lines": number})
    if saved is not None and number > done:
        pool.save(saved, {"lines": number})
    if bad:
        raise InputError(f"{counted(len(bad), 'line')} could not be used, line {bad[0]} first; their answers say why")


def _begin_anew(snapshots: Path, resume: bool) -> None:
    """Leave no idle streams of an earlier run in a folder that holds no snapshot.

    Raises:
        InputError: There are some, and the run was not asked to resume.
    """
    from treadle.streaming.idle import discard, idle_files

    folder = snapshots / "idle"
    if resume:
        discard(folder)
        print(f"treadle: {snapshots} holds no snapshot yet, all streams begin anew", file=sys.stderr)
    elif idle_files(folder):
        raise InputError(
            f"{folder}: holds idle streams of a run that wrote no snapshot; begin anew by --resume, or name another "
            "folder"
        )


def _open(model: Path, limit: int, folder: Path | None) -> "StreamPool":
    from treadle.streaming import Streaming
    from treadle.tasks import load

    estimator = load(model)
    if not isinstance(estimator, Streaming):
        raise InputError(
            f"{model}: holds a model of the task {estimator.task!r}, which answers whole sequences and has no stream"
        )
    try:
        return estimator.stream_pool(limit=limit, folder=folder)
    except InputError as error:
        raise InputError(f"{model}: {error}") from None


def _lines() -> Iterator[bytes]:
    """The lines of standard input as they come, without their ends."""
    for line in sys.stdin.buffer:
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def _answer(pool: "StreamPool", line: bytes, number: int) -> dict[str, Any]:
    """What is said to a line; where it cannot be used, why, and all streams are as they were."""
    from treadle.streaming.lines import read_line

    said: dict[str, Any] = {}
    try:
        request = read_line(line.decode("utf-8-sig" if number == 1 else "utf-8"), pool.reads)
        if request.named:
            said["key"] = request.key
        if request.close:
            pool.close(request.key)
            return said | {"closed": True}
        answer: dict[str, Any] = pool.step([request.key], [request.step])[0]
        return said | answer | {"steps": pool.steps(request.key)}
    except UnicodeDecodeError as error:
        return said | {"error": f"line {number}: byte {line[error.start]:#04x} is not UTF-8, expected text or JSON"}
    except InputError as error:
        return said | {"error": f"line {number}: {error}"}
