"""Every cell in C: compiled without a warning, its step is Treadle's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from c_programs import differences, needs_gcc
from treadle.cells import Cell, HiddenState, RecurrentDropout, Zoneout, cell_names, make_cell
from treadle.errors import InputError
from treadle.export.c import files
from treadle.export.c.models import builder
from treadle.nn import GRU, Recurrent, Stack
from treadle.nn.low_rank import choose_ranks, factorise

pytestmark = needs_gcc


class Shifted(Cell):
    """A cell that reads other units of its state than it writes, so that nothing can be written in place."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight = torch.nn.Parameter(torch.randn(hidden_size, input_size))

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        """The state goes on by a unit."""
        h = torch.cat([state.hidden[:, 1:], state.hidden[:, :1]], -1)
        h = torch.tanh(h + x @ self.weight.T)
        return h, HiddenState(h)


def stacks(size: int = 8) -> list[tuple[str, Any]]:
    """A stack of two layers of every registered cell, plain, residual or with highway connections."""
    torch.manual_seed(3)
    kinds: list[dict[str, Any]] = [{}, {"residual": True}, {"highway": True}]
    found: list[tuple[str, Any]] = []
    for number, name in enumerate(cell_names()):
        found.append((name.replace("-", "_"), Stack(name, 3, size, num_layers=2, **kinds[number % 3])))
    return found


def test_the_step_of_every_cell_is_that_of_treadle(tmp_path: Path) -> None:
    assert max(differences(tmp_path, stacks()).values()) < 1e-5


def test_weights_in_8_bits_stay_near_for_every_cell(tmp_path: Path) -> None:
    found = differences(tmp_path, stacks(), int8=True)
    assert max(found.values()) < 0.1
    assert min(found.values()) > 1e-6  # they are other weights


def test_wrappers_in_evaluation_mode_leave_nothing_but_what_they_do_there(tmp_path: Path) -> None:
    def wrapped(size: int) -> Cell:
        return Zoneout(RecurrentDropout(make_cell("lstm", size, 5), 0.3), 0.2)

    stack = Stack(wrapped, 3, 5, num_layers=2)
    assert differences(tmp_path, [("wrapped", stack)])["wrapped"] < 1e-5
    header = (tmp_path / "wrapped.h").read_text()
    assert "layer1_cell[5]" in header
    assert "mask" not in header
    assert "noise" not in header


def test_cells_of_a_users_own(tmp_path: Path) -> None:
    models = [("shifted", Recurrent(Shifted(3, 4))), ("wide", Recurrent(Shifted(2, 3).double())), ("gru", GRU(3, 4))]
    assert max(differences(tmp_path, models).values()) < 1e-5
    assert "memcpy(hidden, next_hidden" in (tmp_path / "shifted.c").read_text()


def test_weights_in_two_factors_stay_two(tmp_path: Path) -> None:
    stack = Stack("gru", 6, 12)
    factorise(stack, choose_ranks(stack, rank=2))
    assert differences(tmp_path, [("thin", stack)])["thin"] < 1e-5
    assert "weight_hh_down hidden" in (tmp_path / "thin.c").read_text()


def test_no_address_is_out_of_bounds_and_nothing_is_undefined(tmp_path: Path) -> None:
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    models = [("layer_norm", Stack("layer-norm-lstm", 3, 5)), ("clock", Stack("clockwork", 3, 9, num_layers=2))]
    assert max(differences(tmp_path, models, flags=flags).values()) < 1e-5


def test_8_bits_are_little_more_than_a_quarter_of_32(tmp_path: Path) -> None:
    for cell in ("gru", "lstm", "min-gru"):
        stack = Stack(cell, 64, 128)
        sample = builder(stack).sample(stack, np.random.default_rng(0))
        program, texts = files(stack, "model", sample, int8=True)
        assert program.tables.bytes <= 0.28 * program.tables.bytes_in_float
        assert f"weights {program.tables.bytes:,} bytes" in texts["model.h"]
    assert not list(tmp_path.iterdir())


def test_layers_that_read_from_the_end_have_no_step() -> None:
    stack = Stack("gru", 3, 4, bidirectional=True)
    with pytest.raises(InputError, match="bidirectional"):
        builder(stack).sample(stack, np.random.default_rng(0))
