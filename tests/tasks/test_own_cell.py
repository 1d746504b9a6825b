"""A cell of the user's own, from `step` to a classifier."""

import torch
from torch import Tensor, nn

from treadle import Cell, HiddenState, SequenceClassifier
from treadle.cells import contract


class Leaky(Cell):
    """As the contract asks for, and nothing more: no `bias`, no `init`."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.mix = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        h = 0.5 * state.hidden + 0.5 * torch.tanh(self.mix(torch.cat([x, state.hidden], -1)))
        return h, HiddenState(h)


def test_a_plain_cell_trains_in_an_estimator(monkeypatch) -> None:
    monkeypatch.setitem(contract._registry, "leaky-test", Leaky)
    texts, labels = ["a fine film", "a dull film"] * 30, ["good", "bad"] * 30
    model = SequenceClassifier(cell="leaky-test", hidden_size=8, epochs=20, dropout=0.0).fit(texts, labels)
    assert model.predict(["fine", "dull"]).tolist() == ["good", "bad"]
