"""Products on tile registers: in three parts of bfloat16, and as exact as those in float32."""

from weakref import WeakKeyDictionary

import pytest
import torch
from torch import Tensor

from treadle.cells import cell_names, make_cell
from treadle.compiler.cpu import large, operands, run
from treadle.compiler.cpu.machine import host
from treadle.compiler.cpu.plan import Plan
from treadle.compiler.packing import Packing
from treadle.nn import Recurrent, compiled

pytestmark = pytest.mark.skipif(not host().amx, reason="the processor has no tiles for bfloat16 (AMX)")

ROUNDING = 2.0**-24
"""Of a float32, beside the number."""


@pytest.fixture(autouse=True)
def everything_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows and columns there are."""
    for name in ("TILED_ROWS", "TILED_INPUTS", "TILED_WORK", "TILED_WORK_KEPT"):
        monkeypatch.setattr(operands, name, 1)
    for name in ("ROWS_A_THREAD", "SMALLEST"):
        monkeypatch.setattr(large, name, 1)
    monkeypatch.setattr(compiled, "_seen", WeakKeyDictionary())  # what was decided for other limits
    monkeypatch.setattr(compiled, "_shared", {})


def error(found: Tensor, a: Tensor, b: Tensor) -> float:
    """The largest error of `a @ b`, beside the sum of what was added up, in roundings."""
    exact, size = a.double() @ b.double(), a.double().abs() @ b.double().abs()
    return float(((found - exact).abs() / size).max()) / ROUNDING


SHAPES = [(1, 1, 1), (2, 3, 5), (15, 31, 16), (16, 32, 17), (17, 33, 32), (33, 64, 48), (70, 129, 100), (130, 600, 33)]
SHAPES += [(700, 600, 400)]  # more weights than a core keeps near, and rows for more than one round over them


@pytest.mark.parametrize("apart", [0, 3])
@pytest.mark.parametrize(("rows", "inputs", "outputs"), SHAPES)
def test_a_product_is_as_exact_as_in_float32(rows: int, inputs: int, outputs: int, apart: int) -> None:
    torch.manual_seed(rows)
    a, weight = torch.randn(rows, inputs + apart)[:, apart:], torch.randn(outputs, inputs).t()
    found = large.product(a, weight)
    assert found.shape == (rows, outputs)
    assert error(found, a, weight) < 8


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("height", "rows", "width"), SHAPES)
def test_sums_over_rows_are_as_exact_as_in_float32(height: int, rows: int, width: int, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(rows)
        a = torch.randn(rows, height + 2)[:, 1:-1]
        others = [torch.randn(rows, width), torch.randn(rows, 21)[:, 2:], torch.randn(rows, height)]
        for found, b in zip(large.sums_of_products(a, others), others, strict=True):
            assert found.shape == (height, b.shape[1])
            assert error(found, a.t(), b) < 8
    finally:
        torch.set_num_threads(before)


def test_a_long_sum_of_small_terms_does_not_drift() -> None:
    """Added one after the other, these are off by 7e-4."""
    a = torch.full((100_000, 1), 0.1)
    exact = 100_000 * float(a[0, 0].double()) ** 2
    assert float(large.sums_of_products(a, [a])[0]) == pytest.approx(exact, rel=1e-5)


def test_a_single_product_of_numbers_is_rounded_like_a_float32() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(4096, 1) * 10.0 ** torch.randint(-9, 9, (4096, 1)), torch.randn(1, 1)
    exact = a.double() * b.double()
    assert float(((large.product(a, b) - exact) / exact).abs().max()) < 4 * ROUNDING


def test_what_is_not_a_number_stays_none_and_spoils_no_other_row() -> None:
    a = torch.ones(20, 40)
    a[3, 7] = float("nan")
    a[5, 0] = float("inf")
    found = large.product(a, torch.ones(40, 32))
    assert found[3].isnan().all()
    assert not found[5].isfinite().any()
    assert torch.equal(found[[i for i in range(20) if i not in (3, 5)]], torch.full((18, 32), 40.0))


def test_double_precision_is_left_to_torch() -> None:
    a, b = torch.randn(40, 33, dtype=torch.float64), torch.randn(33, 40, dtype=torch.float64)
    assert torch.equal(large.product(a, b), a @ b)
    assert torch.equal(large.sums_of_products(a, [a])[0], a.t() @ a)


def outcome(
    engine: str, name: str, *, reverse: bool, lengths: Tensor | None, dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    """Outputs, states and gradients by all that has one."""
    torch.manual_seed(1)
    cell, x = make_cell(name, 20, 40).to(dtype), torch.randn(19, 11, 20).to(dtype).requires_grad_()
    layer = Recurrent(cell, reverse=reverse, engine=engine)
    with torch.no_grad():
        only, _ = layer(x, lengths=lengths)
    y, state = layer(x, lengths=lengths)
    weights = torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)
    loss = (y * weights).sum() + sum(s.sin().sum() for s in state)
    return [only, y, *state, *torch.autograd.grad(loss, [x, *cell.parameters()])]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", list(cell_names()))
def test_every_cell_is_as_near_to_double_precision_as_the_loop(name: str, padded: bool, reverse: bool) -> None:
    lengths = torch.arange(19) % 12 if padded else None
    exact = outcome("eager", name, reverse=reverse, lengths=lengths, dtype=torch.float64)

    def far(engine: str) -> float:
        found = outcome(engine, name, reverse=reverse, lengths=lengths)
        return max(
            float(((ours - e).abs() / (1 + e.abs())).detach().max()) for ours, e in zip(found, exact, strict=True)
        )

    assert far("cpu") < max(1e-5, 3 * far("eager"))


@pytest.mark.parametrize("rows", [1, 7, 8, 12])
def test_few_rows_are_left_to_vectors(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    taken: list[bool] = []
    plan = run.Pass.plan

    def watched(self: run.Pass, packing: Packing) -> Plan:
        found = plan(self, packing)
        products = self.operands.products
        taken.extend(tiled for tiled, one in zip(found.forms, products, strict=True) if not one.hoisted)
        return found

    monkeypatch.setattr(run.Pass, "plan", watched)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            Recurrent(make_cell("gru", 48, 48), engine="cpu")(torch.randn(rows, 2000, 48))
    finally:
        torch.set_num_threads(threads)
    assert set(taken) == {rows >= operands.TILED_ROWS}
