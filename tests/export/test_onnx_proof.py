"""Nothing is kept that was not proved; what has no form in ONNX says so."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from sklearn.exceptions import NotFittedError

from treadle import GRU, LSTM, RNN, AnomalyDetector, SequenceClassifier
from treadle.cells import Cell, HiddenState
from treadle.errors import InputError
from treadle.export import export
from treadle.export.onnx import native, proof
from treadle.nn import Recurrent, Stack
from treadle.nn.low_rank import factorise, recurrent_matrices

SMALL: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "epochs": 1, "seed": 3, "device": "cpu"}
TEXTS, LABELS = ["a fine film", "dull", "fine", "a dull film"] * 4, ["good", "bad", "good", "bad"] * 4


@pytest.fixture(scope="module")
def model() -> SequenceClassifier:
    return SequenceClassifier(**SMALL, cell="gru", bidirectional=False).fit(TEXTS, LABELS)


def test_a_reset_gate_in_the_wrong_place_is_seen_and_nothing_is_written(
    model: SequenceClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch's exporter did to GRUs for years."""
    with torch.no_grad():
        model.network_.encoder(0).stack.layers[0][0].cell.bias_hh.normal_()
    monkeypatch.setattr(native, "GRUCell", type(None))  # so that no cell is taken for one with the gate outside
    with pytest.raises(
        InputError, match=r"ONNX Runtime and Treadle differ by .* in probabilities .*nothing was written"
    ):
        export(model, "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_difference_is_measured_in_units_of_the_larger_number() -> None:
    seen = proof.Difference()
    seen.take("y", np.array([1e6 + 1, 2e-5], np.float32), np.array([1e6, 0]))
    assert seen.largest == pytest.approx(2e-5, rel=1e-3)
    for wrong in (np.array([np.nan]), np.array([1.001])):
        with pytest.raises(InputError, match="differ by"):
            seen.take("y", wrong, np.array([1.0]))
    with pytest.raises(InputError, match=r"\[2\], Treadle as \[1\]"):
        seen.take("y", np.zeros(2), np.zeros(1))


def test_batches_without_rows_and_steps_are_part_of_the_proof() -> None:
    random = np.random.default_rng(0)
    lengths = [proof.draw_lengths(random, rows, steps).tolist() for rows, steps in proof.SHAPES]
    assert any(0 in one for one in lengths)
    assert any(1 in one for one in lengths)
    assert any(steps == 0 for _, steps in proof.SHAPES)


@pytest.mark.parametrize(
    "layers", [LSTM(3, 4, 2, proj_size=2), GRU(3, 4, bidirectional=True), RNN(3, 4)], ids=["LSTM", "GRU", "RNN"]
)
def test_layers_with_torchs_interface(layers: Any, tmp_path: Path) -> None:
    lines = export(layers.eval(), "onnx", tmp_path / "out")
    assert re.search(r"largest difference from Treadle: \d.*e-\d+, over \d+ runs", lines[-1])


def test_weights_in_8_bits_are_written_as_the_numbers_they_stand_for(tmp_path: Path) -> None:
    stack = Stack("gru", 3, 16, 2, engine="int8").eval()
    lines = export(stack, "onnx", tmp_path / "out")  # held to layers that do not round
    assert stack.layers[0][0].engine == "int8"
    assert float(lines[-1].split()[4].rstrip(",")) < 1e-5


def test_weights_in_two_factors_stay_two(tmp_path: Path) -> None:
    stack = Stack("lstm", 16, 16).eval()
    factorise(stack, {name: 2 for name, _ in recurrent_matrices(stack)})
    export(stack, "onnx", tmp_path / "out")
    thin = [one.dims for one in onnx.load(tmp_path / "out" / "model.onnx").graph.initializer if 2 in one.dims]
    assert len(thin) == 2 * (1 + 4)  # of the input and of the state: one that all gates share, and one for each gate


def test_a_step_that_the_compiler_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    class Odd(Cell):
        def step(self, x: torch.Tensor, state: HiddenState) -> tuple[torch.Tensor, HiddenState]:
            h = torch.special.bessel_j0(x[:, : self.hidden_size])
            return h, HiddenState(h)

    with pytest.raises(InputError, match=r"Odd has no form in ONNX: .*bessel_j0"):
        export(Recurrent(Odd(4, 3), engine="eager"), "onnx", tmp_path / "out")


def test_float64_and_models_without_a_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="are float64, expected float32"):
        export(GRU(3, 4).double(), "onnx", tmp_path / "out")
    with pytest.raises(InputError, match="AnomalyDetector has seen no step yet"):
        export(AnomalyDetector(), "onnx", tmp_path / "out")
    with pytest.raises(InputError, match="a dict has no form in ONNX"):
        export({}, "onnx", tmp_path / "out")
    with pytest.raises(NotFittedError):
        export(SequenceClassifier(), "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_it_wrote(model: SequenceClassifier, tmp_path: Path) -> None:
    model.save(tmp_path / "run")
    lines = export(tmp_path / "run", "onnx", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "model.onnx",
        "preprocessing.json",
        "step.onnx",
    ]
    assert lines[0].startswith("model.onnx: ")
    assert lines[0].endswith("input, lengths to probabilities, with 2 states")
