"""What a step reads besides its parameters, and what it writes: a compiled layer follows, or the loop runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from treadle.cells import Cell, HiddenState
from treadle.nn import Recurrent


@dataclass
class Config:
    """Settings in an object."""

    rate: float = 1.0


class Plain(Cell):
    """A cell whose new hidden state is given to a method."""

    def __init__(self) -> None:
        super().__init__(3, 6)
        self.mix = nn.Linear(9, 6)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        h = self.change(torch.tanh(self.mix(torch.cat([x, state.hidden], -1))))
        return h, HiddenState(h)

    def change(self, h: Tensor) -> Tensor:
        return h


class Set(Plain):
    """A cell with settings of all kinds."""

    scale = 1.0
    scales = (1.0, 1.0)
    table = {"scale": 1.0}  # noqa: RUF012  # a step may read one

    def __init__(self) -> None:
        super().__init__()
        self.rate = 1.0
        self.rates = {"rate": 1.0, "more": [1.0, (1.0, [1.0])]}
        self.config = Config()
        self.function = torch.tanh
        self.number = torch.tensor(1.0)
        self.inner = nn.Sequential(nn.Tanh())
        self.square = nn.Parameter(torch.randn(6, 6) * 0.3)
        self.twin = self.square
        self.register_parameter("shift", None)
        self.register_buffer("mask", torch.ones(6))

    def change(self, h: Tensor) -> Tensor:
        more: Any = self.rates["more"]
        h = h * self.rate * self.rates["rate"] * more[0] * more[1][1][0] * self.config.rate * self.number  # type: ignore[operator]
        h = self.inner(self.function(h)) * self.scale * self.scales[1] * self.table["scale"] * self.mask
        h = h @ self.square + h @ self.twin
        return h if self.shift is None else h + self.shift


def _more(cell: Set) -> Any:
    return cell.rates["more"]


CHANGES: dict[str, Callable[[Set], Any]] = {
    "a number": lambda c: setattr(c, "rate", 0.5),
    "a number in a dict": lambda c: c.rates.update(rate=0.5),
    "a number in a list": lambda c: _more(c).__setitem__(0, 0.5),
    "a number far inside": lambda c: _more(c)[1][1].__setitem__(0, 0.5),
    "a number in an object": lambda c: setattr(c.config, "rate", 0.5),
    "another object": lambda c: setattr(c, "config", Config(0.5)),
    "a number in a tensor": lambda c: c.number.fill_(0.5),
    "another function": lambda c: setattr(c, "function", torch.sin),
    "a number of the class": lambda c: setattr(type(c), "scale", 0.5),
    "a number of the parent": lambda c: setattr(type(c).__mro__[1], "scale", 0.5),
    "numbers of the class": lambda c: setattr(type(c), "scales", (1.0, 0.5)),
    "a dict of the class": lambda c: type(c).table.update(scale=0.5),
    "another method of the class": lambda c: setattr(type(c), "change", lambda _cell, h: 0.5 * h),
    "another method": lambda c: setattr(c, "change", lambda h: 0.5 * h),
    "another module": lambda c: c.inner.__setitem__(0, nn.Sigmoid()),
    "another layer": lambda c: setattr(c, "mix", nn.Linear(9, 6, bias=False)),
    "a hook": lambda c: c.inner.register_forward_hook(lambda _m, _i, h: 0.5 * h),
    "a hook of a layer": lambda c: c.mix.register_forward_hook(lambda _m, _i, h: 0.5 * h),
    "a parameter untied": lambda c: setattr(c, "twin", nn.Parameter(torch.randn(6, 6))),
    "a parameter that was none": lambda c: setattr(c, "shift", nn.Parameter(torch.randn(6))),
    "a buffer of another type": lambda c: setattr(c, "mask", torch.arange(6) % 2),
    "a buffer of another shape": lambda c: setattr(c, "mask", torch.tensor(0.5)),
    "weight normalisation": lambda c: nn.utils.parametrizations.weight_norm(c.mix),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_compiled_layer_follows_a_change_of_settings(what: str) -> None:
    parent = type("Parent", (Set,), {"scale": 1.0})
    cell = type("Settings", (parent,), {"scales": (1.0, 1.0), "table": {"scale": 1.0}})()
    if "parent" not in what:
        type(cell).scale = 1.0
    layer, loop, x = Recurrent(cell), Recurrent(cell, engine="eager"), torch.randn(2, 5, 3)
    assert layer.explain().engine == "cpu", layer.explain().others["cpu"]
    before, _ = layer(x)
    torch.testing.assert_close(before, loop(x)[0])
    CHANGES[what](cell)
    expected, _ = loop(x)
    if what != "weight normalisation":
        assert not torch.allclose(expected, before, atol=1e-3)
    torch.testing.assert_close(layer(x)[0], expected)
    torch.testing.assert_close(Recurrent(cell)(x)[0], expected)
    torch.testing.assert_close(layer(x)[0], expected)


def test_cells_that_differ_in_the_tie_of_parameters_do_not_share() -> None:
    tied, x = Set(), torch.randn(2, 5, 3)
    untied = Set()
    untied.twin = nn.Parameter(torch.randn(6, 6))
    for cell in (tied, untied, tied):
        torch.testing.assert_close(Recurrent(cell)(x)[0], Recurrent(cell, engine="eager")(x)[0])


class Recording(Plain):
    """A cell that writes down what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = ["before"]
        self.named: dict[str, Any] = {"more": {}}
        self.config = Config()
        self.steps = 0
        self.last: Any = None
        self.register_buffer("total", torch.zeros(1))


