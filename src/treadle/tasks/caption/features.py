"""From pictures or frames and captions to numbers and back: what is fitted on training rows only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import Ragged, SeriesScaler
from treadle.data.codec import CodecUnit, TokenCodec
from treadle.data.pictures import Captioned, Picture, PictureScale, read_frames
from treadle.data.text import choose_unit
from treadle.errors import InputError
from treadle.tasks.caption.encoders import Pixels
from treadle.tasks.caption.settings import LookingSettings
from treadle.tasks.translate.features import is_sentence
from treadle.tasks.translate.network import TranslationBatch

SLACK = 10
"""Symbols that a caption may have beyond twice the usual length."""
_NOUNS = {"word": "word", "char": "character", "subword": "sub-word", "byte": "byte"}


@dataclass(frozen=True)
class Seen:
    """Pictures or frames as numbers.

    Attributes:
        scale: Of pictures; None for frames.
        pictures: No larger than `scale` allows.
        frames: Scaled.
        reduction: Pixels of a region's side.
    """

    scale: PictureScale | None
    pictures: Sequence[Picture]
    frames: Ragged | None
    reduction: int

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`[rows]`: regions or frames of each."""
        if self.frames is not None:
            frames: NDArray[np.int64] = self.frames.lengths.numpy()
            return frames
        return np.array([rows * columns for rows, columns in self.shapes], dtype=np.int64)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Rows and columns of every picture's regions; of frames, their number alone."""
        if self.frames is not None:
            return [(length,) for length in self.frames.lengths.tolist()]
        return [(-(-one.shape[0] // self.reduction), -(-one.shape[1] // self.reduction)) for one in self.pictures]

    def limits(self, limit: int) -> Tensor:
        """`[rows]`: the same limit for each."""
        return torch.full((len(self.shapes),), limit)

    def pad(self, rows: NDArray[np.int64]) -> tuple[Any, Tensor]:
        """What an encoder takes of some of them, and their lengths."""
        if self.frames is not None:
            return self.frames.pad(rows)
        assert self.scale is not None
        pixels = self.scale.pad([self.pictures[row] for row in rows.tolist()])
        return Pixels(*pixels), torch.tensor([self.shapes[row][0] * self.shapes[row][1] for row in rows.tolist()])


@dataclass(frozen=True)
class EncodedCaptions:
    """Pictures or frames with their captions, as numbers."""

    seen: Seen
    targets: Ragged

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`[rows]`: steps of the longer side, by which batches are cut."""
        longer: NDArray[np.int64] = np.maximum(self.seen.lengths, self.targets.lengths.numpy() + 1)
        return longer

    def batch(self, rows: NDArray[np.int64], device: torch.device | str = "cpu") -> TranslationBatch:
        """Some of them, padded."""
        return TranslationBatch(*self.seen.pad(rows), *self.targets.pad(rows)).to(device)


@dataclass(frozen=True)
class CaptionFeatures:
    """How pictures or frames become numbers, the symbols of captions, and what is usual of their length.

    Attributes:
        scale: Of pictures; None for frames.
        scaler: Of frames; None for pictures.
        target: From captions to symbols and back.
        reduction: Pixels of a region's side.
        longest: Symbols of the longest caption in training.
        sentences: Whether captions are sentences, of which a part can be right, or single words.
        unspaced: Whether they are in a script without spaces.
    """

    scale: PictureScale | None
    scaler: SeriesScaler | None
    target: TokenCodec
    reduction: int
    longest: int
    sentences: bool
    unspaced: bool

    @classmethod
    def fit_encode(
        cls, data: Captioned, settings: LookingSettings, reduction: int
    ) -> tuple["CaptionFeatures", EncodedCaptions]:
        """The features of training rows, and these as numbers.

        Where `unit` is left open, captions are words, or characters in a script without spaces.

        Args:
            data: Of training, and no others.
            settings: How.
            reduction: Pixels of a region's side.

        Raises:
            InputError: A picture or frames cannot be read, or an option is not valid.
        """
        assert data.captions is not None
        unspaced = choose_unit(data.captions) == "char"
        unit: CodecUnit = settings.unit or ("char" if unspaced else "word")
        target = TokenCodec.fit(
            data.captions,
            unit=unit,
            lowercase=settings.lowercase,
            max_size=settings.vocabulary_size,
            min_count=settings.min_count,
        )
        targets = Ragged.from_arrays(target.encode_all(data.captions), dtype=torch.int64)
        rest = (target, reduction, int(targets.lengths.max()), is_sentence(data.captions), unspaced)
        if data.pictured:
            scale, pictures = PictureScale.fit_encode(data.inputs, data.places, side=settings.picture_size)
            return cls(scale, None, *rest), EncodedCaptions(Seen(scale, pictures, None, reduction), targets)
        frames = read_frames(data.inputs, data.places)
        scaler = SeriesScaler.fit(frames, where=data.places.__getitem__)
        scaled = Ragged.from_arrays(scaler.transform(frames, where=data.places.__getitem__))
        return cls(None, scaler, *rest), EncodedCaptions(Seen(None, [], scaled, reduction), targets)

    @property
    def pictured(self) -> bool:
        """Whether it is pictures that are looked at; else frames."""
        return self.scale is not None

    def look(self, data: Captioned) -> Seen:
        """Pictures or frames as numbers.

        Raises:
            InputError: They cannot be read, or are of the other kind than those of training.
        """
        if data.pictured != self.pictured:
            kinds = ("a picture", "frames") if self.pictured else ("frames", "a picture")
            raise InputError(f"{data.places[0]}: found {kinds[1]}, expected {kinds[0]}, as in training")
        if self.scale is not None:
            return Seen(self.scale, self.scale.encode(data.inputs, data.places), None, self.reduction)
        assert self.scaler is not None
        where = data.places.__getitem__
        scaled = self.scaler.transform(read_frames(data.inputs, data.places), where=where)
        return Seen(None, [], Ragged.from_arrays(scaled), self.reduction)

    def encode(self, data: Captioned) -> EncodedCaptions:
        """Both sides.

        Raises:
            InputError: As `look` does.
        """
        assert data.captions is not None
        targets = Ragged.from_arrays(self.target.encode_all(data.captions), dtype=torch.int64)
        return EncodedCaptions(self.look(data), targets)

    @property
    def limit(self) -> int:
        """How many symbols a caption has at most, the end among them."""
        return 2 * self.longest + SLACK

    def write(self, symbols: Sequence[int]) -> str:
        """The text of symbols without an end."""
        return self.target.decode(symbols)

    def describe(self) -> str:
        """What is looked at and what it is said with, in one phrase."""
        words = f"{len(self.target):,} {_NOUNS[self.target.unit]}s"
        if self.scale is not None:
            return f"pictures of up to {self.scale.side} pixels a side, {words}"
        assert self.scaler is not None
        return f"frames of {self.scaler.channels} numbers, {words}"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {
            "scale": None if self.scale is None else self.scale.to_json(),
            "scaler": None if self.scaler is None else self.scaler.to_json(),
            "target": self.target.to_json(),
            "reduction": self.reduction,
            "longest": self.longest,
            "sentences": self.sentences,
            "unspaced": self.unspaced,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "CaptionFeatures":
        """The features that `to_json` saved.

        Raises:
            InputError, KeyError, TypeError, ValueError: They are damaged.
        """
        scale = None if saved["scale"] is None else PictureScale.from_json(saved["scale"])
        scaler = None if saved["scaler"] is None else SeriesScaler.from_json(saved["scaler"])
        if (scale is None) == (scaler is None):
            raise InputError("the saved features are damaged: expected a scale of pictures or of frames")
        target, sentences, unspaced = TokenCodec.from_json(saved["target"]), saved["sentences"], saved["unspaced"]
        return cls(
            scale, scaler, target, int(saved["reduction"]), int(saved["longest"]), bool(sentences), bool(unspaced)
        )
