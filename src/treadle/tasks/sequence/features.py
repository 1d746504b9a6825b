"""From a column of sequences to padded batches: what is fitted on training data, applied to all others and saved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.data.audio import AudioEncoder
from treadle.data.codec import TokenCodec
from treadle.data.kinds import Kind
from treadle.data.numeric import SeriesScaler
from treadle.data.ragged import Ragged
from treadle.data.text import TextEncoder
from treadle.data.vocabulary import Vocabulary
from treadle.errors import InputError, counted
from treadle.tasks.language.pretrained import Pretrained
from treadle.tasks.sequence.inputs import Columns
from treadle.tasks.settings import FeatureSettings

Where = Callable[[int], str]

CUTTERS = (TextEncoder, TokenCodec)
"""What cuts a text into tokens."""


@dataclass(frozen=True)
class Feature:
    """One input column.

    Attributes:
        kind: What its sequences are made of.
        encoder: A `TextEncoder` for text and symbols, or the `TokenCodec` of the language model that the network began
            as; a `Vocabulary` for tokens; a `SeriesScaler` for series; an `AudioEncoder` for sound.
        max_length: Steps of a sequence that are read, or None for all.
    """

    kind: Kind
    encoder: TextEncoder | TokenCodec | Vocabulary | SeriesScaler | AudioEncoder
    max_length: int | None

    @property
    def is_numeric(self) -> bool:
        """Whether the steps are vectors; otherwise they are numbers of tokens."""
        return isinstance(self.encoder, SeriesScaler | AudioEncoder)

    @property
    def size(self) -> int:
        """Channels of a numeric feature, else tokens in the vocabulary with padding and unknown."""
        if isinstance(self.encoder, SeriesScaler | AudioEncoder):
            return self.encoder.features
        return len(self.encoder.vocabulary if isinstance(self.encoder, TextEncoder) else self.encoder)

    @property
    def channels(self) -> int:
        """As `size`, but without the masks of missing values."""
        return self.encoder.channels if isinstance(self.encoder, SeriesScaler) else self.size

    def encode(self, values: Sequence[Any], where: Where | None = None) -> Ragged:
        """The numbers of a column.

        Raises:
            InputError: A cell does not fit what the feature was fitted on; `where(row)` names its place.
        """
        if isinstance(self.encoder, SeriesScaler):
            return self._ragged(self.encoder.transform(values, where=where))
        if isinstance(self.encoder, AudioEncoder):
            return self._ragged(self.encoder.encode(values, where))
        if isinstance(self.encoder, TextEncoder):
            return self._ragged(self.encoder.encode(values))
        return self._ragged(self.encoder.encode_all(values))

    def curve(self, value: Any) -> NDArray[Any]:
        """One cell of a numeric feature as a person looks at it, `[steps, channels]`: of sound, how loud it is."""
        if isinstance(self.encoder, AudioEncoder):
            value = self.encoder.encode([value])[0].mean(1, keepdims=True)
        shown: NDArray[Any] = value[: self.max_length]
        return shown

    def tokens(self, value: Any) -> list[str]:
        """The tokens of one cell, as a person reads them, one for each step of `encode`."""
        tokens = self.encoder.tokens(value) if isinstance(self.encoder, CUTTERS) else list(value)
        return tokens[: self.max_length]

    @property
    def joins_without_space(self) -> bool:
        """Whether tokens stand side by side in what they were cut from."""
        return isinstance(self.encoder, CUTTERS) and self.encoder.unit != "word"

    def describe(self) -> str:
        """One phrase: what the feature does with its column."""
        if isinstance(self.encoder, SeriesScaler):
            masks = f", {len(self.encoder.masked)} with a mask for missing values" if len(self.encoder.masked) else ""
            return f"{counted(self.encoder.channels, 'channel')}, scaling {self.encoder.scaling!r}{masks}"
        if isinstance(self.encoder, AudioEncoder):
            return self.encoder.describe()
        unit = self.encoder.unit if isinstance(self.encoder, CUTTERS) else "token"
        return f"vocabulary of {self.size:,} {unit}s"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs, as JSON can hold it."""
        return {"kind": self.kind.value, "max_length": self.max_length, "encoder": self.encoder.to_json()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Feature":
        """The feature that `to_json` saved.

        Raises:
            InputError: It is damaged.
        """
        try:
            kind = Kind(saved["kind"])
            max_length, encoder = saved["max_length"], saved["encoder"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"a saved feature is damaged: {error!r}") from None
        if max_length is not None and (not isinstance(max_length, int) or max_length < 1):
            raise InputError(f"a saved feature is damaged: max_length is {max_length!r}")
        of_text = TokenCodec if isinstance(encoder, dict) and "tokenised" in encoder else TextEncoder
        types: dict[Kind, Any] = {Kind.SERIES: SeriesScaler, Kind.TOKENS: Vocabulary, Kind.AUDIO: AudioEncoder}
        return cls(kind, types.get(kind, of_text).from_json(encoder), max_length)

    def _ragged(self, rows: Sequence[Any]) -> Ragged:
        cut = [row[: self.max_length] for row in rows] if self.max_length else rows
        return Ragged.from_arrays(cut, dtype=torch.float32 if self.is_numeric else torch.int64)


def fit_features(
    columns: Columns,
    kinds: Mapping[str, Kind],
    settings: FeatureSettings,
    where: Where,
    pretrained: Pretrained | None = None,
) -> tuple[dict[str, Feature], list[Ragged]]:
    """Fit a feature for every column on training rows, and encode those.

    Args:
        columns: Cells in the form of their kinds.
        kinds: Of the columns.
        settings: How.
        where: The place of a row, for error sentences.
        pretrained: A language model whose symbols are kept.

    Raises:
        InputError: A column cannot be used.
    """
    features: dict[str, Feature] = {}
    inputs: list[Ragged] = []
    for name, kind in kinds.items():
        _check_channels(kind, name, columns[name])
        features[name], ragged = fit_feature(kind, columns[name], settings, where, pretrained)
        inputs.append(ragged)
    return features, inputs


def _check_channels(kind: Kind, name: str, cells: Sequence[Any]) -> None:
    """Refuse a series with a channel that is never known.

    Raises:
        InputError: There is one.
    """
    series = [cell for cell in cells if len(cell)] if kind is Kind.SERIES else []
    known = np.any([~np.isnan(one).all(0) for one in series], axis=0) if series else np.ones(1, np.bool_)
    if not known.all():
        channel = int(np.argmin(known)) + 1
        what = f"channel {channel} of {len(known)} has" if len(known) > 1 else "the series have"
        raise InputError(f"column {name!r}: {what} no value in any training row, expected some; leave it out")


def fit_feature(
    kind: Kind,
    values: Sequence[Any],
    settings: FeatureSettings,
    where: Where | None = None,
    pretrained: Pretrained | None = None,
) -> tuple[Feature, Ragged]:
    """Fit a feature on the training rows of a column, and encode them.

    Args:
        kind: Of the column.
        values: Its cells in the form of `treadle.data.kinds.as_sequences`; training rows and no others.
        settings: How.
        where: The place of a row, for error sentences.
        pretrained: A language model whose symbols are kept.

    Raises:
        InputError: The column cannot be used.
    """
    if pretrained is not None:
        return _feature_of(pretrained, kind, values, settings)
    if kind is Kind.SERIES:
        scaler = SeriesScaler.fit(
            values, scaling=settings.scaling, fill=settings.fill, clip=settings.clip_outliers, where=where
        )
        feature = Feature(kind, scaler, settings.max_length)
        return feature, feature.encode(values, where)
    if kind is Kind.AUDIO:
        audio, frames = AudioEncoder.fit_encode(
            values, rate=settings.sample_rate, bins=settings.mel_bins, channel=settings.channel, where=where
        )
        feature = Feature(kind, audio, settings.max_length)
        return feature, feature._ragged(frames)
    options = {"max_size": settings.vocabulary_size, "min_count": settings.min_count}
    if kind is Kind.TOKENS:
        vocabulary, ids = Vocabulary.fit_encode(values, **options)
        feature = Feature(kind, vocabulary, settings.max_length)
    else:
        unit = settings.unit or ("char" if kind is Kind.SYMBOLS else None)
        encoder, ids = TextEncoder.fit_encode(values, unit=unit, lowercase=settings.lowercase, **options)
        feature = Feature(kind, encoder, settings.max_length)
    return feature, feature._ragged(ids)


def _feature_of(
    pretrained: Pretrained, kind: Kind, values: Sequence[Any], settings: FeatureSettings
) -> tuple[Feature, Ragged]:
    """A feature with the symbols of a language model, and the rows as numbers.

    Raises:
        InputError: The column holds numbers, or tokens that the symbols are pieces of; an argument asks for others.
    """
    if kind in (Kind.SERIES, Kind.AUDIO):
        found = "numbers" if kind is Kind.SERIES else "sound"
        raise InputError(f"{pretrained.folder}: is a language model, which reads text, found a column of {found}")
    if settings.unit not in (None, pretrained.codec.unit):
        has = f"but the language model in {pretrained.folder} has {pretrained.codec.unit!r}"
        raise InputError(f"unit is {settings.unit!r}, {has}; leave it out")
    for name in ("vocabulary_size", "min_count"):
        if getattr(settings, name) is not None:
            raise InputError(f"{name} is given, but the symbols of {pretrained.folder} are kept; leave it out")
    encoder = pretrained.vocabulary(values) if kind is Kind.TOKENS else pretrained.text_codec(values)
    feature = Feature(kind, encoder, settings.max_length)
    return feature, feature.encode(values)
