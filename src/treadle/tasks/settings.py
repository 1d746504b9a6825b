"""What an estimator is told about its features and its network, checked before anything is read or trained.

The defaults stand in one place, the signatures of `Estimator.__init__` and `SequenceEstimator.__init__`; the rules
stand here.
"""

from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from treadle.data.numeric import Fill, Scaling
from treadle.data.text import Unit
from treadle.errors import InputError
from treadle.expected import expected


class FeatureSettings(BaseModel):
    """How columns become numbers; the fields are documented in `SequenceEstimator`."""

    model_config = ConfigDict(frozen=True)

    unit: Unit | None
    vocabulary_size: int | None = Field(ge=3)
    min_count: int | None = Field(ge=1)
    lowercase: bool
    max_length: int | None = Field(ge=1)
    scaling: Scaling
    fill: Fill
    clip_outliers: float | None = Field(gt=0)
    sample_rate: int | None = Field(ge=1000, le=384_000)
    mel_bins: int = Field(ge=3, le=256)
    channel: int | Literal["mean"] | None


class SplitSettings(BaseModel):
    """Which rows are set aside; the field is documented in `Estimator`."""

    model_config = ConfigDict(frozen=True)

    dev_fraction: float = Field(gt=0, lt=1)


class RecurrentSettings(BaseModel):
    """The recurrent layers of any network; the fields are documented in `Estimator`."""

    model_config = ConfigDict(frozen=True)

    cell: str
    hidden_size: int = Field(ge=1)
    layers: int = Field(ge=1, le=1000)
    residual: bool
    dropout: float = Field(ge=0, lt=1)
    init: str
    engine: Literal["auto", "cpu", "torch", "eager", "int8"]
    bidirectional: bool = False


Filters = tuple[tuple[int, int], ...]
"""Of every layer of convolutions: the filters, and the steps that each sees."""


def _filters(value: Any) -> Any:
    """Layers of convolutions as pairs.

    Raises:
        ValueError: They are none; pydantic says where.
    """
    layers = value if isinstance(value, list | tuple) else [value]
    pairs = [layer for layer in layers if isinstance(layer, list | tuple) and len(layer) == 2]
    counts = [count for pair in pairs for count in pair if isinstance(count, int) and count >= 1]
    if value is not None and (not layers or len(counts) < 2 * len(layers)):
        raise ValueError("a pair of filters and steps for every layer, such as [[128, 8], [256, 5], [128, 3]]")
    return value


class NetworkSettings(RecurrentSettings):
    """The shape of a network with one answer a sequence; the fields are documented in `SequenceEstimator`."""

    pooling: Literal["last", "mean", "max", "attention", "concat"]
    embedding_size: int = Field(ge=1)
    embedding_dropout: float = Field(ge=0, lt=1)
    word_dropout: float = Field(ge=0, lt=1)
    input_noise: float = Field(default=0.0, ge=0)
    segment: int = Field(default=1, ge=1)
    stride: int | None = Field(default=None, ge=1)
    convolutions: Annotated[Filters | None, BeforeValidator(_filters)] = None
    checkpoint: int | None = Field(default=None, ge=1)


M = TypeVar("M", bound=BaseModel)


def check(settings: type[M], values: dict[str, Any]) -> M:
    """The settings of one kind, out of all that an estimator was given.

    Raises:
        InputError: A value lies outside its range; the sentence names it, what was found and what is expected.
    """
    given = {name: _plain(value) for name, value in values.items() if name in settings.model_fields}
    try:
        checked = settings(**given)
    except ValidationError as error:
        first, *others = error.errors()
        name, *inside = first["loc"]
        verb = "holds" if inside and isinstance(inside[0], int) else "is"  # a number is a place, a word a kind of value
        ways = [first, *(one for one in others if one["loc"][0] == name and one["input"] is first["input"])]
        raise InputError(f"{name} {verb} {first['input']!r}, expected {expected(ways)}") from None
    for name, value in given.items():
        if isinstance(value, str) and isinstance(getattr(checked, name), bool):  # "no" reads as False, and is true
            raise InputError(f"{name} is {value!r}, expected True or False")
    return checked


def _plain(value: Any) -> Any:
    """A number or array of NumPy, as a grid of parameters may hold it, as Python's own."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
