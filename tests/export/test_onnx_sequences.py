"""Classifiers and regressors in ONNX Runtime answer as Treadle does, from raw data on, with NumPy alone."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_files import Exported, numbers, padded

from treadle import SequenceClassifier, SequenceRegressor

SMALL: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "epochs": 1, "seed": 3, "device": "cpu"}
TEXTS = ["A fine film<br />it's fun", "dull", "fine", "a dull film", "看 film, twice!"] * 4
LABELS = ["good", "bad", "good", "bad", "good"] * 4


def series(rows: int = 12) -> list[Any]:
    draw = np.random.default_rng(0)
    return [draw.normal(3, 2, (int(draw.integers(1, 9)), 2)) for _ in range(rows)]


def scaled(values: Any, said: dict[str, Any]) -> Any:
    """Standard scaling as the JSON says, for series without gaps."""
    return ((values - np.array(said["shift"])) / np.array(said["scale"])).astype(np.float32)


def tokens(text: str, said: dict[str, Any]) -> list[str]:
    """A text cut as the JSON says."""
    text = re.sub(r"<br\s*/?>", lambda found: " " * len(found[0]), text, flags=re.IGNORECASE)
    return re.findall(said["pattern"], text.replace("İ", "i").lower())


def test_texts_in_both_directions(tmp_path: Path) -> None:
    model = SequenceClassifier(**SMALL, layers=2).fit(TEXTS, LABELS)
    made = Exported(model, tmp_path / "out")
    assert sorted(made.run) == ["model.onnx"]
    assert any("no step.onnx: this model is bidirectional" in line for line in made.lines)
    said = made.said["inputs"]["input"]
    asked = ["dull, dull film", "", "A FINE<br>看"]
    ids, lengths = padded([numbers(said["vocabulary"], tokens(text, said)) for text in asked])
    found = made.run["model.onnx"]({"input": ids.astype(np.int64), "lengths": lengths})["probabilities"]
    np.testing.assert_allclose(found, model.predict_proba(asked), atol=1e-5)
    assert made.said["answer"]["classes"] == list(model.classes_)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention", "concat"])
def test_causal_series_whole_in_pieces_and_step_by_step(pooling: str, tmp_path: Path) -> None:
    model = SequenceClassifier(**SMALL, cell="sru", bidirectional=False, pooling=pooling, layers=2, residual=True)
    model.fit(series(), ["up", "down"] * 6)
    made = Exported(model, tmp_path / "out")
    said = made.said["inputs"]["input"]
    rows = series(3)
    x, lengths = padded([scaled(row, said) for row in rows])
    whole = made.run["model.onnx"]({"input": x, "lengths": lengths, **made.begin(3)})
    np.testing.assert_allclose(whole["probabilities"], model.predict_proba(rows), atol=1e-5)

    one = made.steps({"input": x[:1, : lengths[0]]})
    answers = model.stream().step(rows[0])
    np.testing.assert_allclose(one[-1]["probabilities"][0], list(answers["probabilities"].values()), atol=1e-5)
    np.testing.assert_allclose(one[-1]["probabilities"][0], whole["probabilities"][0], atol=1e-5)


def test_several_columns_and_several_labels(tmp_path: Path) -> None:
    columns = {"words": [text.split() for text in TEXTS], "measured": series(20)}
    model = SequenceClassifier(**SMALL).fit(columns, [["a"], ["b"], ["a", "b"], [], ["a"]] * 4)
    made = Exported(model, tmp_path / "out")
    words, measured = made.said["inputs"]["input_words"], made.said["inputs"]["input_measured"]
    ids, ids_lengths = padded([numbers(words["vocabulary"], row) for row in columns["words"]])
    x, x_lengths = padded([scaled(row, measured) for row in columns["measured"]])
    inputs = {"input_words": ids, words["lengths"]: ids_lengths, "input_measured": x, measured["lengths"]: x_lengths}
    found = made.run["model.onnx"](inputs)["probabilities"]
    np.testing.assert_allclose(found, model.predict_proba(columns), atol=1e-5)
    assert any("reads 2 columns" in line for line in made.lines)


@pytest.mark.parametrize("options", [{"segment": 4, "stride": 3}, {"convolutions": [(6, 4), (5, 3)], "segment": 2}])
def test_segments_and_convolutions(tmp_path: Path, options: dict[str, Any]) -> None:
    model = SequenceClassifier(**SMALL, cell="gru", **options).fit(series(), ["up", "down"] * 6)
    made = Exported(model, tmp_path / "out")
    x, lengths = padded([scaled(row, made.said["inputs"]["input"]) for row in series()])
    found = made.run["model.onnx"]({"input": x, "lengths": lengths})["probabilities"]
    np.testing.assert_allclose(found, model.predict_proba(series()), atol=1e-5)


def test_numbers_of_any_size_and_a_number_a_step(tmp_path: Path) -> None:
    rows = series()
    model = SequenceRegressor(**SMALL, bidirectional=False).fit(rows, 1e9 + 3 * np.arange(12))
    made = Exported(model, tmp_path / "whole")
    x, lengths = padded([scaled(row, made.said["inputs"]["input"]) for row in rows])
    found = made.run["model.onnx"]({"input": x, "lengths": lengths, **made.begin(12)})["prediction"]
    np.testing.assert_allclose(found, model.predict(rows), atol=1e-3)

    model = SequenceRegressor(**SMALL, bidirectional=False).fit(rows, [row.cumsum(0)[:, 0] for row in rows])
    made = Exported(model, tmp_path / "steps")
    found = made.run["model.onnx"]({"input": x, "lengths": lengths, **made.begin(12)})["prediction"]
    for row, expected in enumerate(model.predict(rows)):
        np.testing.assert_allclose(found[row, : lengths[row]], expected, atol=1e-4)
    told = [step["prediction"][0] for step in made.steps({"input": x[:1, : lengths[0]]})]
    np.testing.assert_allclose(told, found[0, : lengths[0]], atol=1e-4)


def test_names_are_those_of_the_model(tmp_path: Path) -> None:
    made = Exported(SequenceClassifier(**SMALL, cell="gru", bidirectional=False).fit(TEXTS, LABELS), tmp_path / "out")
    graph = onnx.load(made.folder / "model.onnx").graph
    assert [one.name for one in graph.input] == ["input", "lengths", "layer0_hidden", "pooling_largest"]
    assert [axis.dim_param or axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim] == ["batch", "time"]
    weights = {one.name.split("/")[-1] for one in graph.initializer}
    assert {"embedding.weight", "weight_ih", "weight_hh", "head.weight"} <= weights
    assert all(node.name for node in graph.node)
    assert {port["name"] for port in made.said["graphs"]["step.onnx"]["inputs"]} >= {"input", "layer0_hidden"}
