"""What requests and answers of the server look like; the OpenAPI description is made of these."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(max_length=200, description="Of a model; may be left out where there is one alone.")]
Number = Annotated[int, Field(strict=True)]


class Strict(BaseModel):
    """An object without fields that nobody knows."""

    model_config = ConfigDict(extra="forbid")


class PredictRequest(Strict):
    """Inputs to answer for."""

    model: Name | None = None
    inputs: list[Any] = Field(
        min_length=1,
        description="A text, a list of tokens or numbers, a table, or an object such as {\"audio\": \"...\"}: "
        "see `inputs` of /v1/models and docs/serving.md.",
    )  # fmt: skip
    options: dict[str, Number] = Field(default_factory=dict, description="Ways of answering, as /v1/models names them.")
    explain: bool = Field(default=False, description="Also what moved each answer, where the task can tell.")
    states: bool = Field(default=False, description="Also the hidden states while the model reads.")


class PredictResponse(BaseModel):
    """An answer for each input, in their order."""

    model: str
    answers: list[dict[str, Any]]


class GenerateRequest(Strict):
    """A text to go on from, and how."""

    model: Name | None = None
    prompt: str = ""
    length: int = Field(default=200, ge=0, description="Symbols to draw at most.")
    temperature: float = Field(default=1.0, ge=0, le=100)
    top_k: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    repetition_penalty: float = Field(default=1.0, gt=0, le=100)
    stop: list[str] = Field(default_factory=list, max_length=16)
    seed: int = Field(default=0, ge=0, lt=1 << 63)


class ModelInfo(BaseModel):
    """A model of the server; tasks add what is their own."""

    model_config = ConfigDict(extra="allow")

    name: str
    task: str
    description: str
    size: str
    options: dict[str, list[int]]
    streams: bool = Field(description="Whether /v1/stream takes it.")
    reads: str = Field(description="What a step of its stream is: numbers, text or tokens; or why it has none.")


class Models(BaseModel):
    """All models."""

    models: list[ModelInfo]


class Health(BaseModel):
    """How the server is."""

    status: str
    models: int
    version: str


class Problem(BaseModel):
    """Why a request was not answered, in a sentence."""

    error: str
