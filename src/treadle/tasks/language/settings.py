"""What a language model is told, checked, and what is chosen by the size of its text where that is left open."""

from typing import Any, Literal

from pydantic import Field

from treadle.cells import cell_names, make_cell
from treadle.errors import InputError
from treadle.nn.weight_drop import recurrent_weights
from treadle.tasks.settings import RecurrentSettings

FEW: dict[str, float] = {
    "dropout": 0.3,
    "input_dropout": 0.4,
    "output_dropout": 0.4,
    "embedding_dropout": 0.1,
    "weight_drop": 0.3,
}
"""Noise where the text is read many times."""

MANY: dict[str, float] = {
    "dropout": 0.1,
    "input_dropout": 0.1,
    "output_dropout": 0.1,
    "embedding_dropout": 0.0,
    "weight_drop": 0.0,
}
"""Noise where it is read so few times that a network of a few million weights hardly learns it by heart."""

MANY_TOKENS = 5_000_000
"""Tokens from which the noise is that of `MANY`."""

AUTO_TOKENS = 25_000_000
"""Tokens that are read in all epochs together, as far as `AUTO_EPOCHS` allow, where `epochs` is left open."""
AUTO_EPOCHS = (2, 100)
"""The fewest and the most epochs that are chosen where `epochs` is left open."""

ALPHABETS = ("char", "byte")
"""Units of which there are few."""


class LanguageSettings(RecurrentSettings):
    """The shape of a language model and its noise; the fields are documented in `LanguageModel`."""

    embedding_size: int = Field(ge=1)
    tied: bool
    softmax: Literal["full", "adaptive"]
    input_dropout: float = Field(ge=0, lt=1)
    output_dropout: float = Field(ge=0, lt=1)
    embedding_dropout: float = Field(ge=0, lt=1)
    weight_drop: float = Field(ge=0, lt=1)
    activation_regularisation: float = Field(ge=0)
    temporal_regularisation: float = Field(ge=0)


class WindowSettings(LanguageSettings):
    """What else a language model is told about its text; documented there too."""

    unit: Literal["word", "char", "subword", "byte"] | None
    vocabulary_size: int | None = Field(ge=3)
    min_count: int | None = Field(ge=1)
    bptt: int = Field(ge=1)
    independent: bool


def settled(arguments: dict[str, Any], tokens: int, unit: str | None = None) -> dict[str, Any]:
    """The arguments with what is left open filled in.

    Weights are tied for words and pieces of words, whose embedding is most of the model. An alphabet's is next to
    nothing, and one that has to serve as inputs and as logits learns far more slowly.

    Args:
        arguments: Of a `LanguageModel`.
        tokens: Of its training text.
        unit: What a token is, as far as that is known.

    Raises:
        InputError: The adaptive softmax is to be tied, which it cannot be: its rare clusters have smaller vectors.
    """
    adaptive = arguments["softmax"] == "adaptive"
    if arguments["tied"] and adaptive:
        raise InputError("softmax 'adaptive' has vectors of several sizes and cannot be tied, expected tied=False")
    noise = MANY if tokens >= MANY_TOKENS else FEW
    cell = arguments["cell"]
    if arguments["weight_drop"] is None and cell in cell_names() and not recurrent_weights(make_cell(cell, 2, 2)):
        noise = noise | {"weight_drop": 0.0}
    chosen = noise | {"embedding_size": arguments["hidden_size"], "tied": not adaptive and unit not in ALPHABETS}
    return arguments | {name: value for name, value in chosen.items() if arguments[name] is None}


def epochs_for(tokens: int) -> int:
    """Passes over a text of so many tokens, where `epochs` is left open."""
    fewest, most = AUTO_EPOCHS
    return min(most, max(fewest, round(AUTO_TOKENS / max(1, tokens))))
