"""Sequences of frames: numbers that something else, such as a network over pictures, told of each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from treadle.data.paths import existing
from treadle.data.pictures.captioned import Cell
from treadle.data.series import Floats
from treadle.errors import InputError

_NUMPY = b"\x93NUMPY"


def read_frames(cells: Sequence[Cell], places: Sequence[str]) -> list[Floats]:
    """The frames of every cell, `[time, features]` each.

    Args:
        cells: Names of `.npy` files, or arrays `[time, features]` or `[time]`.
        places: Where each stands, for error sentences.

    Raises:
        InputError: A file cannot be read (one that holds pickled objects is never opened), or what is found is no
            numbers, has no frame, or another number of features than the first.
    """
    found: list[Floats] = []
    for cell, place in zip(cells, places, strict=True):
        array = np.asarray(_of_file(cell, place) if isinstance(cell, str | Path) else cell)
        if array.dtype.kind not in "biuf":
            raise InputError(f"{place}: found {array.dtype} values, expected numbers, [time, features]")
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2 or not array.size:
            raise InputError(f"{place}: found an array {list(array.shape)}, expected [time, features], both at least 1")
        if found and array.shape[1] != found[0].shape[1]:
            raise InputError(
                f"{place}: found {array.shape[1]} features a frame, expected {found[0].shape[1]} as in {places[0]}"
            )
        found.append(array.astype(np.float64))
    return found


def _of_file(name: str | Path, place: str) -> Floats:
    try:
        path = existing(name)
        if path.is_dir():
            raise InputError(f"{path}: found a folder, expected a .npy file")
        with path.open("rb") as file:
            if file.read(len(_NUMPY)) != _NUMPY:
                raise InputError(f"{path}: is no .npy file, expected one as numpy.save writes it")
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    except OSError as error:
        raise InputError(f"{place}: {name} cannot be read ({error.strerror})") from None
    try:
        # Mapped, a file that says it were larger than it is, is refused before memory is asked for.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, OSError, EOFError, TypeError, SyntaxError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{place}: {path} cannot be read ({said}), expected a whole .npy file of numbers") from None
