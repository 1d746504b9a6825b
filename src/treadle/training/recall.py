r"""The task on which recurrent networks were told apart: what was the first symbol, a long while ago?

A sequence begins with one of K symbols; then come symbols of another alphabet that mean nothing; at the last step, a
mark, the first is to be named. All that is between has to be read and nothing of it kept, so the gradient of the answer
must reach back over the whole lag, or nothing is learnt.

Sources: the latch of Y. Bengio, P. Simard & P. Frasconi, "Learning long-term dependencies with gradient descent is
difficult", 1994, section III, and S. Hochreiter & J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997,
section 5.2, with distractors between; the biases of gates, C. Tallec & Y. Ollivier, "Can recurrent neural networks warp
time?", ICLR 2018.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from treadle.cells import cell_names
from treadle.errors import InputError, nearest
from treadle.evaluation.diagnosis import LayerDiagnosis
from treadle.nn import Stack
from treadle.training.denormals import denormals_flushed
from treadle.training.diagnosis import diagnose
from treadle.training.progress import Progress, Silent

SYMBOLS, DISTRACTORS = 8, 4
CHANCE = 1 / SYMBOLS
"""The share of right answers that guessing gets."""
ROWS = 32
MEASURED_EVERY = 25
"""Steps of training between two points of the curve, each the mean since the last."""


@dataclass(frozen=True)
class Recalled:
    """A cell that was trained on the task.

    Attributes:
        cell: Its name.
        steps: After how many steps of training the shares were measured.
        shares: Right answers on sequences that had not been seen before, the mean since the last measurement.
        diagnosis: What was found in it after training.
    """

    cell: str
    steps: list[int]
    shares: list[float]
    diagnosis: LayerDiagnosis


class RecallNetwork(nn.Module):
    """One recurrent layer and a linear answer from its last output.

    Args:
        cell: A registered name.
        hidden_size: Units.
        init: Initialisation of the cell.
    """

    def __init__(self, cell: str, hidden_size: int, init: str) -> None:
        super().__init__()
        self.stack = Stack(cell, SYMBOLS + DISTRACTORS + 1, hidden_size, init=init)
        self.head = nn.Linear(self.stack.output_size, SYMBOLS)

    def forward(self, x: Tensor) -> Tensor:
        """`[batch, time, symbols]` to the logits of the first symbol `[batch, SYMBOLS]`."""
        y, _ = self.stack(x)
        answer: Tensor = self.head(y[:, -1])
        return answer


def draw_recall(lag: int, rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences and what they began with.

    Args:
        lag: Steps from the symbol to the mark.
        rows: How many sequences.
        generator: Draws.

    Returns:
        One-hot `[rows, lag + 1, symbols]`, and numbers `[rows]`.
    """
    first = torch.randint(SYMBOLS, (rows,), generator=generator)
    numbers = torch.randint(SYMBOLS, SYMBOLS + DISTRACTORS, (rows, lag + 1), generator=generator)
    numbers[:, 0], numbers[:, -1] = first, SYMBOLS + DISTRACTORS
    return nn.functional.one_hot(numbers, SYMBOLS + DISTRACTORS + 1).float(), first


def compare_recall(
    cells: Sequence[str],
    lag: int,
    *,
    steps: int = 1000,
    hidden_size: int = 32,
    init: str = "chrono",
    learning_rate: float = 3e-3,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Recalled]:
    """Train a small net of each cell on the task, all alike, and look into them.

    Args:
        cells: Registered names.
        lag: Steps from the symbol to the question.
        steps: Of training, each on new sequences.
        hidden_size: Units.
        init: Initialisation; "chrono" begins gates with memories of many lengths, and is the usual orthogonal
            "recommended" for a cell without gates.
        learning_rate: Of Adam.
        seed: Of weights and sequences.
        progress: Is told of every step, each cell as an epoch.

    Raises:
        InputError: A cell is not known or takes no `init`, or a number lies outside its range.
    """
    _check(cells, lag, steps)
    progress = progress or Silent()
    found = []
    with torch.random.fork_rng(), progress, denormals_flushed():
        progress.start(step=0, steps=steps * len(cells), epochs=len(cells))
        for number, name in enumerate(cells):
            torch.manual_seed(seed)
            network = RecallNetwork(name, hidden_size, init)
            generator = torch.Generator().manual_seed(seed)
            begun = number * steps
            optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
            right: list[float] = []
            curve: dict[int, float] = {}
            for step in range(1, steps + 1):
                loss, share = _learn(network, optimizer, *draw_recall(lag, ROWS, generator))
                right.append(share)
                if step % MEASURED_EVERY == 0 or step == steps:
                    curve[step], right = sum(right) / len(right), []
                progress.advance(epoch=number, step=begun + step, loss=loss)
            found.append(Recalled(name, list(curve), list(curve.values()), _look(network, name, lag, generator)))
    return found


def _check(cells: Sequence[str], lag: int, steps: int) -> None:
    for name in cells:
        if name not in cell_names():
            raise InputError(f"there is no cell {name!r}{nearest(name, cell_names())}")
    if lag < 2 or steps < 1:
        raise InputError(f"lag is at least 2 and steps at least 1, found {lag} and {steps}")


def _learn(network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, first: Tensor) -> tuple[float, float]:
    logits = network(x)
    loss = nn.functional.cross_entropy(logits, first)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError("training diverged; expected a cell whose state stays finite over the lag")
    return value, float((logits.argmax(1) == first).float().mean())


def _look(network: nn.Module, name: str, lag: int, generator: torch.Generator) -> LayerDiagnosis:
    x: Any = draw_recall(lag, ROWS, generator)[0]
    network.eval()
    with torch.no_grad():
        (found,) = diagnose(network, lambda: network(x))
    return replace(found, name=name)
