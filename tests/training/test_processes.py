"""Several processes train one model: on a CPU over gloo here, as on several GPUs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from toy import ROWS, STEPS_AN_EPOCH, make_data, make_objective, settings, train

from treadle.errors import InputError
from treadle.training import fit, load_state

PROGRAM = Path(__file__).with_name("two_processes.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes wrote."""
    folder = tmp_path_factory.mktemp("processes")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*launcher, str(PROGRAM), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    """What each process found."""
    return [load_state(folder / f"found by {rank}") for rank in (0, 1)]


@pytest.mark.parametrize("run", ["plain", "whole", "resumed"])
def test_all_processes_end_with_the_same_weights(found: list[dict[str, Any]], run: str) -> None:
    assert torch.equal(found[0][run]["weights"], found[1][run]["weights"])


def test_together_they_see_every_row_and_take_equally_many_steps(found: list[dict[str, Any]]) -> None:
    first, second = (process["plain"]["rows"] for process in found)
    assert len(first) == len(second) == STEPS_AN_EPOCH  # two epochs, half the batches each
    epoch = STEPS_AN_EPOCH // 2
    assert sorted(row for rows in first[:epoch] + second[:epoch] for row in rows) == list(range(ROWS))


def test_a_step_is_the_mean_gradient_of_all_processes_clipped_as_one(found: list[dict[str, Any]]) -> None:
    """The same steps by hand, in float64: softmax regression, its gradient written out."""
    x, y = make_data()
    x = x.double()
    w, b = torch.full((3, 6), 0.1, dtype=torch.float64), torch.full((3,), 0.1, dtype=torch.float64)
    for pair in zip(*(process["plain"]["rows"] for process in found), strict=True):
        gw, gb = torch.zeros_like(w), torch.zeros_like(b)
        for rows in pair:
            error = ((x[rows] @ w.T + b).softmax(1) - torch.eye(3, dtype=torch.float64)[y[rows]]) / len(rows)
            gw += error.T @ x[rows] / 2
            gb += error.sum(0) / 2
        norm = float((gw.square().sum() + gb.square().sum()).sqrt())
        scale = min(1.0, 0.3 / norm)
        w, b = w - 0.5 * scale * gw, b - 0.5 * scale * gb
    seen_by_evaluation = torch.cat([w.reshape(-1), b])
    torch.testing.assert_close(found[0]["plain"]["weights"].double(), seen_by_evaluation, rtol=1e-4, atol=1e-5)


def test_each_process_draws_random_numbers_of_its_own(found: list[dict[str, Any]]) -> None:
    """With the same ones, dropout would hide the same features from all of them in every step."""
    first, second = (process["plain"]["drawn"] for process in found)
    assert len(first) == len(second) == STEPS_AN_EPOCH
    assert not set(first) & set(second)


def test_only_the_first_process_shows_and_writes(folder: Path, found: list[dict[str, Any]]) -> None:
    assert found[0]["plain"]["shown"] == STEPS_AN_EPOCH
    assert found[1]["plain"]["shown"] == 0
    assert [path.name for path in (folder / "checkpoint").iterdir()] == ["seen by 0"]


def test_asking_one_process_stops_all_of_them_after_the_same_step(found: list[dict[str, Any]]) -> None:
    assert found[0]["resumed"]["stopped"] == found[1]["resumed"]["stopped"] == 5


def test_resumed_processes_end_in_the_bits_of_uninterrupted_ones(found: list[dict[str, Any]]) -> None:
    """Each has random numbers of its own, so all of them must be in the checkpoint."""
    assert torch.equal(found[0]["resumed"]["weights"], found[0]["whole"]["weights"])
    assert found[0]["resumed"]["loss"] == found[0]["whole"]["loss"]


def test_two_processes_and_one_are_different_runs(folder: Path, found: list[dict[str, Any]]) -> None:
    _, history = train(averaging=0.5)
    assert [record["dev_loss"] for record in history] != found[0]["whole"]["loss"]
    with pytest.raises(InputError, match="the run was started with 2 processes, not 1"):
        fit(
            make_objective(),
            settings(averaging=0.5),
            checkpoint=folder / "checkpoint" / "seen by 0",
            resume=True,
        )
