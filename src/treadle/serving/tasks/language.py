"""Language models, as a server has them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from treadle.serving.served import Served, text_of
from treadle.tasks.language.generate import Generator
from treadle.tasks.language.reporting import answer
from treadle.tasks.language.sampling import Sampling


class Writing:
    """A text that is written piece by piece.

    Args:
        text: What draws the symbols.
        length: Symbols at most.
    """

    def __init__(self, text: Generator, length: int) -> None:
        self.text = text
        self._pieces: Iterator[str] = text.take(length)

    def some(self, symbols: int) -> str | None:
        """What so many further symbols add; None at the end."""
        pieces = list(islice(self._pieces, symbols))
        return "".join(pieces) if pieces else None

    @property
    def ended(self) -> str:
        """Why it is at its end: "stop" or "length"."""
        return "length" if self.text.stopped is None else "stop"


class ServedLanguage(Served):
    """A language model. An input is a text; its answer is how surprising it was, token by token."""

    tasks = ("language-model",)

    def read(self, value: Any) -> str:
        """A text.

        Raises:
            InputError: It is none.
        """
        return text_of(value)

    def answer(self, cells: Sequence[str], options: Mapping[str, int]) -> list[dict[str, Any]]:  # noqa: ARG002 (has none)
        """Perplexity and bits, and every token with its nats."""
        return [answer(self.estimator, text) for text in cells]

    def begin(self, prompt: str, length: int, sampling: Sampling, seed: int, stop: Sequence[str]) -> Writing:
        """A text that goes on from a prompt.

        Raises:
            InputError: As in `Generator`.
        """
        self.check(prompt)
        return Writing(Generator(self.estimator, prompt, sampling=sampling, seed=seed, stop=stop), length)

    def steps(self, cell: str) -> list[str]:
        """What was read at each step, the beginning first."""
        codec = self.estimator.codec_
        return ["⟨", *codec.spell(codec.encode(cell).tolist())[:-1]]

    def describe(self) -> dict[str, Any]:
        """With the unit of its symbols."""
        return super().describe() | {"unit": self.estimator.codec_.unit}
