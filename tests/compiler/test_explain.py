"""What explain prints is what is computed: its lines, run as they stand, give the step and its gradient."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from treadle.cells import cell_names, make_cell
from treadle.cli import program
from treadle.compiler.cpu.library import cache_folder
from treadle.compiler.explain import explain

ROWS = 6
FUNCTIONS: dict[str, Any] = {
    **{
        name: getattr(torch, name)
        for name in (
            "sigmoid",
            "tanh",
            "relu",
            "exp",
            "sqrt",
            "rsqrt",
            "neg",
            "floor",
            "mul",
            "chunk",
            "abs",
            "log1p",
            "sign",
        )
    },
    "sum": lambda a: a.sum(-1, keepdim=True),
    "maximum": lambda a, b: a.clamp(min=b),
    "concat": lambda *parts: torch.cat(parts, -1),
    "where": lambda c, a, b: torch.where(c > 0, torch.as_tensor(a).double(), torch.as_tensor(b).double()),
}


def sections(text: str) -> dict[str, list[str]]:
    """The lines under each heading."""
    parts = [part.split("\n") for part in text.split("\n\n")]
    return {head: [line.removeprefix("  ") for line in lines] for head, *lines in parts}


def value(expression: str, names: dict[str, Any]) -> Any:
    """A right side as it is printed, on rows of numbers."""
    expression = re.sub(r"\bd (\w+)", r"d_\1", expression)
    expression = re.sub(r"sum of (\w+)", r"\1.sum(0)", expression)
    found = eval(expression, {**FUNCTIONS, **names})  # noqa: S307  # of lines that this project itself has written
    return found if isinstance(found, tuple) else torch.as_tensor(found).double()


@pytest.mark.parametrize("name", list(cell_names()))
def test_the_lines_compute_the_step_and_its_gradient(name: str) -> None:
    torch.manual_seed(3)
    cell = make_cell(name, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.uniform_(-0.7, 0.7)
    x, *state = (torch.randn(ROWS, n, dtype=torch.float64).requires_grad_() for n in (3, *cell.state_sizes))
    fields = cell.state_type._fields
    y, after = cell.step(x, cell.state_type(*state))
    seeds = {f"d_{n}": torch.randn(v.shape, dtype=v.dtype) for n, v in zip(("y", *fields), (y, *after), strict=True)}
    leaves = {"x": x, **dict(zip(fields, state, strict=True)), **dict(cell.named_parameters())}
    loss = sum((value * seed).sum() for value, seed in zip((y, *after), seeds.values(), strict=True))
    by = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    gradients = {
        f"d {n}": torch.zeros_like(t) if g is None else g for (n, t), g in zip(leaves.items(), by, strict=True)
    }

    names: dict[str, Any] = {n: t.detach() for n, t in leaves.items()} | seeds | {"y": y.detach()}
    names |= dict(cell.named_buffers())
    results = computed(sections(explain(cell)), names)
    expected = {"y": y.detach(), **dict(zip(fields, (a.detach() for a in after), strict=True)), **gradients}
    assert {"y", *fields, "d x", *(f"d {field}" for field in fields)} <= set(results)
    for found, tensor in results.items():
        if found in expected:  # what is by a tensor made once a call, torch carries on to the parameters
            torch.testing.assert_close(tensor.expand_as(expected[found]), expected[found], rtol=1e-10, atol=1e-10)
    if "once a call, from parameters alone" not in sections(explain(cell)):
        assert {n for n in expected if expected[n].any()} <= set(results)


def computed(parts: dict[str, list[str]], names: dict[str, Any]) -> dict[str, Tensor]:
    """All that the lines give, by the names that are no numbered value's."""
    results: dict[str, Tensor] = {}
    for head, lines in parts.items():
        for line in [] if head == "traced" or "kept" in head else lines:
            left, right = line.split(" = ", 1)
            if re.fullmatch(r"[vhpq]\d+(, [pq]\d+)*", left):
                found = value(right, names)
                names |= zip(left.split(", "), found, strict=True) if "," in left else {left: found}
            elif left == "part of d x":
                names["part_of_d_x"] = value(right, names)
            elif "over all steps" in head and left != "d x":
                parameter, *cuts = re.split(r"[\[\],] ?", left.removeprefix("d "))
                whole = results.setdefault(f"d {parameter}", torch.zeros_like(names[parameter]))
                place = tuple(slice(*(int(n) if n else None for n in cut.split(":"))) for cut in cuts if cut)
                whole[place] += value(right, names)
            else:
                results[left] = value(right, names)
    return results


def test_the_command_prints_equations_parts_engine_and_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run("explain", ["--cell", "lstm"]) == 0
    shown = capsys.readouterr().out
    assert r"c_t &= f_t \odot c_{t-1}" in shown
    assert "engine cpu: " in shown
    assert explain(make_cell("lstm", 3, 4)) in shown
    assert str(cache_folder()) in shown


def test_warmup_tells_each_cell_and_where_kernels_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run("warmup", ["gru", "elman"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("1 of 2: gru, ")
    assert second.startswith("2 of 2: elman, ")
    assert last == f"kernels are kept in {cache_folder()}"
    assert program.run("warmup", ["gru", "elmann"]) == program.BAD_INPUT
    assert "did you mean 'elman'" in capsys.readouterr().err
