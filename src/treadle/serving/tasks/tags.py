"""Taggers, as a server has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from treadle.data.tagging.schemes import OUTSIDE
from treadle.errors import InputError
from treadle.serving.served import Served
from treadle.tasks.tagging.answers import answers
from treadle.tasks.tagging.inputs import Given, to_given

MOST_EXPLAINED = 4
"""Tags of a sentence that an explanation looks at."""


class ServedTags(Served):
    """A tagger. An input is a text, or a list of tokens."""

    tasks = ("tag",)

    def read(self, value: Any) -> Given:
        """A sentence.

        Raises:
            InputError: It is none.
        """
        if not isinstance(value, str) and not (isinstance(value, list) and all(isinstance(t, str) for t in value)):
            raise InputError("an input of this model is a text or a list of tokens")
        return to_given([value])

    def answer(self, cells: Sequence[Given], options: Mapping[str, int]) -> list[dict[str, Any]]:  # noqa: ARG002 (has none)
        """Tokens with tags, and spans with their places."""
        whole = Given(
            [one for cell in cells for one in cell.tokens],
            [one for cell in cells for one in cell.texts],
            [one for cell in cells for one in cell.places],
        )
        return [dict(one.content) for one in answers(self.estimator, whole)]

    def explain(self, cell: Given, answer: Mapping[str, Any], options: Mapping[str, int]) -> dict[str, Any]:  # noqa: ARG002 (has none)
        """How much each token spoke for each of the first tags that are not O: integrated gradients."""
        tokens = cell.tokens[0]
        begun = [span["start"] for span in answer["spans"]] if "spans" in answer else range(len(tokens))
        places = [place for place in begun if answer["tags"][place] != OUTSIDE][:MOST_EXPLAINED]
        told = [(place, self.estimator.saliency(tokens, place).parts[0].weights) for place in places]
        parts = [{"token": place, "tag": answer["tags"][place], "weights": list(weights)} for place, weights in told]
        return {"tokens": tokens, "tags": parts}

    def steps(self, cell: Given) -> list[str]:
        """The tokens."""
        return cell.tokens[0]

    def describe(self) -> dict[str, Any]:
        """With the tags."""
        features = self.estimator.features_
        return super().describe() | {"tags": list(features.tags), "labels": list(features.labels)}
