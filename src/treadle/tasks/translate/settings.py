"""What a translator is told about its network, its features and its search; the defaults are in its estimator."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from treadle.data.codec import CodecUnit
from treadle.tasks.settings import RecurrentSettings


class TranslatorSettings(RecurrentSettings):
    """The shape of a `TranslationNetwork` and its noise; the fields are documented in `Translator`."""

    bidirectional: bool
    embedding_size: int = Field(ge=1)
    tied: bool
    attention: Literal["additive", "general", "dot", "scaled"]
    attention_size: int | None = Field(ge=1)
    heads: int = Field(ge=1)
    coverage: bool
    coverage_weight: float = Field(ge=0)
    input_feeding: bool
    embedding_dropout: float = Field(ge=0, lt=1)
    word_dropout: float = Field(ge=0, lt=1)
    label_smoothing: float = Field(ge=0, lt=1)
    scheduled_sampling: float = Field(ge=0, le=1)


class PairSettings(BaseModel):
    """How sentences become numbers; documented there too."""

    model_config = ConfigDict(frozen=True)

    unit: CodecUnit | None
    joint: bool | None
    vocabulary_size: int | None = Field(ge=4)
    min_count: int | None = Field(ge=1)
    lowercase: bool
