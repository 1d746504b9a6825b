"""Translators, as a server has them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import nn

from treadle.serving.served import Served, text_of
from treadle.tasks.translate.predictions import Translation
from treadle.tasks.translate.work import answer


class ServedTranslations(Served):
    """A translator. An input is a text."""

    tasks = ("translate",)
    options: ClassVar = {"beam_size": (1, 16), "n_best": (1, 16)}

    def read(self, value: Any) -> str:
        """A text.

        Raises:
            InputError: It is none.
        """
        return text_of(value)

    def answer(self, cells: Sequence[str], options: Mapping[str, int]) -> list[dict[str, Any]]:
        """The translation with its score, symbols and alignment."""
        found: list[list[Translation]] = self.estimator.translate(list(cells), **options)
        return [
            dict(answer(self.estimator, text, "the input", several).content)
            for text, several in zip(cells, found, strict=True)
        ]

    def explain(self, cell: str, answer: Mapping[str, Any], options: Mapping[str, int]) -> dict[str, Any]:  # noqa: ARG002 (attention is of the search)
        """Where the model looked when it wrote each symbol: rows are those of the translation, and sum to one."""
        best = self.estimator.translate([cell], **options)[0][0]
        attention = [[round(float(share), 4) for share in row] for row in best.attention]
        return {"tokens": best.tokens, "source_tokens": best.source_tokens, "attention": attention}

    def layers(self) -> nn.Module:
        """Those of the encoder."""
        return self.estimator.network_.encoder.stack  # type: ignore[no-any-return]  # of any estimator

    def steps(self, cell: str) -> list[str]:
        """The symbols of the source."""
        tokens: list[str] = self.estimator.features_.source.tokens(cell)
        return tokens
