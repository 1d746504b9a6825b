"""What a stream reads, a step at a time: numbers scaled and filled as a whole series would be, or tokens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.codec import TokenCodec
from treadle.data.kinds import Kind
from treadle.data.numeric import SeriesScaler
from treadle.data.series import LARGEST
from treadle.data.text_pieces import TextPieces, as_codes, pieces_of
from treadle.data.vocabulary import Vocabulary
from treadle.errors import InputError
from treadle.streaming.model import HELD, Reads
from treadle.streaming.numbers import read_numbers
from treadle.tasks.sequence.features import CUTTERS, Feature

Array = NDArray[Any]

OBSERVED = "input.observed"
"""The field of a stream's state that remembers the last value of every channel, as it was scaled."""


class NumericSteps:
    """The steps of a series: what `SeriesScaler.transform` makes of a whole one, as far as it needs no future.

    Args:
        scaler: Fitted on training data.

    Attributes:
        initial: Where the state of a stream begins, by field.

    Raises:
        InputError: The scaling needs the whole series.
    """

    reads: Reads = "numbers"
    pieces: TextPieces | None = None

    def __init__(self, scaler: SeriesScaler) -> None:
        if scaler.scaling == "series":
            raise InputError(
                "scaling='series' needs the mean of the whole series, which a stream does not have yet; "
                "train with scaling='standard'"
            )
        self.scaler = scaler
        self._clips = bool(np.isfinite([scaler.low, scaler.high]).any())
        self._mean = (scaler.mean - scaler.shift) / scaler.scale
        keeps = scaler.fill == "forward"
        self.initial: dict[str, Array] = {OBSERVED: np.full(scaler.channels, np.nan)} if keeps else {}

    def read(self, step: Any) -> Array:
        """The numbers of one step or of several, float64 `[steps, channels]`, NaN where one is missing.

        Raises:
            InputError: It is not that, or a value is missing that would be filled from the future.
        """
        values = read_numbers(step, self.scaler.channels, missing=True)
        if self.scaler.fill == "linear" and np.isnan(values).any():
            raise InputError(
                f"channel {_first(np.isnan(values))} has no value, and fill='linear' would take it from the future; "
                "give a number, or train with fill='forward'"
            )
        return values

    def embed(self, x: Array, state: dict[str, Array]) -> Array:
        """One step of every row, `x [rows, channels]`, as the layers read it.

        Args:
            x: As `read` gave it.
            state: The rows' state, which is brought up to date.

        Raises:
            InputError: A value is missing and what would fill it lies in the future; the state is as it was.
        """
        scaler = self.scaler
        values = x.clip(scaler.low, scaler.high) if self._clips else x
        values = (values - scaler.shift) / scaler.scale
        missing = np.isnan(values)
        if missing.any():
            values = np.where(missing, self._filling(missing, state), values)
        if scaler.fill == "forward":
            state[OBSERVED][: len(x)] = values
        if len(scaler.masked):
            values = np.concatenate([values, ~missing[:, scaler.masked]], axis=1)
        return values.clip(-LARGEST, LARGEST)

    def _filling(self, missing: Array, state: dict[str, Array]) -> Array:
        if self.scaler.fill == "mean":
            return self._mean
        before = state[OBSERVED][: len(missing)]
        unknown = missing & np.isnan(before)
        if unknown.any():
            raise InputError(
                f"channel {_first(unknown)} has no value and had none before, so it would be filled from the future; "
                "begin with a number in every channel, or train with fill='mean'"
            )
        return before


class SymbolSteps:
    """The steps of a text, of tokens or of symbols: a piece of text at a time, or a token, or a list of tokens.

    How pieces of a text join tells `TextPieces`. A model that began as a language model of characters, of bytes or of
    sub-word pieces reads a piece as that did.

    Args:
        feature: Fitted on training data.
        embedding: `[vocabulary, size]`.

    Attributes:
        initial: Where the state of a stream begins, by field.
        pieces: As in `StreamModel`.
    """

    def __init__(self, feature: Feature, embedding: Array) -> None:
        self.feature, self.embedding = feature, embedding
        self.reads: Reads = "text" if isinstance(feature.encoder, CUTTERS) else "tokens"
        self.pieces = pieces_of(feature.encoder) if isinstance(feature.encoder, CUTTERS) else None
        self.initial: dict[str, Array] = {} if self.pieces is None else {HELD: self.pieces.begin}

    def read(self, step: Any) -> Array:
        """The numbers of the tokens, int64 `[tokens]`, or where pieces join, the code points of a piece.

        Raises:
            InputError: It is no text and no tokens.
        """
        encoder = self.feature.encoder
        if isinstance(encoder, CUTTERS):
            if not isinstance(step, str):
                what = "symbols" if self.feature.kind is Kind.SYMBOLS else "a piece of text"
                raise InputError(f"a step of this stream is {what}, found {step!r:.50}")
            if self.pieces is not None:
                return as_codes(step)
            assert isinstance(encoder, TokenCodec)
            return encoder.encode(step)
        tokens = [step] if isinstance(step, str) else step
        if not isinstance(tokens, list | tuple) or not all(isinstance(token, str) for token in tokens):
            raise InputError(f"a step of this stream is a token or a list of tokens, found {step!r:.50}")
        assert isinstance(encoder, Vocabulary)
        return encoder.encode(tokens)

    def embed(self, x: Array, _state: dict[str, Array]) -> Array:
        """The vectors of one token of every row."""
        found: Array = self.embedding[x]
        return found


def steps_of(feature: Feature, embedding: Array | None) -> NumericSteps | SymbolSteps:
    """The steps that a stream of a feature reads.

    Args:
        feature: Of the only input column.
        embedding: `[vocabulary, size]`; None for a series.

    Raises:
        InputError: They cannot be had one at a time; the sentence says what to train instead.
    """
    if feature.max_length is not None:
        raise InputError(
            f"max_length={feature.max_length} reads no more than the first steps, and a stream goes on for ever; "
            "train with max_length=None"
        )
    if isinstance(feature.encoder, SeriesScaler):
        return NumericSteps(feature.encoder)
    if feature.kind is Kind.AUDIO:
        raise InputError(
            "this model hears whole recordings, and has no stream; train a causal SpeechRecognizer on words to spot "
            "them as they are said"
        )
    assert embedding is not None
    return SymbolSteps(feature, embedding)


def _first(channels: Array) -> int:
    """The number of the first channel that is set in any row, counted from 1."""
    return int(np.flatnonzero(channels.any(0))[0]) + 1
