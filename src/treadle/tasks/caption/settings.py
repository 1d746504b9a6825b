"""What a captioner is told about its network and its features; the defaults are in its estimator."""

from pydantic import BaseModel, ConfigDict, Field

from treadle.data.codec import CodecUnit
from treadle.tasks.translate.settings import TranslatorSettings


class CaptionerSettings(TranslatorSettings):
    """The shape of a captioner's network and its noise; the fields are documented in `Captioner`."""

    filters: int = Field(ge=1)
    stages: int = Field(ge=1, le=8)
    blocks: int = Field(ge=0)


class LookingSettings(BaseModel):
    """How pictures, frames and captions become numbers; documented there too."""

    model_config = ConfigDict(frozen=True)

    picture_size: int = Field(ge=1, le=4096)
    unit: CodecUnit | None
    vocabulary_size: int | None = Field(ge=4)
    min_count: int | None = Field(ge=1)
    lowercase: bool
