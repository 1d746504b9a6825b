"""While a network trains, denormal numbers cost nothing: they are zero, in every thread."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from toy import make_objective, settings

from treadle.training import Silent, fit
from treadle.training.denormals import denormals_flushed

MANY = 1 << 18
"""Numbers enough for torch to share them among its threads."""


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def denormals_that_stay() -> int:
    """How many products of a denormal number, computed by all threads, are not zero."""
    return int(((torch.full((MANY,), 2.0).mul_(2.0**-64).mul_(2.0**-66)) != 0).sum())


@pytest.mark.usefixtures("two_threads")
def test_training_flushes_them_in_all_threads_and_leaves_the_caller_as_it_was() -> None:
    assert denormals_that_stay() == MANY, "the threads are there before training and know nothing of it"
    seen: list[int] = []
    objective = make_objective()
    loss = objective.loss

    def looking(model: nn.Module, rows: Any) -> torch.Tensor:
        seen.append(denormals_that_stay())
        return loss(model, rows)

    objective.loss = looking
    fit(objective, settings(epochs=1))
    assert set(seen) == {0}
    assert denormals_that_stay() == MANY


@pytest.mark.usefixtures("two_threads")
def test_the_caller_is_left_as_it_was_where_training_breaks_off() -> None:
    class Broken(Silent):
        def advance(self, *, epoch: int, step: int, loss: float) -> None:
            raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        fit(make_objective(), settings(), progress=Broken())
    assert denormals_that_stay() == MANY


@pytest.mark.usefixtures("two_threads")
def test_a_caller_who_flushes_goes_on_flushing() -> None:
    with denormals_flushed():
        fit(make_objective(), settings(epochs=1))
        assert denormals_that_stay() == 0
        with denormals_flushed(False):
            assert denormals_that_stay() == MANY
        assert denormals_that_stay() == 0
    assert denormals_that_stay() == MANY
