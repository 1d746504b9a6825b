"""Compiled kernels are kept: written whole, read by whoever comes later, and never trusted blindly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import torch
from treadle.nn import Recurrent
from treadle.cells import make_cell
torch.set_num_threads(1)
torch.manual_seed(0)
layer = Recurrent(make_cell("gru", 3, int(sys.argv[1])), engine="cpu")
y, _ = layer(torch.randn(2, 5, 3))
y.sum().backward()
print(y.detach().double().square().sum().item())
"""
LINE = "compiling GRUCell for this machine ..."


class Started:
    """A process of its own that runs a GRU forward and backward."""

    def __init__(self, cache: Path, width: int = 4) -> None:
        environment = {**os.environ, "TREADLE_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", PROGRAM, str(width)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)

    def end(self) -> tuple[str, list[str]]:
        """What it printed, and the lines on standard error."""
        out, said = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, said
        return out, said.splitlines()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that two processes have filled at the same time."""
    cache = tmp_path_factory.mktemp("cache") / "treadle"
    both = [Started(cache), Started(cache)]
    ends = [one.end() for one in both]
    assert ends[0][0] == ends[1][0]
    assert [LINE] in [said for _, said in ends]
    assert all(said in ([LINE], []) for _, said in ends)  # a late one finds all there
    return cache


def contents(cache: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in cache.iterdir()}


def test_two_processes_at_once_leave_whole_files_and_nothing_else(filled: Path) -> None:
    kept = contents(filled)
    assert kept
    assert all(name.endswith(".o") for name in kept)
    _, said = Started(filled).end()
    assert said == []  # each file was whole, or it would have been compiled again
    assert contents(filled) == kept


def test_another_width_compiles_nothing(filled: Path) -> None:
    kept = contents(filled)
    _, said = Started(filled, width=37).end()
    assert said == []
    assert contents(filled) == kept


def test_damaged_files_are_compiled_again(filled: Path) -> None:
    expected, _ = Started(filled).end()
    kept = contents(filled)
    for number, path in enumerate(sorted(filled.iterdir())):
        whole = path.read_bytes()
        middle = len(whole) // 2
        damaged = [whole[:middle], b"", whole[:middle] + bytes(64) + whole[middle + 64 :]]
        path.write_bytes(damaged[number % len(damaged)])
    out, said = Started(filled).end()
    assert out == expected
    assert said == [LINE]
    assert {name: data for name, (data, _) in contents(filled).items()} == {n: data for n, (data, _) in kept.items()}


def test_a_folder_that_cannot_be_written_costs_time_and_says_so_once(filled: Path, tmp_path: Path) -> None:
    expected, _ = Started(filled).end()
    (tmp_path / "file").touch()
    cache = tmp_path / "file" / "treadle"
    out, said = Started(cache).end()
    assert out == expected
    assert sorted(said) == [f"compiled kernels are not kept in {cache}: Not a directory", LINE]
