"""Idle streams on disk: a file each, from when its place in memory is needed until its next step."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.files import write_atomically
from treadle.streaming.snapshot import pack, unpack
from treadle.streaming.states import Key

SUFFIX = ".idle.safetensors"


class IdleStreams:
    """The states of streams that are not in memory.

    A saved pool names the files that it needs. They are left alone, also when their streams have come back and gone
    on, until a later save no longer needs them; so whenever the process is killed, the last save finds its files.

    Args:
        folder: For this pool alone; made if it is not there.
        model: The identity of the pool's model.

    Attributes:
        files: The name of the file of every stream that is here.
        serial: The number of the next file.

    Raises:
        InputError: The folder cannot be made.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.folder, self.model = folder, model
        self.files: dict[Key, str] = {}
        self.serial = 0
        self._needed: set[str] = set()
        self._left: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be a folder for idle streams ({error.strerror})") from None

    def put(self, key: Key, steps: int, state: dict[str, NDArray[Any]]) -> None:
        """Keep the state of a stream."""
        name = f"{self.serial:012d}{SUFFIX}"
        self.serial += 1
        write_atomically(self.folder / name, pack("idle stream", self.model, {"key": key, "steps": steps}, state))
        self.files[key] = name

    def get(self, key: Key) -> tuple[int, dict[str, NDArray[Any]]]:
        """Steps and state of a stream that is here.

        Raises:
            InputError: Its file is missing or damaged.
        """
        path = self.folder / self.files[key]
        try:
            facts, state = unpack(path.read_bytes(), "idle stream", self.model)
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file, expected the stream {key!r} that was put there") from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        return facts["steps"], state

    def remove(self, key: Key) -> None:
        """Forget a stream, since it is in memory again or closed."""
        name = self.files.pop(key)
        if name in self._needed:
            self._left.add(name)
        else:
            (self.folder / name).unlink(missing_ok=True)

    def saved(self) -> None:
        """A pool was saved with the files as they are now; those that only earlier saves needed go."""
        self._needed = set(self.files.values())
        for name in self._left - self._needed:
            (self.folder / name).unlink(missing_ok=True)
        self._left.clear()

    def restored(self, files: dict[Key, str], serial: int) -> None:
        """Go on from what a saved pool names; files that came later are removed.

        Raises:
            InputError: A file is missing.
        """
        there = {path.name for path in self.folder.glob(f"*{SUFFIX}")}
        for key, name in files.items():
            if name not in there:
                raise InputError(f"{self.folder / name}: there is no such file, expected the idle stream {key!r}")
        self.files, self.serial = dict(files), serial
        self._needed, self._left = set(files.values()), set()
        for name in there - self._needed:
            (self.folder / name).unlink(missing_ok=True)
