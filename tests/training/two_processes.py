"""What each of several processes does in `test_processes.py`; started by torch's launcher with a folder to write to."""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn
from toy import FEATURES, Watch, make_model, make_objective, settings, weights

from treadle.training import Interrupted, Objective, fit, save_state
from treadle.training.objective import Rows

FOLDER = Path(sys.argv[1])
RANK = int(os.environ["RANK"])
PLAIN = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "learning_rate": 0.5}


def plain_model() -> nn.Sequential:
    """Without dropout, so that its steps can be made by hand."""
    return nn.Sequential(nn.Linear(FEATURES, 3))


def noting(objective: Objective, *, stop_at: int | None = None, drawn: list[float] | None = None) -> list[list[int]]:
    """The rows that this process is given, step by step, and a random number of each step.

    The second process is asked to stop at one of the steps.
    """
    seen: list[list[int]] = []
    loss = objective.loss

    def watched(model: nn.Module, rows: Rows) -> torch.Tensor:
        seen.append(rows.tolist())
        if len(seen) == stop_at and RANK == 1:
            signal.raise_signal(signal.SIGTERM)
        if drawn is not None:
            drawn.append(float(torch.rand(())))
        return loss(model, rows)

    objective.loss = watched
    return seen


def main() -> None:
    torch.set_num_threads(1)
    found: dict[str, object] = {}

    model = plain_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.1)
    objective = make_objective(model)
    drawn: list[float] = []
    rows = noting(objective, drawn=drawn)
    watch = Watch()
    fit(objective, settings(**PLAIN, epochs=2, clip_norm=0.3), progress=watch)
    found["plain"] = {"weights": weights(model), "rows": rows, "drawn": drawn, "shown": len(watch.losses)}

    objective = make_objective(make_model())
    history = fit(objective, settings(averaging=0.5))
    found["whole"] = {"weights": weights(objective.model), "loss": [record["dev_loss"] for record in history]}

    checkpoint = FOLDER / "checkpoint" / f"seen by {RANK}"
    objective = make_objective(make_model())
    noting(objective, stop_at=5)
    stopped = 0
    try:
        fit(objective, settings(averaging=0.5), checkpoint=checkpoint)
    except Interrupted as stop:
        stopped = stop.step
    if RANK == 1:  # only the first process wrote, under the name that it knows; the second reads it by that name
        checkpoint = checkpoint.with_name("seen by 0")
    torch.distributed.barrier()
    objective = make_objective(make_model())
    history = fit(objective, settings(averaging=0.5), checkpoint=checkpoint, resume=True)
    found["resumed"] = {
        "weights": weights(objective.model),
        "loss": [record["dev_loss"] for record in history],
        "stopped": stopped,
    }

    save_state(FOLDER / f"found by {RANK}", found)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
