"""A model folder in 8 bits: smaller, opened and used like any other, its cost told on the dev data of its run."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from treadle.cli import program
from treadle.compiler.quantisation import quantise, restore
from treadle.errors import InputError
from treadle.export import export
from treadle.export.onnx.packing import packed
from treadle.nn import Stack
from treadle.tasks import (
    Forecaster,
    LanguageModel,
    OnlineRegressor,
    SequenceClassifier,
    SequenceTagger,
    Translator,
    load,
)

TINY = {"hidden_size": 24, "epochs": 2, "batch_size": 8, "averaging": 0.0}


def classifier() -> SequenceClassifier:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    X = [np.cumsum(rng.normal(0.6 * (2 * label - 1), 1, (int(rng.integers(5, 12)), 2)), 0) for label in y]
    return SequenceClassifier(**{**TINY, "epochs": 12}, cell="gru").fit(X, y)


WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "the", "dog", "ran", "to", "the", "cat"]
TAGS = ["N" if word in ("cat", "dog") else "O" for word in WORDS]
MODELS = {
    "tagger": lambda: SequenceTagger(**TINY).fit(
        [WORDS] * 20, [["N" if w in ("cat", "dog") else "O" for w in WORDS]] * 20
    ),
    "language": lambda: LanguageModel(**TINY, unit="char").fit([" ".join(WORDS)] * 20),
    "translator": lambda: Translator(**TINY).fit([" ".join(WORDS)] * 20, [" ".join(WORDS[::-1])] * 20),
}


def rounded(model: object, folder: Path) -> object:
    lines = export(model, "int8", folder)
    assert lines[0].startswith("model.safetensors: ")
    return load(folder)


def test_a_classifier_answers_as_before_within_a_point_and_saves_three_quarters(tmp_path: Path) -> None:
    model = classifier()
    small = rounded(model, tmp_path / "small")
    rng = np.random.default_rng(1)
    X = [np.cumsum(rng.normal(0, 1, (9, 2)), 0) for _ in range(40)]
    np.testing.assert_allclose(small.predict_proba(X), model.predict_proba(X), atol=0.03)
    model.save(tmp_path / "whole")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("small", "whole")]
    assert sizes[0] < 0.45 * sizes[1]  # so small a model is half names and headers
    small.save(tmp_path / "again")
    assert (tmp_path / "again/model.safetensors").read_bytes() == (tmp_path / "small/model.safetensors").read_bytes()
    assert all("engine int8" in line for line in small.explain())


def test_it_streams_and_its_stream_says_what_it_says_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 40)
    X = [np.cumsum(rng.normal(2 * label - 1, 1, (8, 2)), 0) for label in y]
    small = rounded(SequenceClassifier(**TINY, bidirectional=False, pooling="last").fit(X, y), tmp_path / "small")
    stream = small.stream()
    for step in X[0]:
        answer = stream.step(step)
    np.testing.assert_allclose(
        list(answer["probabilities"].values()), small.predict_proba([X[0]])[0], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("name", MODELS)
def test_other_tasks_open_and_answer(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    small = rounded(model, tmp_path / "small")
    whole, found = model.network_.state_dict(), small.network_.state_dict()
    for key, value in whole.items():
        number = value.float()
        assert torch.allclose(found[key].float(), number, atol=float(number.abs().max()) / 250 + 1e-12), key
    if name == "tagger":
        assert small.predict([WORDS]) == model.predict([WORDS])
    elif name == "language":
        assert small.score([" ".join(WORDS)]) == pytest.approx(model.score([" ".join(WORDS)]), rel=0.02)
    else:
        assert len(small.predict([" ".join(WORDS)])) == 1


def test_a_forecaster_keeps_its_forecasts(tmp_path: Path) -> None:
    y = np.sin(np.arange(200) / 4) + np.random.default_rng(0).normal(0, 0.1, 200)
    model = Forecaster(horizon=4, **TINY).fit(y)
    small = rounded(model, tmp_path / "small")
    a, b = (np.asarray(one.predict(y)["y"], dtype=float) for one in (model, small))
    np.testing.assert_allclose(b, a, atol=0.1)


def test_the_command_tells_what_it_costs_on_the_dev_data_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = str(tmp_path / "run"), str(tmp_path / "small")
    assert program.run("train", ["builtin:vowels", "--hidden", "16", "--epochs", "1", "--out", run]) == 0
    capsys.readouterr()
    assert program.run("export", [run, "--to", "int8", "--out", out]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("model.safetensors: ")
    assert any(line.startswith("dev accuracy: 0.") and line.endswith("in 8 bits") for line in said)
    assert program.run("evaluate", [out, "builtin:vowels"]) == 0
    assert "370 rows  accuracy" in capsys.readouterr().out
    assert program.run("export", [out, "--to", "int8", "--out", str(tmp_path / "third")]) == 2
    assert "in 8 bits already" in capsys.readouterr().err
    assert not (tmp_path / "third").exists()


def test_what_learns_while_it_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="goes on learning"):
        export(OnlineRegressor(), "int8", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_keeps_its_weights_in_8_bits_and_is_what_they_stand_for(tmp_path: Path) -> None:
    """The JSON, the proof and the answers are those of the rounded model; only the file is smaller."""
    torch.manual_seed(0)
    stack = Stack("lstm", 12, 64, 2, bidirectional=True).eval()
    whole, small = tmp_path / "whole", tmp_path / "small"
    export(stack, "onnx", whole)
    lines = export(stack, "onnx", small, int8=True)
    assert lines[-1].startswith("largest difference from Treadle: ")
    sizes = [(folder / "model.onnx").stat().st_size for folder in (small, whole)]
    assert sizes[0] < 0.3 * sizes[1]
    model = onnx.load(small / "model.onnx")
    kinds = {weight.name.rpartition("/")[2]: weight.data_type for weight in model.graph.initializer}
    assert kinds["numbers"] == onnx.TensorProto.INT8
    made = {node.output[0] for node in model.graph.node if node.op_type in ("DequantizeLinear", "Reshape")}
    read = [name for node in model.graph.node if node.op_type == "LSTM" for name in node.input[1:3]]
    assert len(read) == 4
    assert set(read) <= made


@pytest.mark.parametrize("turned", [False, True])
def test_only_what_8_bits_hold_to_the_last_bit_is_kept_in_them(turned: bool) -> None:
    weight = torch.randn(40, 30)
    held = restore(*quantise(weight)).numpy()
    held = np.ascontiguousarray(held.T) if turned else held
    for array, kept in ((held, True), (weight.numpy(), False), (held[None].repeat(2, 0) * [[[1]], [[2]]], not turned)):
        initialisers, nodes = packed("w", array.astype(np.float32))
        assert bool(nodes) == kept
        if kept:
            numbers, scale = (numpy_helper.to_array(one) for one in initialisers[:2])
            product = numbers * np.expand_dims(scale, 0 if turned else 1)
            np.testing.assert_allclose(product.reshape(array.shape), array, rtol=1e-6)
