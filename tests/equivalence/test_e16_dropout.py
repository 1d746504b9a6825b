"""E16: a locked dropout mask is constant over time and new at every call; evaluation is the identity."""

import pytest
import torch
from cases import HIDDEN, INPUT, THOROUGH, Case, cases
from torch import Tensor, nn

from treadle.errors import InputError
from treadle.nn import LockedDropout, Stack

LENGTHS = torch.tensor([9, 4, 0, 1, 7])
# What lies between layers knows nothing of the cells, so the thorough ones stand for all.
FORWARD = [case for case in cases(variants=sorted(THOROUGH)) if not case.values[0].reverse]


def test_a_mask_is_constant_over_time_differs_by_row_and_feature_and_is_new_at_every_call() -> None:
    dropout = LockedDropout(0.4)
    masks = [dropout(torch.ones(20, 6, 50)) for _ in range(2)]
    for mask in masks:
        assert torch.equal(mask, mask[:, :1].expand_as(mask))
        assert not torch.equal(mask[0], mask[1])
        torch.testing.assert_close(mask.unique(), torch.tensor([0.0, 1.0 / 0.6]), rtol=1e-5, atol=1e-5)
        assert mask.mean().item() == pytest.approx(1.0, abs=0.1)  # 1,000 draws: the expectation stays what it was
    assert not torch.equal(*masks)


def test_the_gradient_passes_through_the_same_mask() -> None:
    dropout = LockedDropout(0.5)
    x = torch.rand(3, 4, 5).add(1.0).requires_grad_()
    y = dropout(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope, y.detach() / x.detach())


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9])
def test_evaluation_and_p_0_are_the_identity(p: float) -> None:
    x = torch.randn(3, 4, 5)
    assert torch.equal(LockedDropout(p).eval()(x), x)
    assert torch.equal(LockedDropout(0.0).train()(x), x)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan")])
def test_a_probability_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(InputError, match="at least 0 and below 1"):
        LockedDropout(p)


def between_layers(stack: Stack, x: Tensor, **options: Tensor | None) -> list[Tensor]:
    """The factors by which each dropout of a stack scaled its input, where that was not zero, NaN elsewhere."""
    seen = []

    def look(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        seen.append(torch.where(inputs[0] == 0, float("nan"), output / inputs[0]))

    handle = stack.dropout.register_forward_hook(look)
    stack(x, **options)
    handle.remove()
    return seen


@pytest.mark.parametrize("case", FORWARD)
@pytest.mark.parametrize("given", ["", "lengths", "reset", "lengths reset"])
def test_a_stack_locks_the_mask_between_its_layers(case: Case, given: str) -> None:
    stack = Stack(case.cell, INPUT, HIDDEN, num_layers=3, bidirectional=True, dropout=0.5, engine=case.engine)
    x = case.inputs()
    options = {
        "lengths": LENGTHS if "lengths" in given else None,
        "reset": torch.rand(x.shape[:2]) < 0.4 if "reset" in given else None,
    }
    masks = between_layers(stack, x, **options)
    assert len(masks) == 2  # on the input of every layer but the first, and on no output
    for mask in masks:
        largest = mask.nan_to_num(-1.0).amax(1, keepdim=True)
        assert (mask.isnan() | (mask == largest)).all()
        assert set(mask[~mask.isnan()].unique().tolist()) == {0.0, 2.0}
    again = between_layers(stack, x, **options)
    assert any(
        not torch.equal(one.nan_to_num(-1.0), other.nan_to_num(-1.0)) for one, other in zip(masks, again, strict=True)
    )


@pytest.mark.parametrize("case", FORWARD)
def test_an_unlocked_mask_changes_over_time(case: Case) -> None:
    stack = Stack(case.cell, INPUT, HIDDEN, 2, bidirectional=True, dropout=0.5, locked=False, engine=case.engine)
    (mask,) = between_layers(stack, case.inputs(steps=20))
    known = mask[~mask.isnan()]
    assert set(known.unique().tolist()) == {0.0, 2.0}
    filled = mask.nan_to_num(-1.0)
    assert any(not torch.equal(filled[:, 0], filled[:, t]) for t in range(1, 20))


@pytest.mark.parametrize("case", FORWARD)
@pytest.mark.parametrize("given", ["", "lengths", "reset", "lengths reset"])
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "every-step"])
def test_a_stack_in_evaluation_is_the_stack_without_dropout(case: Case, given: str, locked: bool) -> None:
    def make(dropout: float) -> Stack:
        torch.manual_seed(3)
        return Stack(case.cell, INPUT, HIDDEN, 3, dropout=dropout, locked=locked, residual=True, engine=case.engine)

    x = case.inputs()
    options = {
        "lengths": LENGTHS if "lengths" in given else None,
        "reset": torch.rand(x.shape[:2]) < 0.4 if "reset" in given else None,
    }
    y, after = make(0.7).eval()(x, **options)
    expected, end = make(0.0).train()(x, **options)
    torch.testing.assert_close(y, expected, rtol=0, atol=0)
    torch.testing.assert_close(after, end, rtol=0, atol=0)
    assert not torch.equal(make(0.7).train()(x, **options)[0], y)
