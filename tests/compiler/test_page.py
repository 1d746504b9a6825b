"""docs/compiler.md shows what there is."""

import re
import textwrap
from pathlib import Path

import pytest
import torch
from torch import Tensor

from treadle.cells import Cell, HiddenState, make_cell
from treadle.compiler.explain import explain
from treadle.compiler.operators import RULES, elementwise
from treadle.nn import Recurrent

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "compiler.md").read_text(encoding="utf-8")


def test_the_blocks_of_the_page_are_what_explain_says_of_a_gru() -> None:
    blocks = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
    assert "\n\n".join(blocks) == explain(make_cell("gru", 3, 4))


def test_the_table_names_the_functions_that_have_a_rule() -> None:
    rows = PAGE.split("| kind | functions |\n|---|---|\n")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", rows))
    assert named <= set(RULES)
    silent = {RULES["view"], RULES["to"], RULES["rsub"], RULES["min"], RULES["max"]}  # other names of what is there
    said = {RULES[name] for name in named} | silent
    assert [name for name in RULES if hasattr(torch, name) and RULES[name] not in said] == []


def test_the_rule_of_the_guide_for_contributors_works(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Add an operator rule")[1]
    block = re.findall(r"^   ```py\n(.*?)^   ```$", guide, re.DOTALL | re.MULTILINE)[0]
    monkeypatch.setitem(RULES, "addcmul", None)  # so that it is taken out again
    exec(textwrap.dedent(block), dict(vars(elementwise)))

    class Made(Cell):
        def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
            h = torch.addcmul(0.5 * state.hidden, x, torch.tanh(x), value=0.3)
            return h, HiddenState(h)

    x = torch.randn(3, 4, 2, dtype=torch.float64)
    ours, loop = (Recurrent(Made(2, 2), engine=engine)(x)[0] for engine in ("cpu", "eager"))
    torch.testing.assert_close(ours, loop)


def test_files_that_the_page_names_exist() -> None:
    folder = ROOT / "src" / "treadle" / "compiler"
    for path in re.findall(r"`((?:cpu/)?\w+\.py|operators/)`", PAGE):
        assert (folder / path).exists(), path