class Attribute(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.last = h.detach()
        return h


class New(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.fresh = h.detach()
        return h


class Listed(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.kept.append(h.detach())
        return h


class Named(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.named["more"]["last"] = h.detach()
        return h


class Held(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.config.rate += 1
        return h


class Buffered(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.total = self.total + 1
        return h


class Counting(Recording):
    def change(self, h: Tensor) -> Tensor:
        h = h * 0 if self.steps >= 3 else h
        self.steps += 1
        return h


class InLayer(Recording):
    def change(self, h: Tensor) -> Tensor:
        self.mix.steps = getattr(self.mix, "steps", 0) + 1
        return h


WRITERS = {Attribute: "last", New: "fresh", Listed: "kept", Named: "more.last", Held: "rate", Buffered: "total"}
WRITERS |= {Counting: "steps", InLayer: "steps"}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_step_that_changes_its_cell_runs_as_it_is_written(kind: type[Recording]) -> None:
    cell = kind()
    layer = Recurrent(cell)
    assert layer.explain().engine == "eager"
    assert f"{kind.__name__}.step changes " in layer.explain().others["cpu"]
    assert f"{WRITERS[kind]}, and a compiled step" in layer.explain().others["cpu"]
    assert cell.kept == ["before"]  # the trace has left nothing
    assert cell.named == {"more": {}}
    assert (cell.steps, cell.last, cell.config.rate, cell.total.tolist()) == (0, None, 1.0, [0.0])
    assert type(cell.total) is Tensor
    assert not hasattr(cell, "fresh")
    assert not hasattr(cell.mix, "steps")
    y, _ = layer(torch.randn(2, 5, 3))
    seen = {
        Attribute: lambda: torch.equal(cell.last, y[:, -1]),
        New: lambda: torch.equal(cell.fresh, y[:, -1]),
        Listed: lambda: all(torch.equal(a, b) for a, b in zip(cell.kept[1:], y.unbind(1), strict=True)),
        Named: lambda: torch.equal(cell.named["more"]["last"], y[:, -1]),
        Held: lambda: cell.config.rate == 6.0,
        Buffered: lambda: cell.total.tolist() == [5.0],
        Counting: lambda: cell.steps == 5 and bool(y[:, :3].all()) and not y[:, 3:].any(),
        InLayer: lambda: cell.mix.steps == 5,
    }
    assert seen[kind]()


def test_a_step_that_fails_leaves_its_cell_as_it_was() -> None:
    class Failing(Recording):
        def change(self, h: Tensor) -> Tensor:
            self.last = h.detach()
            raise KeyError("here")

    cell = Failing()
    with pytest.raises(KeyError, match="here"):
        Recurrent(cell)
    assert cell.last is None


def test_a_property_that_is_kept_does_not_count_as_a_change() -> None:
    class Kept(Plain):
        @cached_property
        def rate(self) -> float:
            return 0.25

        def change(self, h: Tensor) -> Tensor:
            return self.rate * h

    cell, x = Kept(), torch.randn(2, 5, 3)
    layer = Recurrent(cell)
    assert layer.explain().engine == "cpu"
    torch.testing.assert_close(layer(x)[0], Recurrent(cell, engine="eager")(x)[0])
