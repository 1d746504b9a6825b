"""Pictures as a network takes them: of one scale, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data.pictures.captioned import Cell
from treadle.data.pictures.picture import Picture, as_picture
from treadle.errors import InputError

_LEAST_DEVIATION = 1.0


@dataclass(frozen=True)
class PictureScale:
    r"""How large pictures may be, and how their colours become numbers: \((x - \mu) / \sigma\), each channel's own.

    Attributes:
        side: Pixels of the longer side, at most.
        mean: Of red, green and blue over all pixels of training.
        deviation: Their standard deviation there, at least 1.

    Example:
        >>> scale, pictures = PictureScale.fit_encode([np.zeros((4, 6, 3)), np.ones((2, 2, 3))], ["a", "b"], side=5)
        >>> values, sizes = scale.pad(pictures)
        >>> tuple(values.shape), sizes.tolist()
        ((2, 3, 5, 3), [[3, 5], [2, 2]])
    """

    side: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    @classmethod
    def fit_encode(cls, cells: Sequence[Cell], places: Sequence[str], *, side: int) -> tuple[Self, list[Picture]]:
        """The scale of training pictures, and these.

        Raises:
            InputError: One cannot be read.
        """
        pictures = [as_picture(cell, side, place) for cell, place in zip(cells, places, strict=True)]
        pixels = sum(one.shape[0] * one.shape[1] for one in pictures)
        mean = np.sum([one.sum((0, 1), dtype=np.int64) for one in pictures], 0) / pixels
        square = np.sum([(one.astype(np.int64) ** 2).sum((0, 1)) for one in pictures], 0) / pixels
        deviation = np.sqrt(np.maximum(square - mean**2, _LEAST_DEVIATION))
        return cls(side, tuple(mean.tolist()), tuple(deviation.tolist())), pictures

    def encode(self, cells: Sequence[Cell], places: Sequence[str]) -> list[Picture]:
        """Other pictures, no larger than `side`.

        Raises:
            InputError: One cannot be read.
        """
        return [as_picture(cell, self.side, place) for cell, place in zip(cells, places, strict=True)]

    def pad(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """One batch, zeros beyond each picture: `[batch, height, width, 3]`, and heights and widths `[batch, 2]`."""
        sizes = np.array([one.shape[:2] for one in pictures], dtype=np.int64).reshape(-1, 2)
        height, width = sizes.max(0, initial=0)
        values: NDArray[np.float32] = np.zeros((len(pictures), height, width, 3), dtype=np.float32)
        shift, scale = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        for row, one in enumerate(pictures):
            values[row, : one.shape[0], : one.shape[1]] = (one - shift) / scale
        return torch.from_numpy(values), torch.from_numpy(sizes)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {"side": self.side, "mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """The scale that `to_json` saved.

        Raises:
            InputError, KeyError, TypeError, ValueError: It is damaged.
        """
        mean, deviation = ([float(value) for value in saved[name]] for name in ("mean", "deviation"))
        sound = len(mean) == len(deviation) == 3 and np.isfinite(mean + deviation).all() and min(deviation) > 0
        if not sound or int(saved["side"]) < 1:
            raise InputError("the saved scale of pictures is damaged: expected a side, and three colours")
        return cls(int(saved["side"]), (mean[0], mean[1], mean[2]), (deviation[0], deviation[1], deviation[2]))
