"""Columns are shared among threads: the same numbers, and a way out where the threads are not there."""

from collections.abc import Iterator

import pytest
import torch

from treadle.cells import make_cell
from treadle.compiler import Recurrence, recurrence
from treadle.compiler.cpu import sharing, team
from treadle.nn import Recurrent, compiled


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads, however many the machine has, and no layer too small to share."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(sharing, "ENOUGH", 0)
    compiled._seen.clear()  # what was decided for other limits
    compiled._shared.clear()
    yield
    compiled._seen.clear()
    compiled._shared.clear()
    torch.set_num_threads(threads)


def outcome(engine: str, name: str, *, reverse: bool = False, batch: int = 1) -> list[torch.Tensor]:
    torch.manual_seed(1)
    cell = make_cell(name, 10, 128, dtype=torch.float64)
    layer = Recurrent(cell, reverse=reverse, engine=engine)
    x = torch.randn(batch, 23, 10, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        only, _ = layer(x)
    y, state = layer(x)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum() + sum(s.sin().sum() for s in state)
    return [only, y, *state, *torch.autograd.grad(loss, [x, *cell.parameters()])]


@pytest.fixture
def meetings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each launch of threads that share a row found them all."""
    seen: list[bool] = []
    launch = team.run_together

    def watched(*arguments: object) -> bool:
        seen.append(launch(*arguments))
        return seen[-1]

    monkeypatch.setattr(team, "run_together", watched)
    return seen


@pytest.mark.skipif(team.team_size() is None, reason="torch's OpenMP library cannot be called here")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "peephole-lstm", "coupled-lstm"])
def test_threads_that_share_a_row_give_what_the_loop_gives(name: str, reverse: bool, meetings: list[bool]) -> None:
    found, expected = (outcome(engine, name, reverse=reverse) for engine in ("cpu", "eager"))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert meetings == [True] * 3  # inference, forward, backward


@pytest.mark.skipif(team.team_size() is None, reason="torch's OpenMP library cannot be called here")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["elman", "gru", "lstm"])
def test_threads_share_the_columns_of_many_rows_where_weights_are_large(
    name: str, reverse: bool, meetings: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recurrence, "LARGE_WEIGHTS", 1)
    found, expected = (outcome(engine, name, reverse=reverse, batch=9) for engine in ("cpu", "eager"))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert meetings == [True] * 3


def test_no_columns_are_shared_where_threads_would_not_meet(meetings: list[bool]) -> None:
    for ours, theirs in zip(outcome("cpu", "min-gru"), outcome("eager", "min-gru"), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert not meetings


@pytest.mark.skipif(team.team_size() is None, reason="torch's OpenMP library cannot be called here")
def test_where_threads_are_missing_one_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = outcome("eager", "gru")
    asked = []
    monkeypatch.setattr(team, "run_together", lambda *_: bool(asked.append(1)))
    for ours, theirs in zip(outcome("cpu", "gru"), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("name", "why"),
    [("layer-norm-lstm", "sums over all columns"), ("gru-original", "a product of what was just computed")],
)
def test_cells_whose_columns_need_each_other_are_not_shared(name: str, why: str) -> None:
    made = Recurrence(make_cell(name, 10, 128, dtype=torch.float64))
    assert made.compiled("inference", torch.float64).sharing_threads(2) == 1, why


def test_an_odd_width_is_not_shared() -> None:
    made = Recurrence(make_cell("gru", 10, 100, dtype=torch.float64))
    assert made.compiled("inference", torch.float64).sharing_threads(2) == 1
