"""The memory of passes: it is kept for the next one, and there is no more of it than is in use at a time."""

import mmap

import pytest
import torch

from treadle.cells import make_cell
from treadle.compiler import workspace
from treadle.compiler.workspace import Slab
from treadle.nn import Recurrent


@pytest.mark.parametrize("size", [0, 1, 64, 5000, 1 << 20, workspace.LARGE])
def test_memory_that_was_given_back_is_taken_again(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "_free", [])
    first = Slab(size).address
    assert Slab(size).address == first
    assert len(workspace._free) == 1


@pytest.mark.parametrize("large_pages", [False, True])
def test_large_memory_may_be_written_to_its_end(large_pages: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "_free", [])
    if not large_pages:
        monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    slab = Slab(workspace.LARGE + 1)
    assert slab.memory.numel() > workspace.LARGE
    assert slab.address % workspace.ALIGNED == 0
    slab.memory.fill_(7)
    assert slab.memory[-1] == 7


@pytest.mark.parametrize("name", ["independent", "lstm", "layer-norm-gru"])
def test_training_step_after_step_keeps_no_more_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "_free", [])
    layer, x = Recurrent(make_cell(name, 8, 8), engine="cpu"), torch.randn(2, 5, 8)

    def kept() -> int:
        layer(x)[0].sum().backward()
        return len(workspace._free)

    kept()
    assert kept() == kept() == kept()
