"""A small training task: fast enough for hundreds of runs, with dropout so that random numbers matter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.data import BucketBatches
from treadle.training import Objective, Silent, TrainingSettings, fit
from treadle.training.objective import Rows

ROWS, FEATURES, CLASSES = 44, 6, 3
BATCH = 8
STEPS_AN_EPOCH = -(-ROWS // BATCH)


def make_model(hidden: int = 8, seed: int = 7) -> nn.Sequential:
    """Linear, tanh, dropout, linear."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.Tanh(), nn.Dropout(0.3), nn.Linear(hidden, CLASSES, bias=True)
        )


def make_data(rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Vectors `[rows, features]` and their classes `[rows]`."""
    draw = torch.Generator().manual_seed(5)
    x = torch.randn(rows, FEATURES, generator=draw)
    return x, (x @ torch.randn(FEATURES, CLASSES, generator=draw)).argmax(1)


def make_objective(model: nn.Module | None = None, *, rows: int = ROWS, batch: int = BATCH) -> Objective:
    """Which of three random directions a vector is nearest to."""
    x, y = make_data(rows)

    def loss(model: nn.Module, rows: Rows) -> Tensor:
        picked = torch.from_numpy(rows)
        return F.cross_entropy(model(x[picked]), y[picked])

    def evaluate(model: nn.Module) -> dict[str, float]:
        logits = model(x).float()
        return {
            "loss": float(F.cross_entropy(logits, y)),
            "accuracy": float((logits.argmax(1) == y).double().mean()),
        }

    return Objective(
        make_model() if model is None else model,
        BucketBatches(torch.ones(rows, dtype=torch.long), max_rows=batch, seed=3),
        loss,
        evaluate,
        lambda dev: [-dev["loss"]],
    )


def settings(**changes: Any) -> TrainingSettings:
    """Four epochs on the CPU."""
    return TrainingSettings(**{"epochs": 4, "device": "cpu", "learning_rate": 0.01, **changes})


class Watch(Silent):
    """Remembers what it is told, and calls `then(step)` after each step."""

    def __init__(self, then: Callable[[int], None] = lambda step: None) -> None:
        self.then = then
        self.losses: list[float] = []
        self.records: list[dict[str, Any]] = []
        self.started: dict[str, int] = {}

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        self.started = {"step": step, "steps": steps, "epochs": epochs}

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        self.losses.append(loss)
        self.then(step)

    def epoch_ended(self, record: dict[str, Any]) -> None:
        self.records.append(record)


def train(
    model: nn.Module | None = None, *, checkpoint: Path | None = None, resume: bool = False, **changes: Any
) -> tuple[nn.Module, list[dict[str, Any]]]:
    """Train the small task; the trained model and the history without its times."""
    objective = make_objective(model)
    history = fit(objective, settings(**changes), checkpoint=checkpoint, resume=resume)
    return objective.model, without_times(history)


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records without what a clock says."""
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


def weights(model: nn.Module) -> Tensor:
    """All parameters in one vector."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()
