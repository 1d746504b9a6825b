"""Free memory goes back to the system."""

import platform
from pathlib import Path

import pytest
import torch

from treadle.training import memory

PAGE = 4096


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its memory in another way")
def test_what_lies_between_lasting_things_is_given_back() -> None:
    """Blocks too small for pages of their own, every tenth of which stays: holes that no end of the heap reaches."""
    size, kept = 16 * PAGE, []
    blocks = [torch.ones(size // 4) for _ in range(2000)]
    kept = blocks[::10]
    full = resident()
    del blocks
    memory.give_back()
    assert full - resident() > 0.5 * 2000 * size
    assert all(block.min() == 1 for block in kept)


def test_it_is_done_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[float] = []
    clock = iter([0.0, 4.0, 11.0, 12.0, 30.0])
    monkeypatch.setattr(memory.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(memory, "give_back", lambda: done.append(1))
    tidy = memory.Tidy()
    found = []
    for _ in range(4):
        tidy()
        found.append(len(done))
    assert found == [0, 1, 1, 2]
