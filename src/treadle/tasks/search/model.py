"""What a search needs of a model, and what it finds."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor


class Told(NamedTuple):
    """What a model says after one more symbol of every row.

    Attributes:
        log_probabilities: `[rows, vocabulary]` of every symbol to come next.
        attention: `[rows, source]`: where it looked to say so; `source` may be 0.
        state: What the next step goes on from.
    """

    log_probabilities: Tensor
    attention: Tensor
    state: Any


class SearchModel(Protocol):
    """A model that writes sequences symbol by symbol; rows are independent of each other.

    Attributes:
        begin: The symbol before the first.
        end: The symbol behind the last.
    """

    begin: int
    end: int

    def start(self, inputs: Any) -> Any:
        """The state before the first symbol, with a row for every input of a batch."""

    def step(self, state: Any, symbols: Tensor) -> Told:
        """Take in the last symbol of every row, `[rows]`, and tell what comes next."""

    def reorder(self, state: Any, rows: Tensor) -> Any:
        """The state of some rows, each as often as it is named, in this order."""


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was found.

    Attributes:
        symbols: Without the end.
        log_probability: Of the symbols and the end together, given the input.
        score: By which hypotheses of one input were ranked, the higher the better.
        attention: `[len(symbols), source]`: where the model looked when it said each symbol.
    """

    symbols: list[int]
    log_probability: float
    score: float
    attention: Tensor
