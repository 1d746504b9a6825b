"""Layers in a training loop of one's own: the adding problem (Hochreiter & Schmidhuber 1997, experiment 4).

Each step brings a random number and a mark; two steps of a sequence are marked, and their sum is asked for at the end.
Sequences have different lengths, and the state after the last real step of each is where its answer is read.

python examples/adding_problem.py
"""

import torch
from torch import Tensor, nn

from treadle import Recurrent
from treadle.cells import LSTMCell

LONGEST, BATCH, STEPS = 30, 64, 400


def draw(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences `[batch, time, 2]`, their lengths `[batch]` and sums `[batch]`."""
    lengths = torch.randint(10, LONGEST + 1, (BATCH,), generator=generator)
    numbers = torch.rand(BATCH, LONGEST, generator=generator)
    beyond = torch.arange(LONGEST) >= lengths[:, None]
    order = torch.rand(BATCH, LONGEST, generator=generator).masked_fill(beyond, 2)
    marks = torch.zeros(BATCH, LONGEST).scatter(1, order.argsort(1)[:, :2], 1)
    return torch.stack([numbers, marks], -1), lengths, (numbers * marks).sum(1)


def main() -> None:
    """Train, then show the error beside that of always answering 1, the mean."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    layer, read = Recurrent(LSTMCell(2, 32)), nn.Linear(32, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *read.parameters()], lr=0.01)
    for _ in range(STEPS):
        x, lengths, sums = draw(generator)
        _, state = layer(x, lengths=lengths)
        loss = nn.functional.mse_loss(read(state.hidden).squeeze(1), sums)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
    x, lengths, sums = draw(generator)
    with torch.no_grad():
        error = nn.functional.mse_loss(read(layer(x, lengths=lengths)[1].hidden).squeeze(1), sums)
    print(layer.explain())
    print(f"mean squared error {error:.4f}; of always answering 1: {((sums - 1) ** 2).mean():.4f}")


if __name__ == "__main__":
    main()
