"""The section "Add a cell" of CONTRIBUTING.md, followed to the letter: what it says to write works."""

import importlib
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from treadle import SequenceClassifier
from treadle.cells import Cell, contract, make_cell
from treadle.cli import program
from treadle.nn import Recurrent, Stack

ROOT = Path(__file__).resolve().parents[1]
NAME = "update-gate"


def section() -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.split("## Add a cell\n")[1].split("\n## ")[0]


def block(language: str) -> str:
    """The one block of the section in a language."""
    (found,) = re.findall(rf"^   ```{language}\n(.*?)^   ```$", section(), re.DOTALL | re.MULTILINE)
    return textwrap.dedent(found)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Step 1: the file is written; step 2: it is imported, which registers the cell, for the length of a test."""
    (tmp_path / "cell_of_the_page.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(contract, "_registry", dict(contract._registry))
    yield importlib.import_module("cell_of_the_page")
    del sys.modules["cell_of_the_page"]


def cell(size: int = 3, hidden: int = 5) -> Cell:
    made = make_cell(NAME, size, hidden, dtype=torch.float64)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.uniform_(-1, 1)
    return made


def test_its_step_is_the_numpy_that_the_page_writes_beside_it(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "cells")
    published: dict[str, Any] = dict(vars(importlib.import_module("published")))
    exec(block("py"), published)
    step = published[NAME.replace("-", "_")]
    made, x, h = cell(), torch.randn(4, 3).double(), torch.randn(4, 5).double()
    y, after = made.step(x, made.state_type(h))
    p = {name: value.detach().numpy() for name, value in made.named_parameters()}
    for row in range(4):
        expected, (state,) = step(p, x[row].numpy(), h[row].numpy())
        np.testing.assert_allclose(y[row].detach().numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(after.hidden[row].detach().numpy(), state, atol=1e-12)


def test_a_layer_keeps_its_promises_with_it(module: ModuleType) -> None:
    layer = Recurrent(cell())
    x = torch.randn(2, 6, 3).double()
    y, state = layer(x, lengths=torch.tensor([6, 2]))
    assert torch.equal(state.hidden[1], y[1, 1])
    assert not y[1, 2:].any()
    reset = torch.zeros(2, 6, dtype=torch.bool)
    reset[:, 3] = True
    parts = torch.cat([layer(x[:, :3])[0], layer(x[:, 3:])[0]], 1)
    torch.testing.assert_close(layer(x, reset=reset)[0], parts)
    assert Stack(NAME, 3, 4, 2, bidirectional=True, init="chrono")(x.float())[0].shape == (2, 6, 8)


def test_an_estimator_learns_with_it(module: ModuleType) -> None:
    texts = ["a fine film", "a dull film", "fine", "dull"] * 8
    model = SequenceClassifier(cell=NAME, hidden_size=8, embedding_size=8, epochs=15, learning_rate=0.02)
    assert model.fit(texts, ["good", "bad"] * 16).score(["so fine", "so dull"], ["good", "bad"]) == 1


def test_the_command_line_explains_it(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run("explain", ["--cell", NAME]) == 0
    shown = capsys.readouterr().out
    assert r"u_t &= \sigma" in shown
    assert "engine eager" in shown or "engine cpu" in shown


def test_its_row_tells_its_state_and_its_size(module: ModuleType) -> None:
    name, _, state, weights, paper = (part.strip() for part in block("md").strip().strip("|").split("|"))
    assert name == f"`{NAME}`"
    made = make_cell(NAME, 128, 128)
    assert state == f"`{made.state_type.__name__}({', '.join(made.state_type._fields)})`"
    sizes = [sum(p.numel() for p in make_cell(which, 128, 128).parameters()) for which in (NAME, "lstm")]
    assert weights == f"{sizes[0] / sizes[1]:.2f}"
    assert paper


def test_the_files_that_the_section_names_exist_and_hold_what_it_says() -> None:
    for path in re.findall(r"`((?:src|tests|docs)/[\w./-]+)`", section()):
        assert "NAME" in path or (ROOT / path).exists(), path
    assert "PUBLISHED" in (ROOT / "tests/cells/test_published.py").read_text(encoding="utf-8")
    assert "__all__" in (ROOT / "src/treadle/cells/__init__.py").read_text(encoding="utf-8")


def test_no_other_place_lists_the_cells() -> None:
    """A cell beyond the first few is named by its own file and the page of cells, and by nothing else but tests."""
    pages = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    holders = {str(path.relative_to(ROOT)) for path in pages if "fast-grnn" in path.read_text(encoding="utf-8")}
    assert holders == {"src/treadle/cells/fast_grnn.py", "docs/cells.md"}
