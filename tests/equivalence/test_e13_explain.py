"""E13: explain() names the kernel that really ran, as torch's own profiler and the launcher of kernels saw it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from cases import EXACT, HIDDEN, INPUT, STEPS, VARIANTS, Case, OwnCell, cases
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

import treadle.nn
from treadle.cells import Cell, GRUCell, HiddenState, State, make_cell
from treadle.compiler.cpu import team
from treadle.errors import InputError
from treadle.nn import ENGINES, Recurrent, Stack
from treadle.nn.compiled import refusal

KERNELS = {"aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"}


class Seen:
    """What a layer did while it ran: torch's fused kernels, launches of compiled ones, and single steps."""

    def __init__(self, layer: Recurrent, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = self.launches = 0
        self.layer = layer
        kind = type(layer.cell)
        step = kind.step

        def counted(cell: Cell, x: Tensor, state: State) -> tuple[Tensor, State]:
            self.steps += 1
            return step(cell, x, state)

        monkeypatch.setattr(kind, "step", counted)
        refusal(layer.cell)  # a step that has been replaced is traced anew
        launch = team.run

        def launched(enter: int, tables: Any) -> None:
            self.launches += 1
            launch(enter, tables)

        monkeypatch.setattr(team, "run", launched)

    def run(self, x: Tensor, **options: Tensor) -> dict[str, bool]:
        """Which engines ran, by what was seen of them."""
        self.steps = self.launches = 0
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            self.layer(x, **options)
        fused = {event.key for event in seen.key_averages()} & KERNELS
        return {"cpu": self.launches > 0, "torch": bool(fused), "eager": self.steps > 0}


@pytest.mark.parametrize("case", cases(dtypes=[torch.float32]))
def test_explain_names_what_ran(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = case.layer()
    seen = Seen(layer, monkeypatch)
    reset = torch.rand(5, STEPS) < 0.3
    for options in ({}, {"lengths": torch.tensor([9, 4, 0, 1, 7])}, {"reset": reset}):
        ran = seen.run(case.inputs(), **options)
        assert layer.explain().engine == case.engine
        assert ran == {name: name == case.engine for name in EXACT}


@pytest.mark.parametrize("variant", VARIANTS)
def test_auto_takes_the_first_engine_that_can_and_says_why_not_the_others(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = VARIANTS[variant](INPUT, HIDDEN)
    able = [name for name, engine in ENGINES.items() if engine.refusal(cell) is None]
    layer = Recurrent(cell)
    explanation = layer.explain()
    assert explanation.engine == able[0]
    assert set(explanation.others) == set(ENGINES) - {able[0]}
    text = str(explanation)
    assert text.startswith(f"engine {able[0]}: ")
    assert all(f"not {name}: {why}" in text and why for name, why in explanation.others.items())
    x = torch.randn(2, STEPS, INPUT, dtype=next(cell.parameters()).dtype)
    assert Seen(layer, monkeypatch).run(x) == {name: name == able[0] for name in EXACT}


class HalfGRU(GRUCell):
    """A GRU whose step is another one; torch's kernel would compute the wrong thing."""

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        y, state = super().step(x, state)
        return 0.5 * y, state


def test_a_subclass_with_a_step_of_its_own_is_run_by_its_step() -> None:
    layer = Recurrent(HalfGRU(INPUT, HIDDEN))
    assert "torch has no kernel" in layer.explain().others["torch"]
    x = torch.randn(2, 1, INPUT)
    torch.testing.assert_close(layer(x)[0][:, 0], layer.step(x[:, 0])[0])


@pytest.mark.parametrize("kind", [HalfGRU, OwnCell])
def test_an_engine_that_cannot_run_a_cell_says_so(kind: Callable[[int, int], Cell]) -> None:
    cell = kind(INPUT, HIDDEN)
    with pytest.raises(InputError, match=f"engine 'torch' cannot run this cell: .*{type(cell).__name__}"):
        Recurrent(cell, engine="torch")


def test_an_engine_that_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match="no engine 'trch'; did you mean 'torch'"):
        Recurrent(make_cell("gru", INPUT, HIDDEN), engine="trch")


def test_stacks_and_torch_compatible_layers_explain_themselves() -> None:
    for engine in ENGINES:
        assert Stack("lstm", INPUT, HIDDEN, 2, bidirectional=True, engine=engine).explain().engine == engine
        assert treadle.nn.GRU(INPUT, HIDDEN, engine=engine).explain().engine == engine
