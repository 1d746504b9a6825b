"""A recurrence of one's own, beside the built-in ones, on real data: which of nine men spoke a vowel.

python examples/own_cell.py
"""

import torch
from torch import Tensor

from treadle import SequenceClassifier
from treadle.cells import HiddenState, register
from treadle.cells.gated import GatedCell
from treadle.data.builtin import load


@register("leaky-example")
class LeakyCell(GatedCell):
    r"""Units that forget slowly: \(h_t = 0.9 h_{t-1} + 0.1 \tanh(W_{ih} x_t + W_{hh} h_{t-1} + b)\)."""

    gates = ("hidden",)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """One step."""
        h = 0.9 * state.hidden + 0.1 * torch.tanh(self.preactivations(x, state.hidden))
        return h, HiddenState(h)


def main() -> None:
    """Train each cell in the same way and print its accuracy on the official test part."""
    train, test = load("vowels", "train"), load("vowels", "test")
    for cell in ("leaky-example", "elman", "gru", "lstm"):
        model = SequenceClassifier(cell=cell, hidden_size=64, epochs=20)
        model.fit(train.columns["series"], train.columns["label"])
        accuracy = model.score(test.columns["series"], test.columns["label"])
        engine = model.network_.encoder(0).stack.explain().engine
        print(f"{cell:<14} accuracy {accuracy:.3f}  engine {engine}")


if __name__ == "__main__":
    main()
