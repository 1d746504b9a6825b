"""The memory of passes: it is kept for the next one, and there is no more of it than is in use at a time."""

import mmap

import pytest
import torch

from treadle.cells import make_cell
from treadle.compiler import slabs
from treadle.compiler.slabs import Slab, Store
from treadle.nn import Recurrent


@pytest.mark.parametrize("size", [0, 1, 64, 5000, 1 << 20, slabs.LARGE])
def test_memory_that_was_given_back_is_taken_again(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_store", Store())
    first = Slab(size).address
    assert Slab(size).address == first
    assert len(slabs._store.free) == 1


@pytest.mark.parametrize("large_pages", [False, True])
def test_large_memory_may_be_written_to_its_end(large_pages: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_store", Store())
    if not large_pages:
        monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    slab = Slab(slabs.LARGE + 1)
    assert slab.memory.numel() > slabs.LARGE
    assert slab.address % slabs.ALIGNED == 0
    slab.memory.fill_(7)
    assert slab.memory[-1] == 7


def test_no_more_is_kept_than_was_ever_held_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "KEPT_BYTES", 0)
    store = Store()

    def free() -> list[int]:
        return [memory.data_ptr() for _, _, memory in store.free]

    small, large = store.take(20_000), store.take(60_000)
    store.give(large)
    store.give(small)
    assert free() == [small.data_ptr(), large.data_ptr()]  # both were held at a time
    larger = store.take(70_000)
    store.give(larger)
    assert free() == [larger.data_ptr()]  # beside it any other would be more than both were
    assert store.take(30_000).data_ptr() == larger.data_ptr()  # not so large that new memory is better


def test_a_slab_may_go_while_its_thread_is_taking_another() -> None:
    """As where Python collects a cycle that holds one just then."""
    store = Store()
    memory = store.take(5000)
    with store._lock:
        store.give(memory)
    assert store.take(5000).data_ptr() == memory.data_ptr()


@pytest.mark.parametrize("name", ["independent", "lstm", "layer-norm-gru"])
def test_training_step_after_step_keeps_no_more_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_store", Store())
    layer, x = Recurrent(make_cell(name, 8, 8), engine="cpu"), torch.randn(2, 5, 8)

    def kept() -> int:
        layer(x)[0].sum().backward()
        return len(slabs._store.free)

    kept()
    assert kept() == kept() == kept()
