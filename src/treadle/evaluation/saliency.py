"""What moved an answer, as plain numbers: a weight for every token or step that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STRONGEST = 5
"""Tokens or steps that a sentence on an answer names."""


@dataclass(frozen=True)
class SaliencyPart:
    r"""One sequence that was read, and what each step of it added to a score.

    Attributes:
        name: Of the column.
        weights: One a step, in the unit of the score: positive raised it, negative lowered it. They add up to the score
            less `reference`, up to the error of the integral.
        reference: The score with a neutral input in the place of this sequence, all others as they are.
        tokens: The steps, where they are tokens; None of numbers.
        joiner: What stands between tokens: " " for words, "" for characters.
        first: The step that the first weight belongs to, where only the end of a long sequence was looked at.
    """

    name: str
    weights: Sequence[float]
    reference: float
    tokens: Sequence[str] | None = None
    joiner: str = " "
    first: int = 0


@dataclass(frozen=True)
class Saliency:
    """What moved one answer of a model, by integrated gradients (`treadle.evaluation.attribution`).

    Attributes:
        answer: What was explained: a class, a tag, a symbol, a step ahead.
        score: The number that was explained, such as the logit of the class.
        unit: What it is: "logit", "log-probability" or "prediction".
        parts: Every sequence that was read.

    Example:
        >>> part = SaliencyPart("review", [0.1, 1.2], -0.3, ["the", "best"])
        >>> print(Saliency("pos", 1.0, "logit", (part,)))
        best +1.2, the +0.1
    """

    answer: str
    score: float
    unit: str
    parts: tuple[SaliencyPart, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON can hold it; tokens are left out of numbers."""
        parts = []
        for part in self.parts:
            one: dict[str, Any] = {"name": part.name, "reference": part.reference}
            if part.tokens is not None:
                one |= {"tokens": list(part.tokens), "joiner": part.joiner}
            parts.append(one | {"first": part.first, "weights": list(part.weights)})
        return {"answer": self.answer, "score": self.score, "unit": self.unit, "parts": parts}

    def __str__(self) -> str:
        """The tokens or steps that moved it most, the strongest first."""
        found = []
        for part in self.parts:
            for place, weight in enumerate(part.weights):
                step = f"step {part.first + place}" if part.tokens is None else part.tokens[place]
                found.append((abs(weight), f"{step} {weight:+.2g}"))
        found.sort(key=lambda one: -one[0])
        return ", ".join(text for _, text in found[:STRONGEST])
