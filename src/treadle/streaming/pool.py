"""Many streams of one model, each known by its key, stepped in batches."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from threading import RLock
from typing import Any, NoReturn

import numpy as np
import torch

from treadle.errors import InputError, counted
from treadle.files import write_atomically
from treadle.streaming.batch import step_batch
from treadle.streaming.idle import IdleStreams
from treadle.streaming.keys import Key, as_key, as_keys
from treadle.streaming.model import Reads, Source, open_model
from treadle.streaming.snapshot import check_state, pack, unpack
from treadle.streaming.states import STEPS, Array, States

BATCH = 512
"""Rows that the model steps at once: more do not make a step cheaper, and what they need would leave the cache."""


class StreamPool:
    r"""Thousands of streams of one model, each with its key.

    The states of all streams lie in one array a field, a row each. A batch of steps gathers the rows of its streams,
    takes the step for all of them at once, and puts the rows back. The answers are those of streams that are alone, up
    to rounding; they do not depend on who shares the batch.

    A key that is new begins a stream; NumPy's texts and whole numbers are the keys that they stand for. Where `limit`
    streams are in memory and another is to begin, the one that has not been used for the longest is put on disk, if
    there is a folder, and comes back with its next step, exact to the last bit. Without a folder nothing is ever lost
    in silence: the step is refused until a stream is closed.

    Threads may share a pool: one call goes on at a time, and the others wait for it.

    Args:
        source: As in `treadle.streaming.Stream`.
        limit: Streams in memory at most.
        folder: For idle streams; of this pool alone. One that holds some already takes steps after `restore` only.

    Attributes:
        bytes_per_stream: Memory of a stream's state; a key in Python's own memory comes to it.

    Raises:
        InputError: The model cannot be streamed, the limit is no whole number from 1, or the folder cannot be one.

    Example:
        >>> from treadle.nn import Stack
        >>> pool = StreamPool(Stack("lstm", 3, 8))
        >>> answers = pool.step(["left", "right"], np.ones((2, 3)))
        >>> answers.shape, len(pool), "left" in pool, pool.bytes_per_stream
        ((2, 8), 2, True, 80)
    """

    def __init__(self, source: Source, *, limit: int = 100_000, folder: str | PathLike[str] | None = None) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 1:
            raise InputError(f"limit is a whole number of streams, at least 1, found {limit!r:.50}")
        if folder == "" or not isinstance(folder, str | PathLike | None):
            raise InputError(f"folder is a path for idle streams, found {folder!r:.50}")
        self.limit = int(limit)
        self._lock = RLock()
        self._model = open_model(source, min(self.limit, BATCH), torch.get_num_threads())
        self._states = States(self._model.initial, self.limit)
        self._idle = None if folder is None else IdleStreams(Path(folder), self._model.identity)
        self.bytes_per_stream = self._states.bytes_per_stream

    def __len__(self) -> int:
        """How many streams have begun and were not closed, idle ones too."""
        with self._lock:
            return len(self._states.rows) + len(self._files)

    def __contains__(self, key: object) -> bool:
        """Whether a stream of this key has begun and was not closed."""
        with self._lock:
            return key in self._states.rows or key in self._files

    def __iter__(self) -> Iterator[Key]:
        """The keys, as they are now."""
        with self._lock:
            return iter([*self._states.rows, *self._files])

    @property
    def _files(self) -> Mapping[Key, str]:
        """The idle streams."""
        return {} if self._idle is None else self._idle.files

    @property
    def reads(self) -> Reads:
        """What a step is: "numbers", "text" or "tokens"."""
        return self._model.reads

    def steps(self, key: Key) -> int:
        """How many steps a stream has taken.

        Raises:
            InputError: There is no such stream.
        """
        with self._lock:
            return int(self._states.fields[STEPS][self._row(as_key(key))])

    def state(self, key: Key) -> dict[str, Array]:
        """All that a stream remembers, as in `Stream.state`.

        Raises:
            InputError: There is no such stream.
        """
        with self._lock:
            row = self._row(as_key(key))
            return {name: self._states.fields[name][row].copy() for name in self._model.state}

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise InputError("a pool is not copied or pickled; save it and restore the save in another pool of the model")

    def explain(self) -> str:
        """How the steps run, one clause."""
        return self._model.explanation

    def step(self, keys: Sequence[Key], steps: Sequence[Any] | Array) -> Sequence[Any] | Array:
        """A step of each of several streams.

        Args:
            keys: Texts or whole numbers, each at most once.
            steps: A step for each, as in `Stream.step`; numbers come fastest as an array `[streams, size]`.

        Returns:
            The answers in the same order; of layers an array `[streams, output_size]`.

        Raises:
            InputError: A key or a step cannot be used, there is no room, or the folder holds idle streams that were not
                restored. All streams are as they were.
        """
        keys = as_keys(keys, steps)
        with self._lock:
            return self._step(keys, steps)

    def _step(self, keys: Sequence[Key], steps: Sequence[Any] | Array) -> Sequence[Any] | Array:
        """`step`, by one thread at a time."""
        if self._idle is not None:
            self._idle.check()
        elements = self._model.read_all(steps)
        self._make_room(keys)
        rows = self._states.rows_of(keys)
        parts = [slice(start, start + self._model.rows) for start in range(0, len(keys), self._model.rows)]
        # Nothing is kept before all have gone well.
        done = [step_batch(self._model, self._states, rows[part], elements[part]) for part in parts]
        for place in np.flatnonzero(rows < 0).tolist():
            rows[place] = self._states.take(keys[place])
        for part, (_, after) in zip(parts, done, strict=True):
            self._states.put(rows[part], after)
        self._states.use(rows)
        answers: list[Sequence[Any] | Array] = [answer for answer, _ in done]
        if len(answers) == 1:
            return answers[0]
        if answers and all(isinstance(part, np.ndarray) for part in answers):
            return np.concatenate(answers)
        return [answer for part in answers for answer in part]

    def _row(self, key: Key) -> int:
        """The row of a stream, which is brought back where it is idle."""
        if key not in self:
            raise InputError(f"there is no stream {key!r}")
        self._make_room([key])
        return self._states.rows[key]

    def _make_room(self, keys: Sequence[Key]) -> None:
        """Make room for all streams of a batch in memory, and bring back those that are idle."""
        missing = [key for key in keys if key not in self._states.rows]
        over = len(self._states.rows) + len(missing) - self.limit
        if over > 0:
            self._expire(over, keys)
        for key in missing:
            if self._idle is not None and key in self._idle.files:
                steps, state = self._idle.get(key)
                check_state(state, self._model.initial)
                row = np.array([self._states.take(key)])
                self._states.put(row, {**state, STEPS: np.array(steps)})
                self._states.use(row)
                self._idle.remove(key)

    def _expire(self, count: int, wanted: Sequence[Key]) -> None:
        """Put the streams on disk that were not used for the longest."""
        if len(wanted) > self.limit:
            raise InputError(f"a batch has {len(wanted):,} streams, expected at most the limit of {self.limit:,}")
        if self._idle is None:
            limit = counted(self.limit, "stream")
            raise InputError(f"{limit} may be open; close some, or give the pool a folder for idle ones")
        for key in self._states.oldest(count, wanted):
            self._idle.put(key, self.steps(key), self.state(key))
            self._states.drop(key)

    def close(self, key: Key) -> None:
        """End a stream and forget it; its key may begin another.

        Raises:
            InputError: There is no such stream.
        """
        key = as_key(key)
        with self._lock:
            if key in self._states.rows:
                self._states.drop(key)
            elif self._idle is not None and key in self._idle.files:
                self._idle.remove(key)
            else:
                raise InputError(f"there is no stream {key!r}")

    def save(self, path: str | Path, facts: Mapping[str, Any] | None = None) -> None:
        """Write all streams to a file, which at any moment holds either the last save or this one.

        Idle streams stay in their folder, and the file names them there. They are kept until the next save, to whatever
        file: of a pool with a folder, the last save alone can be restored.

        Args:
            path: The file.
            facts: What JSON can hold, given back by `restore`.

        Raises:
            InputError: The folder holds idle streams that were not restored.
        """
        with self._lock:
            self._save(Path(path), dict(facts or {}))

    def _save(self, path: Path, facts: dict[str, Any]) -> None:
        if self._idle is not None:
            self._idle.check()
        keys = self._states.ordered()
        rows = self._states.rows_of(keys)
        serial = 0 if self._idle is None else self._idle.serial
        told = {"keys": keys, "idle": list(self._files.items()), "serial": serial, "facts": facts}
        arrays = {name: field[rows] for name, field in self._states.fields.items()}
        write_atomically(path, pack("pool", self._model.identity, told, arrays))
        if self._idle is not None:
            self._idle.saved()

    def restore(self, path: str | Path) -> dict[str, Any]:
        """Go on where a file was saved, in this process or another; the streams of now are forgotten.

        Returns:
            The facts that were saved with it.

        Raises:
            InputError: The file is missing or damaged, belongs to another model, holds more streams than the limit, or
                names idle streams that are no longer there.
        """
        with self._lock:
            return self._restore(Path(path))

    def _restore(self, path: Path) -> dict[str, Any]:
        try:
            told, arrays = unpack(path.read_bytes(), "pool", self._model.identity)
            keys = told["keys"]
            check_state(
                arrays, {n: np.empty((len(keys), *one.shape), one.dtype) for n, one in self._states.begin.items()}
            )
            if len(keys) > self.limit:
                raise InputError(f"it holds {len(keys):,} streams, expected at most the limit of {self.limit:,}")
            if told["idle"] and self._idle is None:
                raise InputError("it has idle streams on disk, expected the folder that they are in")
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if self._idle is not None:
            self._idle.restored(dict(told["idle"]), told["serial"])
        self._states.refill(keys, arrays)
        facts: dict[str, Any] = told["facts"]
        return facts
