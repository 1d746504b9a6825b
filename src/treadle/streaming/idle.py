"""Idle streams on disk: a file each, from when its place in memory is needed until its next step."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.files import write_atomically
from treadle.streaming.keys import Key
from treadle.streaming.snapshot import pack, unpack

SUFFIX = ".idle.safetensors"


class IdleStreams:
    """The states of streams that are not in memory.

    A saved pool names the files that it needs. They are left alone, also when their streams have come back and gone
    on, until a later save no longer needs them; so whenever the process is killed, the last save finds its files.

    A folder is of one pool at a time. One that holds files already is not used before `restored` has told which of
    them count.

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
        self._checked = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be a folder for idle streams ({error.strerror})") from None

    def check(self) -> None:
        """Hold the folder to this pool.

        Raises:
            InputError: It holds files of another, and none was restored.
        """
        if not self._checked and idle_files(self.folder):
            raise InputError(
                f"{self.folder}: holds the idle streams of an earlier pool; restore its last save, empty the folder or "
                "name another"
            )
        self._checked = True

    def put(self, key: Key, steps: int, state: dict[str, NDArray[Any]]) -> None:
        """Keep the state of a stream."""
        name = f"{self.serial:012d}{SUFFIX}"
        self.serial += 1
        write_atomically(self.folder / name, pack("idle stream", self.model, {"key": key, "steps": steps}, state))
        self.files[key] = name

    def get(self, key: Key) -> tuple[int, dict[str, NDArray[Any]]]:
        """Steps and state of a stream that is here.

        Raises:
            InputError: Its file is missing, damaged or of another stream.
        """
        path = self.folder / self.files[key]
        try:
            facts, state = unpack(path.read_bytes(), "idle stream", self.model)
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file, expected the stream {key!r} that was put there") from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if facts["key"] != key:
            raise InputError(
                f"{path}: holds the stream {facts['key']!r}, expected {key!r}; a folder is of one pool at a time"
            )
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
        """Go on from what the last save names; files that came later are removed.

        Raises:
            InputError: A file is missing.
        """
        there = idle_files(self.folder)
        for key, name in files.items():
            if name not in there:
                raise InputError(
                    f"{self.folder / name}: there is no such file, expected the idle stream {key!r}; idle streams of a "
                    "save are kept until the next one, so only the last save can be restored"
                )
        self.files, self.serial, self._checked = dict(files), serial, True
        self._needed, self._left = set(files.values()), set()
        for name in there - self._needed:
            (self.folder / name).unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Remove the idle streams that a folder holds, of a run that cannot be restored."""
    for name in idle_files(folder):
        (folder / name).unlink(missing_ok=True)


def idle_files(folder: Path) -> set[str]:
    """The names of all files of idle streams."""
    return {path.name for path in folder.glob(f"*{SUFFIX}")}
