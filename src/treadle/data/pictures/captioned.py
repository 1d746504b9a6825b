"""Pictures, or sequences of frames, and a sentence on each, every one knowing where it came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.pictures.picture import is_picture_file
from treadle.data.values import parse_series
from treadle.errors import InputError, counted

Cell = str | Path | NDArray[Any]
"""The file of a picture or of frames (`.npy`), a picture `[height, width, channels]`, or frames `[time, features]`."""

FRAMES = ".npy"
"""What names of files of frames end in."""


@dataclass(frozen=True)
class Captioned:
    """What is looked at, and what is said of it.

    Attributes:
        inputs: All pictures, or all sequences of frames.
        captions: A sentence on each, none blank; None where nobody knows.
        places: Where each stands, as an error sentence names it: `"train.csv, line 7"`.
        source: What was read, `"memory"` for Python objects.
        note: How it was understood, in one phrase.

    Example:
        >>> shown = Captioned(["a.png", "b.png"], ["a cat", "a dog"], ["line 1", "line 2"])
        >>> shown.pictured, shown.take([1]).captions
        (True, ['a dog'])
    """

    inputs: Sequence[Cell]
    captions: Sequence[str] | None
    places: Sequence[str]
    source: str = "memory"
    note: str = ""

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def pictured(self) -> bool:
        """Whether they are pictures; else they are frames."""
        return is_picture(self.inputs[0])

    def take(self, rows: Iterable[int]) -> "Captioned":
        """Some of them, in the given order."""
        picked = [int(row) for row in rows]
        return replace(
            self,
            inputs=[self.inputs[row] for row in picked],
            captions=None if self.captions is None else [self.captions[row] for row in picked],
            places=[self.places[row] for row in picked],
        )


def is_picture(cell: Any) -> bool:
    """Whether a cell is a picture: the name of one, or an array of three axes."""
    return is_picture_file(cell) if isinstance(cell, str | Path) else np.ndim(cell) == 3


def checked(found: Captioned) -> Captioned:
    """The same, looked over.

    Raises:
        InputError: There is nothing, a caption is empty, or pictures and frames are mixed.
    """
    if not len(found):
        raise InputError(f"{found.source}: found nothing to look at, expected a picture or frames a row")
    for row, cell in enumerate(found.inputs):
        if is_picture(cell) != found.pictured:
            kinds = ("a picture", "frames") if found.pictured else ("frames", "a picture")
            raise InputError(f"{found.places[row]}: found {kinds[1]}, expected {kinds[0]} as in the first row")
    for row, caption in enumerate(found.captions or ()):
        if not caption.strip():
            raise InputError(f"{found.places[row]}: the caption is empty, expected a sentence; leave the row out")
    return found


def captioned_of_lists(X: Any, y: Any = None) -> Captioned:
    """Python objects, in one form.

    Args:
        X: A list of names of files, of arrays `[height, width, channels]` or of arrays or lists `[time, features]`; or
            one array of them.
        y: A sentence on each, or None.

    Raises:
        InputError: They are none of these, differ in number, or hold an empty sentence.

    Example:
        >>> captioned_of_lists(np.zeros((2, 8, 8, 3)), ["nothing", "nothing"]).pictured
        True
    """
    inputs = [_cell(value, f"row {row} (counted from 0)") for row, value in enumerate(_rows(X, "pictures"))]
    places = [f"row {row} (counted from 0)" for row in range(len(inputs))]
    if y is None:
        return checked(Captioned(inputs, None, places))
    captions = _rows(y, "captions")
    if len(captions) != len(inputs):
        found = f"{counted(len(inputs), 'picture')} and {counted(len(captions), 'caption')}"
        raise InputError(f"there are {found}, expected equally many")
    for place, caption in zip(places, captions, strict=True):
        if not isinstance(caption, str):
            raise InputError(f"{place}: the caption is {caption!r:.40}, expected a text")
    return checked(Captioned(inputs, [str(caption) for caption in captions], places))


def _cell(value: Any, place: str) -> Cell:
    if isinstance(value, str):
        return as_cell(value, place)
    if isinstance(value, Path):
        return as_cell(str(value), place)
    if isinstance(value, list | tuple | np.ndarray) or hasattr(value, "__array__"):
        return value if isinstance(value, np.ndarray) else _array(value, place)
    raise InputError(f"{place}: found {value!r:.40}, expected a file, a picture [height, width, 3] or frames")


def as_cell(text: str, place: str, folder: Path | None = None) -> Cell:
    """What a text stands for: a file, by its end, or numbers.

    Args:
        text: The text.
        place: Where it stands, for error sentences.
        folder: Where names of files begin.

    Raises:
        InputError: It is neither.
    """
    text = text.strip()
    if text.lower().endswith(FRAMES) or is_picture_file(text):
        return text if folder is None else str(folder / text)
    numbers = parse_series(text)
    if numbers is None:
        found = f"{text!r:.60}" if text else "nothing"
        raise InputError(f"{place}: found {found}, expected a picture, a file of frames ({FRAMES}) or numbers")
    return numbers


def _array(value: Any, place: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise InputError(f"{place}: found a list of lists of unequal lengths, expected [time, features]") from None


def _rows(values: Any, what: str) -> list[Any]:
    if hasattr(values, "to_list"):  # a pandas or polars column
        values = values.to_list()
    if isinstance(values, str) or not isinstance(values, list | tuple | np.ndarray):
        raise InputError(f"the {what} are a {type(values).__name__}, expected a list of them")
    return list(values)
