"""Captioners of pictures and of frames, as a server has them."""

from base64 import b64decode
from binascii import Error
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn

from treadle.data.pictures import Captioned, Cell, decode_picture
from treadle.errors import InputError
from treadle.serving.served import Served
from treadle.tasks.caption.predictions import Caption
from treadle.tasks.caption.work import answers

SENT = Path("the picture")
"""What error sentences call a picture that came in a request."""
MOST_PIXELS = 1024
"""Of the longer side of a picture, where the model leaves it as it is."""


class ServedCaptions(Served):
    """A captioner. An input is `{"image": "<a file in base64>"}`; of frames, a list of lists of numbers."""

    tasks = ("caption",)
    options: ClassVar = {"beam_size": (1, 16), "n_best": (1, 16)}

    def read(self, value: Any) -> Cell:
        """A picture or frames.

        Raises:
            InputError: It is none.
        """
        scale = self.estimator.features_.scale
        if scale is not None:
            if not isinstance(value, dict) or set(value) != {"image"} or not isinstance(value["image"], str):
                raise InputError('an input of this model is {"image": "..."}, a PNG or JPEG file in base64')
            try:
                content = b64decode(value["image"], validate=True)
            except (Error, ValueError):
                raise InputError("the picture is no base64, expected a PNG or JPEG file in it") from None
            return decode_picture(BytesIO(content), SENT, MOST_PIXELS)
        try:
            frames = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            frames = np.zeros(0)
        if not isinstance(value, list) or frames.ndim != 2:
            raise InputError("an input of this model is a list of frames, each a list of as many numbers")
        return frames

    def check_length(self, value: Any) -> None:
        """A picture's size is that of its body and of its pixels, not of its text."""
        if not isinstance(value, dict):
            super().check_length(value)

    def answer(self, cells: Sequence[Cell], options: Mapping[str, int]) -> list[dict[str, Any]]:
        """The caption with its score, and what was looked at most for each symbol."""
        data, found = self._told(cells, options)
        told = [dict(one.content) for one in answers(data, found)]
        for one in told:
            del one["input"]  # the client knows what it sent
        return told

    def _told(self, cells: Sequence[Cell], options: Mapping[str, int]) -> tuple[Captioned, list[list[Caption]]]:
        data = Captioned(list(cells), None, ["the input"] * len(cells))
        return data, self.estimator.tell(data, **options)

    def explain(self, cell: Cell, answer: Mapping[str, Any], options: Mapping[str, int]) -> dict[str, Any]:  # noqa: ARG002 (attention is of the search)
        """Where the model looked when it wrote each symbol: `[tokens][rows][columns]`, or `[tokens][frames]`."""
        best = self._told([cell], options)[1][0][0]
        return {"tokens": best.tokens, "attention": np.round(best.attention.astype(np.float64), 4).tolist()}

    def layers(self) -> nn.Module:
        """Those of the encoder of frames."""
        return self.estimator.network_.encoder.stack  # type: ignore[no-any-return]  # of any estimator

    def states(self, cell: Cell, options: Mapping[str, int]) -> dict[str, Any]:
        """Of frames; a picture passes through no recurrent layer."""
        if self.estimator.features_.scale is not None:
            return {"values": [], "steps": [], "of_steps": 0, "of_units": 0}
        return super().states(cell, options)

    def describe(self) -> dict[str, Any]:
        """With what it looks at."""
        return super().describe() | {"looks_at": "frames" if self.estimator.features_.scale is None else "picture"}
