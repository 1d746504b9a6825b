"""What a recogniser is told about its features, network, augmentation and search; the defaults are in its estimator."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from treadle.tasks.settings import RecurrentSettings

SpeechUnit = Literal["char", "word", "subword"]


class SpeechSettings(RecurrentSettings):
    """The shape of a `SpeechNetwork`; what is inherited is about the recurrent layers.

    Attributes:
        bidirectional: Whether layers and convolutions also read what comes later.
        reduction: Frames that make one step of the network.
        convolutions: Layers of convolution over steps, below the recurrent ones.
        convolution_size: Channels of each.
        kernel_size: Steps that each looks at.
    """

    bidirectional: bool
    reduction: int = Field(ge=1, le=16)
    convolutions: int = Field(ge=0)
    convolution_size: int = Field(ge=1)
    kernel_size: int = Field(ge=1)


class SpeechFeatureSettings(BaseModel):
    """How recordings and transcripts become numbers; the fields are documented in `SpeechRecognizer`."""

    model_config = ConfigDict(frozen=True)

    unit: SpeechUnit
    lowercase: bool
    alphabet: str | None = Field(min_length=1)
    vocabulary_size: int | None = Field(ge=4)
    sample_rate: int | None = Field(ge=1000, le=384_000)
    mel_bins: int = Field(ge=3, le=256)
    channel: int | Literal["mean"] | None


class AugmentationSettings(BaseModel):
    """What training does to recordings; the fields are documented in `SpeechRecognizer`."""

    model_config = ConfigDict(frozen=True)

    speed: float = Field(ge=0, le=0.5)
    noise: float = Field(ge=0, le=1)
    frequency_masks: int = Field(ge=0)
    frequency_width: int = Field(ge=0)
    time_masks: int = Field(ge=0)
    time_width: int = Field(ge=0)


class SearchSettings(BaseModel):
    """How a transcript is found.

    Attributes:
        beam_size: Prefixes that are kept; 1 takes the likeliest unit of every step.
        language_model: A text file, whose lines an n-gram model learns, or the folder of a `LanguageModel` of the same
            units; None for neither.
        language_weight: Of the language model's log-probability beside that of the network.
        insertion_bonus: What each word adds to the score, against the shortness that a language model prefers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    beam_size: int = Field(default=1, ge=1)
    language_model: str | None = None
    language_weight: float = Field(default=0.5, ge=0)
    insertion_bonus: float = 0.0
