"""Pictures within a page, and where in them a model looked."""

import base64
import io

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_LEFT = 0.3
"""How much of a picture's colours is left where nothing is looked at."""
_GREY = 128
"""What takes their place: neither white nor black, so that light and dark parts stand out of it alike."""
_SIDE = 160
"""Pixels of the longer side of a picture in a page, at most."""


def laid_over(picture: Pixels, weights: npt.ArrayLike) -> Pixels:
    """A picture with its own colours where a model looked most, greyer the less it looked.

    Args:
        picture: `[height, width, 3]`.
        weights: `[rows, columns]` of regions that divide the picture evenly; the largest counts as 1.

    Returns:
        `[height, width, 3]`.

    Example:
        >>> laid_over(np.zeros((2, 4, 3), np.uint8), [[1.0, 0.0]])[0, :, 0].tolist()
        [0, 0, 89, 89]
    """
    shown = np.asarray(weights, dtype=np.float64)
    strength = shown / max(float(shown.max()), 1e-12)
    rows, columns = (
        np.minimum(np.arange(picture.shape[axis]) * shown.shape[axis] // picture.shape[axis], shown.shape[axis] - 1)
        for axis in range(2)
    )
    share = _LEFT + (1 - _LEFT) * strength[rows][:, columns, None]
    return np.asarray(picture * share + _GREY * (1 - share), dtype=np.uint8)


def address(picture: Pixels) -> str:
    """A picture as an address that holds it whole (JPEG), for a page that loads nothing from elsewhere."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def whereabouts(weights: npt.ArrayLike) -> str:
    """In which ninth of a picture the largest weight lies, in words.

    Example:
        >>> whereabouts([[0, 0, 1], [0, 0, 0], [0, 0, 0]]), whereabouts([[0, 1, 0], [0, 2, 0], [0, 0, 0]])
        ('upper right', 'centre')
    """
    shown = np.asarray(weights)
    row, column = np.unravel_index(int(shown.argmax()), shown.shape)
    down = ("upper", "middle", "lower")[int(3 * (row + 0.5) // shown.shape[0])]
    across = ("left", "middle", "right")[int(3 * (column + 0.5) // shown.shape[1])]
    return "centre" if down == across == "middle" else f"{down} {across}"
