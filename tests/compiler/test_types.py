"""Types of number: masks, whole numbers and other floats are computed as torch computes them, or the loop runs."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from treadle import Stream
from treadle.cells import Cell, HiddenState
from treadle.nn import Recurrent

Change = Callable[["Typed", Tensor], Tensor]


class Typed(Cell):
    """A cell with buffers of several types, and a new hidden state that a test makes something of."""

    def __init__(self, change: Change) -> None:
        super().__init__(3, 6)
        self.mix = nn.Linear(9, 6)
        self.change = change
        self.register_buffer("mask", torch.arange(6) % 2 == 0)
        self.register_buffer("whole", torch.arange(6) - 2)
        self.register_buffer("bytes", torch.arange(6, dtype=torch.uint8) + 250)
        self.register_buffer("fine", torch.linspace(0, 1, 6, dtype=torch.float64))
        self.register_buffer("coarse", torch.linspace(0, 1, 6, dtype=torch.bfloat16))
        self.register_buffer("rate", torch.tensor(0.1, dtype=torch.float64))

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        h = self.change(self, torch.tanh(self.mix(torch.cat([x, state.hidden], -1))))
        return h, HiddenState(h)


COMPILED: dict[str, Change] = {
    "a mask chooses": lambda c, h: torch.where(c.mask, h, -h),
    "a mask multiplies": lambda c, h: c.mask * h,
    "a mask turned round": lambda c, h: (~c.mask) * h,
    "a mask fills": lambda c, h: h.masked_fill(c.mask, 0.25),
    "part of a mask": lambda c, h: torch.cat([h[:, :3] * c.mask[:3], h[:, 3:]], -1),
    "a mask and a condition": lambda c, h: torch.where(c.mask & (h > 0), h, 0.5 * h),
    "a mask or a condition": lambda c, h: torch.where((h > 0) | c.mask, h, 0.5 * h),
    "a mask or a condition by addition": lambda c, h: ((h > 0) + c.mask) * h,
    "one condition plus another": lambda c, h: ((h > 0) + (h > -0.1)).float() * h,
    "one condition times another": lambda c, h: ((h > -0.1) * (h < 0.3)).float() * h,
    "a condition plus itself": lambda c, h: ((h > 0) + (h > 0)) * h,
    "a condition plus True": lambda c, h: ((h > 0) + True) * h,
    "conditions counted": lambda c, h: ((h > 0).long() + (h > -0.1).long()) * h,
    "conditions subtracted": lambda c, h: ((h > 0).int() - (h > -0.1).int() * 3) * h,
    "positive ones": lambda c, h: h / (1 + (h > 0).sum(-1, keepdim=True)),
    "small numbers in eight bits": lambda c, h: (h > 0).to(torch.int8) * h,
    "small numbers in short floats": lambda c, h: (h > 0).to(torch.bfloat16) * 2 * h,
    "whole numbers of choices": lambda c, h: torch.where(h > 0, 2, -1) * h,
    "a buffer of whole numbers": lambda c, h: c.whole * h,
    "its comparison": lambda c, h: (c.whole == 1) * h,
    "its comparison with rows": lambda c, h: (c.whole > 3 * h) * h,
    "its sum before": lambda c, h: (c.bytes + c.bytes) / 256 * h,
    "its bits": lambda c, h: (~c.whole & 1) * h,
    "a coarser buffer": lambda c, h: c.coarse * h,
    "a finer one made alike": lambda c, h: c.fine.to(h.dtype) * h,
    "a finer number": lambda c, h: c.rate * h,
    "cut to a whole number": lambda c, h: h + (5 * h).to(torch.int64),
    "cut and compared": lambda c, h: h * ((5 * h).int() > 1),
    "the same type": lambda c, h: h.to(torch.float32).float() * h.type_as(h),
}
REFUSED: dict[str, tuple[Change, str]] = {
    "a finer buffer": (lambda c, h: (c.fine * h).float(), "a parameter or buffer in float32"),
    "a finer buffer compared": (lambda c, h: (h > c.fine) * h, "a parameter or buffer in float32"),
    "computed in float64": (lambda c, h: (h.double() * 3).float(), "'double'"),
    "rounded to bfloat16": (lambda c, h: h.to(torch.bfloat16).float(), "'to'"),
    "rounded by type": (lambda c, h: h.type(torch.float16).float(), "'type'"),
    "rounded like another": (lambda c, h: h.type_as(c.coarse).float(), "'type_as'"),
    "eight bits": (lambda c, h: (h * 1000).to(torch.int8).float() / 128, "'to'"),
    "eight bits without sign": (lambda c, h: (h * 1000).to(torch.uint8).float() / 256, "'to'"),
    "integers computed with": (lambda c, h: ((h * 1000).long() % 7) * h, "'remainder'"),
    "integers added": (lambda c, h: ((h * 1000).long() + c.whole) * h, "'add'"),
    "large numbers of choices": (lambda c, h: (torch.where(h > 0, 2**25 + 1, 0) - 2**25) * h, "'where'"),
    "bits of a choice": (lambda c, h: ~(h > 0).long() * h, "'invert'"),
    "bits as they lie": (lambda c, h: (h > 0).float().view(torch.int32) * h, "'view'"),
    "filled with another truth": (lambda c, h: torch.full_like(h > 0, 2) * h, "'full_like'"),
    "a fraction as an integer": (lambda c, h: torch.full_like(h, 0.5, dtype=torch.int64) * h, "'full_like'"),
    "a condition as output": (lambda c, h: h > 0, "Typed.step: output is bool"),
}


def both(cell: Cell, x: Tensor) -> tuple[Recurrent, Tensor, Tensor]:
    """A layer, its output, and that of the loop; their gradients are compared on the way."""
    layer, found = Recurrent(cell), []
    for one in (layer, Recurrent(cell, engine="eager")):
        given = x.clone().requires_grad_()
        y, _ = one(given)
        gradient = torch.autograd.grad(y.square().sum(), [given, *cell.parameters()]) if y.requires_grad else ()
        found.append((y, gradient))
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-4, atol=1e-5)
    return layer, found[0][0], found[1][0]


@pytest.mark.parametrize("what", COMPILED)
def test_other_types_are_compiled_where_that_is_exact(what: str) -> None:
    cell = Typed(COMPILED[what])
    layer, ours, loop = both(cell, torch.randn(4, 5, 3))
    assert layer.explain().engine == "cpu", layer.explain().others["cpu"]
    torch.testing.assert_close(ours, loop, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("what", REFUSED)
def test_other_types_are_refused_where_a_kernel_would_differ(what: str) -> None:
    change, why = REFUSED[what]
    cell, x = Typed(change), torch.randn(4, 5, 3)
    layer, loop = Recurrent(cell), Recurrent(cell, engine="eager")
    assert layer.explain().engine == "eager"
    assert why in layer.explain().others["cpu"]
    assert torch.equal(layer(x)[0].float(), loop(x)[0].float())


@pytest.mark.parametrize(
    ("change", "engine"),
    [
        (lambda c, h: (h > 0).float() * h, "cpu"),  # 0 and 1 are the same in all types
        (lambda c, h: c.fine * h, "cpu"),
        (lambda c, h: h.float().double(), "eager"),
        (lambda c, h: torch.where(h > 0, 0.1, 0.3) * h, "eager"),  # these are float32 in torch
    ],
)
def test_a_cell_in_double_precision_is_traced_as_one(change: Change, engine: str) -> None:
    cell = Typed(change)
    Recurrent(cell)  # what was traced in float32 holds no longer
    layer, ours, loop = both(cell.double(), torch.randn(4, 5, 3, dtype=torch.float64))
    assert layer.explain().engine == engine
    torch.testing.assert_close(ours, loop, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("what", ["a mask chooses", "a mask turned round", "a buffer of whole numbers"])
def test_a_mask_holds_in_streams_and_follows_a_change(what: str) -> None:
    cell, x = Typed(COMPILED[what]), torch.randn(1, 5, 3)
    layer, loop = Recurrent(cell), Recurrent(cell, engine="eager")
    for _ in range(2):
        stream = Stream(layer)
        expected, _ = loop(x)
        for t in range(5):
            torch.testing.assert_close(torch.as_tensor(stream.step(x[0, t].numpy())), expected[0, t].detach())
        torch.testing.assert_close(layer(x)[0], expected)
        cell.mask.logical_not_()
        cell.whole.add_(1)
        cell.mask = cell.mask.float() if what == "a buffer of whole numbers" else cell.mask.clone()


def test_a_state_of_another_type_after_the_step_is_refused() -> None:
    class Finer(Typed):
        def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
            h = torch.tanh(self.mix(torch.cat([x, state.hidden.float()], -1)))
            return h, HiddenState(h > 0)

    layer = Recurrent(Finer(lambda _, h: h))
    assert "Finer.step: hidden is bool" in layer.explain().others["cpu"]
