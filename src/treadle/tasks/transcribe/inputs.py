"""Recordings and transcripts as callers give them, in one form."""

from pathlib import Path
from typing import Any

import numpy as np

from treadle.data.audio import Utterances, Waveform, is_audio_file
from treadle.data.audio.encoder import Cell
from treadle.errors import InputError, counted

_LISTS = (list, tuple, np.ndarray)


def to_utterances(X: Any, y: Any = None, *, rate: int | None = None) -> Utterances:
    """Files, waveforms and arrays, mixed as they may be, with or without their transcripts.

    Args:
        X: A list of files of sound, of `Waveform`s, or of arrays of samples.
        y: A transcript of each, or None.
        rate: Samples a second of arrays, which cannot tell.

    Raises:
        InputError: A recording is none of these, an array comes without a rate, or there are not as many transcripts.
    """
    rows = _rows(X, "recordings")
    audio = [_cell(value, row, rate) for row, value in enumerate(rows)]
    if not audio:
        raise InputError("there is no recording, expected a list of them")
    if y is None:
        return Utterances(audio)
    texts = _rows(y, "transcripts")
    if len(texts) != len(audio):
        found = f"{counted(len(audio), 'recording')} and {counted(len(texts), 'transcript')}"
        raise InputError(f"there are {found}, expected equally many")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"row {row} (counted from 0): the transcript is {text!r:.40}, expected a text")
    return Utterances(audio, [str(text) for text in texts])


def _cell(value: Any, row: int, rate: int | None) -> Cell:
    if isinstance(value, Waveform | Path):
        return value
    if isinstance(value, str):
        if not is_audio_file(value):
            raise InputError(f"row {row} (counted from 0): found {value!r:.60}, expected a file of sound")
        return value
    if not isinstance(value, _LISTS) and not hasattr(value, "__array__"):
        raise InputError(f"row {row} (counted from 0): found {value!r:.40}, expected a file, a Waveform or an array")
    if rate is None:
        raise InputError(
            f"row {row} (counted from 0): an array of samples does not say how many make a second; give a "
            "treadle.data.audio.Waveform, or sample_rate="
        )
    try:
        return Waveform(value, rate)
    except InputError as error:
        raise InputError(f"row {row} (counted from 0): {error}") from None


def _rows(values: Any, what: str) -> list[Any]:
    if hasattr(values, "to_list"):  # a pandas or polars column
        values = values.to_list()
    if isinstance(values, str) or not isinstance(values, _LISTS):
        raise InputError(f"the {what} are a {type(values).__name__}, expected a list of them")
    return list(values)
