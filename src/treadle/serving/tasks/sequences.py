"""Models with one answer a sequence, as a server has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from treadle.data.kinds import Kind, as_sequences
from treadle.errors import InputError
from treadle.serving.served import Served
from treadle.serving.sound import waveform_of
from treadle.tasks.sequence.explanation import attribute
from treadle.tasks.sequence.features import Feature
from treadle.tasks.sequence.inputs import Columns
from treadle.tasks.sequence.reporting import answers

MOST_POINTS = 2_000
"""Steps of a series that an explanation shows."""


class ServedSequences(Served):
    """A classifier or regressor. An input is a cell of the model's column; of several columns, an object of cells.

    A text or symbols are a string, tokens a list of strings, a series a list of numbers or, a channel each, a list of
    lists; null is a value that is missing. Sound is `{"audio": "<file in base64>"}`.
    """

    tasks = ("classify", "regress")

    def read(self, value: Any) -> Columns:
        """Columns of one cell.

        Raises:
            InputError: It does not fit the columns.
        """
        features: Mapping[str, Feature] = self.estimator.features_
        cells = {next(iter(features)): value}
        if len(features) > 1:
            if not isinstance(value, dict) or set(value) != set(features):
                names = ", ".join(map(repr, features))
                raise InputError(f"an input of this model is an object with the columns {names}")
            cells = {name: value[name] for name in features}
        return {name: [self._cell(name, feature, cells[name])] for name, feature in features.items()}

    def _cell(self, name: str, feature: Feature, value: Any) -> Any:
        self.check_length(value)
        if feature.kind is Kind.AUDIO:
            return waveform_of(value, feature.encoder.channel, self.limits)  # type: ignore[union-attr]  # sound has one
        wanted = {Kind.TOKENS: list, Kind.SERIES: (list, str)}.get(feature.kind, str)
        if not isinstance(value, wanted):  # type: ignore[arg-type]  # a class or a tuple of them
            raise InputError(f"column {name!r} is {_WORDS[feature.kind]}, found {value!r:.40}")
        (cell,) = as_sequences([value], feature.kind, name, lambda _: "the input")
        return cell

    def answer(self, cells: Sequence[Columns], options: Mapping[str, int]) -> list[dict[str, Any]]:  # noqa: ARG002 (has none)
        """`prediction`, and for a classifier `confidence` and `probabilities`."""
        columns = {name: [cell[name][0] for cell in cells] for name in self.estimator.features_}
        return answers(self.estimator, columns)

    def explain(self, cell: Columns, answer: Mapping[str, Any], options: Mapping[str, int]) -> dict[str, Any]:  # noqa: ARG002 (has none)
        """How much each step of each column spoke for the answer: integrated gradients."""
        target = self.estimator.target_
        if target.per_step:
            return {}
        place, probable = 0, answer.get("probabilities")
        if probable:
            values = list(probable.values())
            place = values.index(max(values))
        weights = attribute(self.estimator, cell, 0, place)
        told = {}
        for name, feature in self.estimator.features_.items():
            own = weights[name]
            if feature.is_numeric:
                series = feature.curve(cell[name][0])[:MOST_POINTS]
                told[name] = {"series": series.tolist(), "weights": own[: len(series)]}
            else:
                tokens = feature.tokens(cell[name][0])[: len(own)]
                told[name] = {"tokens": tokens, "weights": own, "joined": feature.joins_without_space}
        return {"for": list(probable)[place] if probable else None, "columns": told}

    def layers(self) -> nn.Module:
        """Those of the first column."""
        return self.estimator.network_.encoder(0).stack  # type: ignore[no-any-return]  # of any estimator

    def steps(self, cell: Columns) -> list[str]:
        """The tokens of the first column."""
        name, feature = next(iter(self.estimator.features_.items()))
        return [] if feature.is_numeric else feature.tokens(cell[name][0])

    def describe(self) -> dict[str, Any]:
        """With the columns, and the classes where there are any."""
        features: Mapping[str, Feature] = self.estimator.features_
        inputs = [
            {"name": n, "kind": f.kind.value, "channels": f.channels if f.is_numeric else None}
            for n, f in features.items()
        ]
        target = self.estimator.target_
        return super().describe() | {"inputs": inputs, "classes": [str(one) for one in target.classes.tolist()]}


_WORDS = {
    Kind.TEXT: "a text",
    Kind.SYMBOLS: "a text of symbols",
    Kind.TOKENS: "a list of tokens",
    Kind.SERIES: "a list of numbers",
}
