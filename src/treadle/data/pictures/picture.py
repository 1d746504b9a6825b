"""One picture: from a file or an array to bytes of red, green and blue, no larger than a network wants it."""

import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from treadle.data.paths import existing
from treadle.errors import InputError

Picture = NDArray[np.uint8]
"""`[height, width, 3]`: red, green and blue, from 0 to 255."""

PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
"""What names of pictures end in."""

LARGEST: Final = 2**26
"""Pixels of a file, at most: one of few bytes may unpack to more than there is memory."""

_PAPER: Final = (255, 255, 255)
"""What is behind a picture that can be seen through."""

_BROKEN = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, struct.error, zlib.error)
"""What Pillow's readers raise at files that are not what their first bytes say."""


def is_picture_file(name: object) -> bool:
    """Whether a name is one of a picture, by its end."""
    return isinstance(name, str | Path) and str(name).lower().endswith(PICTURE_SUFFIXES)


def read_picture(path: str | Path, side: int | None = None) -> Picture:
    """Read a picture: PNG, JPEG and what else Pillow knows, turned as its camera was held; of several, the first.

    Args:
        path: The file.
        side: Pixels of the longer side, at most; a larger picture is made smaller, each pixel the mean of what it
            covers. None leaves it as it is.

    Raises:
        InputError: There is no such file, it is no picture, broken, or of more than 67 million pixels.
    """
    path = existing(path)
    if path.is_dir():
        raise InputError(f"{path}: found a folder, expected a picture")
    return decode_picture(path, path, side)


def decode_picture(source: Path | BinaryIO, path: Path, side: int | None = None) -> Picture:
    """The picture that a file holds, be it on disk or in memory.

    Args:
        source: The file.
        path: What error sentences call it.
        side: As in `read_picture`.

    Raises:
        InputError: As in `read_picture`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own, of what is refused here or read in spite of it
            with Image.open(source) as file:
                if file.width * file.height > LARGEST:
                    found = f"{file.width:,} by {file.height:,} pixels"
                    raise InputError(f"{path}: found {found}, expected at most {LARGEST:,} in all; make it smaller")
                file.load()
                return _smaller(_in_colour(ImageOps.exif_transpose(file), path), side)
    except Image.DecompressionBombError:
        raise InputError(f"{path}: has far more pixels than the {LARGEST:,} that are read; make it smaller") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: is no picture that Pillow knows, expected PNG, JPEG or the like") from None
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"{path}: cannot be read as a picture ({_reason(error)}), expected a whole one") from None


def as_picture(cell: Any, side: int | None, place: str) -> Picture:
    """The picture of a cell: a file read, an array taken for what it is.

    Args:
        cell: The name of a file, or an array `[height, width, channels]` of one (grey), three or four (with opacity)
            channels: whole numbers up to 255, or fractions from 0 to 1.
        side: As in `read_picture`.
        place: Where it stands, for error sentences.

    Raises:
        InputError: It is neither, or cannot be read; the sentence begins with `place`.

    Example:
        >>> as_picture(np.ones((4, 8, 1)), 4, "row 1").shape
        (2, 4, 3)
    """
    if isinstance(cell, str | Path):
        try:
            return read_picture(cell, side)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
    array = np.asarray(cell)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        raise InputError(f"{place}: found an array {list(array.shape)}, expected [height, width, 1, 3 or 4]")
    if array.dtype != np.uint8:
        most = 255 if array.dtype.kind in "iu" else 1
        if array.dtype.kind not in "biuf" or not ((array >= 0) & (array <= most)).all():
            raise InputError(f"{place}: found {array.dtype} values, expected bytes, or fractions from 0 to 1")
        array = np.rint(array.astype(np.float64) * (255 / most)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array))
    return _smaller(_in_colour(image, Path(place)), side)


def write_pictures(pictures: Sequence[Picture], folder: Path) -> list[str]:
    """Write pictures as PNG into a folder, made if it is not there.

    Returns:
        Their names, relative to what the folder is in, as a table beside it names them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digits = len(str(len(pictures)))
    names = [f"{number:0{digits}}.png" for number in range(1, len(pictures) + 1)]
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).save(folder / name)
    return [f"{folder.name}/{name}" for name in names]


def _in_colour(image: Image.Image, place: Path) -> Image.Image:
    """Red, green and blue, on white where the picture can be seen through."""
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        image = Image.fromarray(grey)
    if image.mode in ("I", "F"):
        raise InputError(f"{place}: found pixels of mode {image.mode!r}, expected 8 or 16 bits a channel")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, (*_PAPER, 255)), seen)
    return image.convert("RGB")


def _smaller(image: Image.Image, side: int | None) -> Picture:
    longer = max(image.size)
    if side is not None and longer > side:
        width, height = (max(1, round(pixels * side / longer)) for pixels in image.size)
        image = image.resize((width, height), Image.Resampling.BOX)
    return np.array(image, dtype=np.uint8)


def _reason(error: Exception) -> str:
    """What Pillow says, in one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
