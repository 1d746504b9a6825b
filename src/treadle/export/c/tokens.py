"""Tokens in C: a step reads the number of one, and of it a row of an embedding."""

from typing import Any

from treadle.data.codec import TokenCodec
from treadle.data.text import TextEncoder
from treadle.data.vocabulary import UNKNOWN
from treadle.export.c.program import Input
from treadle.tasks.sequence.features import Feature

SHOWN = 8
"""Tokens of a vocabulary that a comment names."""


def spelt(feature: Feature) -> list[str]:
    """The vocabulary of a feature, as a person reads it."""
    encoder: Any = feature.encoder
    if isinstance(encoder, TokenCodec):
        return encoder.spell(range(len(encoder)))
    vocabulary = encoder.vocabulary if isinstance(encoder, TextEncoder) else encoder
    found: list[str] = vocabulary.decode(range(len(vocabulary)))
    return found


def token_input(tokens: list[str], name: str) -> Input:
    """A step that reads the number of a token."""
    return Input(f"int32_t {name}", [vocabulary(tokens, name)], [("TOKENS", len(tokens), "numbers of tokens")])


def vocabulary(tokens: list[str], name: str) -> str:
    """What the number of a token is, one sentence."""
    shown = ", ".join(f"{number} {token!r}" for number, token in enumerate(tokens[:SHOWN]))
    return (
        f"{name}: a number in a vocabulary of {len(tokens):,}; {UNKNOWN} stands for whatever is not in it. "
        f"It begins with {shown}."
    )
