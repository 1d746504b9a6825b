"""Taggers, language models and translators in ONNX Runtime answer as Treadle does, from raw data on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import Exported, numbers, padded

from treadle import LanguageModel, SequenceTagger, Translator

SMALL: dict[str, Any] = {"hidden_size": 6, "epochs": 1, "seed": 3, "device": "cpu"}
TEXT = "to be or not to be that is the question\n"
WORDS = TEXT.split()
SENTENCES = [WORDS, WORDS[3:], WORDS[:4]] * 4
TAGS = [["A" if "o" in word else "B" if "e" in word else "C" for word in one] for one in SENTENCES]
ASKED = [["be", "the", "questions", "or"], [], ["to"]]


def sentences(rows: list[list[str]], said: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a tagger, as the JSON describes them."""
    words, lengths = padded([np.array(numbers(said["words"], row), np.int64) for row in rows])
    found = {"words": words, "lengths": lengths}
    if "characters" in said:
        tokens = sorted({token for row in rows for token in row})
        found["characters"], found["sizes"] = padded([numbers(said["characters"], list(token)) for token in tokens])
        found["spellings"] = padded([np.array([tokens.index(t) for t in row], np.int64) for row in rows])[0]
    if "context" in said:
        found["context"] = padded([np.array(numbers(said["context"], row), np.int64) for row in rows])[0]
    return found


@pytest.mark.parametrize(
    ("cell", "options"),
    [("lstm", {"character_hidden_size": 3}), ("min-gru", {"character_hidden_size": 0, "decoder": "softmax"})],
)
def test_tags_of_whole_sentences(cell: str, options: dict[str, Any], tmp_path: Path) -> None:
    model = SequenceTagger(**SMALL, embedding_size=5, cell=cell, **options)
    model.fit(SENTENCES, TAGS, labels=["long", "late", "short"] * 4)
    made = Exported(model, tmp_path / "out")
    inputs = sentences(ASKED, made.said["inputs"])
    found = made.run["model.onnx"](inputs)
    for row, (tags, probabilities) in enumerate(zip(model.predict(ASKED), model.predict_proba(ASKED), strict=True)):
        said = [made.said["answer"]["tags"][number] for number in found["tags"][row, : len(tags)]]
        assert said == tags
        np.testing.assert_allclose(found["probabilities"][row, : len(tags)], probabilities, atol=1e-5)
    best = found["label_probabilities"].argmax(1)
    assert [made.said["answer"]["labels"][number] for number in best] == model.predict_labels(ASKED)


def test_tags_of_a_sentence_that_goes_on(tmp_path: Path) -> None:
    LanguageModel(**SMALL, unit="word", layers=1, weight_drop=0.0).fit(TEXT * 8).save(tmp_path / "language")
    how = {"bidirectional": False, "character_hidden_size": 3, "init_from": str(tmp_path / "language")}
    model = SequenceTagger(**SMALL, **how).fit(SENTENCES, TAGS)
    made = Exported(model, tmp_path / "out")
    said, stream, state = made.said["inputs"], model.stream(), made.begin(1)
    for word in ASKED[0]:
        inputs = sentences([[word]], said)
        step = {"words": inputs["words"][:, 0], "context": inputs["context"][:, 0]}
        step |= {name: inputs[name] for name in ("characters", "sizes")}
        found = made.run["step.onnx"]({**step, **state})
        expected = stream.step(word)["tags"]
        told = dict(zip(made.said["answer"]["tags"], found["filtered"][0].tolist(), strict=True))
        assert told == pytest.approx(expected, abs=1e-5)
        state = made.after(found)
    whole = made.run["model.onnx"]({**sentences(ASKED[:1], said), **made.begin(1)})
    np.testing.assert_allclose(whole["filtered"][0, -1], list(expected.values()), atol=1e-5)
    np.testing.assert_allclose(whole["probabilities"][0], model.predict_proba(ASKED[:1])[0], atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"layers": 2},
        {"layers": 1, "hidden_size": 16, "softmax": "adaptive", "tied": False, "embedding_size": 8, "cell": "sru"},
    ],
    ids=["tied", "adaptive"],
)
def test_every_symbol_to_come_next(options: dict[str, Any], tmp_path: Path) -> None:
    model = LanguageModel(**(SMALL | {"unit": "char", "weight_drop": 0.0} | options)).fit(TEXT * 8)
    made = Exported(model, tmp_path / "out")
    text = "or not to see"
    ids = np.array([numbers(made.said["inputs"]["tokens"]["vocabulary"], list(text))])
    read = np.concatenate([[[made.said["start"]]], ids[:, :-1]], 1)
    found = made.run["model.onnx"]({"tokens": read, "lengths": np.array([len(text)]), **made.begin(1)})
    nats = -np.take_along_axis(found["log_probabilities"], ids[..., None], 2)[0, :, 0]
    np.testing.assert_allclose(nats, model.log_losses(text)[0].nats, atol=1e-5)
    told = np.stack([step["log_probabilities"] for step in made.steps({"tokens": read})], 1)
    np.testing.assert_allclose(told, found["log_probabilities"], atol=1e-5)


def translated(made: Exported, text: str) -> str:
    """Greedy search with NumPy, as the JSON says."""
    source = np.array([numbers(made.said["inputs"]["source"]["vocabulary"], list(text))], np.int64).reshape(1, -1)
    state = made.run["encoder.onnx"]({"source": source, "source_lengths": np.array([source.shape[1]])})
    memory = {name: state.pop(name) for name in ("keys", "values", "real")}
    search, spelt = made.said["search"], ["<pad>", "<unk>", *made.said["answer"]["vocabulary"]["tokens"]]
    last, written = search["boundary"], []
    for _ in range(int(2 * search["expansion"] * source.shape[1]) + search["slack"] - 1):
        found = made.run["step.onnx"]({"symbols": np.array([last]), **memory, **state})
        last = int(found["log_probabilities"][0].argmax())
        if last == search["boundary"]:
            break
        written.append(spelt[last])
        state = {one["input"]: found[one["output"]] for one in made.said["decoder_states"]}
    return "".join(written)


@pytest.mark.parametrize(
    "options",
    [
        {"attention": "general"},
        {"attention": "scaled", "heads": 2, "coverage": True, "cell": "gru", "tied": True, "layers": 2},
        {"attention": "additive", "coverage": True, "input_feeding": True, "cell": "min-gru"},
    ],
    ids=["general", "scaled", "additive"],
)
def test_translations_by_greedy_search(options: dict[str, Any], tmp_path: Path) -> None:
    sources, targets = ["abc", "ba", "cab", "c"] * 8, ["CBA", "AB", "BAC", "C"] * 8
    how = {"hidden_size": 16, "embedding_size": 8, "layers": 1, "epochs": 12, "learning_rate": 0.02, "beam_size": 1}
    model = Translator(**(SMALL | how | {"unit": "char", "copy_unknown": False} | options)).fit(sources, targets)
    made = Exported(model, tmp_path / "out")
    assert sorted(made.run) == ["encoder.onnx", "step.onnx"]
    asked = ["abc", "ba", "bbcca"]
    assert [translated(made, text) for text in asked] == model.predict(asked)
