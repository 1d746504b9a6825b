"""Captioners in ONNX Runtime say what Treadle says, of pictures of several sizes and of frames."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx_files import Exported, padded

from treadle import Captioner

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "embedding_size": 8,
    "filters": 4,
    "blocks": 1,
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "batch_size": 8,
    "epochs": 6,
    "learning_rate": 0.02,
    "averaging": 0,
    "beam_size": 1,
    "seed": 3,
    "device": "cpu",
}


def captions(made: Exported, inputs: dict[str, Any]) -> list[str]:
    """Greedy search with NumPy, all rows at once, as the JSON says."""
    state = made.run["encoder.onnx"](inputs)
    memory = {name: state.pop(name) for name in ("keys", "values", "real")}
    search, spelt = made.said["search"], ["<pad>", "<unk>", *made.said["answer"]["vocabulary"]["tokens"]]
    last = np.full(len(memory["real"]), search["boundary"])
    written: list[list[str]] = [[] for _ in last]
    going = np.ones(len(last), bool)
    for _ in range(search["limit"] - 1):
        found = made.run["step.onnx"]({"symbols": last, **memory, **state})
        last = found["log_probabilities"].argmax(1)
        going &= last != search["boundary"]
        for row in np.flatnonzero(going):
            written[row].append(spelt[last[row]])
        state = {one["input"]: found[one["output"]] for one in made.said["decoder_states"]}
    return [" ".join(words) for words in written]


def test_pictures_of_several_sizes(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    pictures, said_of = [], []
    for number in range(32):
        picture = np.zeros((int(draw.integers(5, 12)), int(draw.integers(5, 12)), 3), np.uint8)
        picture[1:4, 1:4, 2 * (number % 2)] = 240
        pictures.append(picture)
        said_of.append(("red square", "blue square")[number % 2])
    model = Captioner(**SMALL).fit(pictures, said_of)
    made = Exported(model, tmp_path / "out")
    how = made.said["inputs"]["pixels"]
    sizes = np.array([one.shape[:2] for one in pictures])
    pixels = np.zeros((len(pictures), *sizes.max(0), 3), np.float32)
    for row, one in zip(pixels, pictures, strict=True):
        row[: one.shape[0], : one.shape[1]] = (one - np.array(how["mean"])) / np.array(how["deviation"])
    assert captions(made, {"pixels": pixels, how["sizes"]: sizes}) == model.predict(pictures)


def test_frames(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frames = [draw.normal(row % 2, 0.1, (int(draw.integers(3, 8)), 2)) for row in range(32)]
    how = {"attention": "scaled", "heads": 2, "input_feeding": False, "cell": "min-gru"}
    model = Captioner(**SMALL, **how).fit(frames, ["it is low", "it is high"] * 16)
    made = Exported(model, tmp_path / "out")
    scale = made.said["inputs"]["frames"]
    x, lengths = padded([(one - np.array(scale["shift"])) / np.array(scale["scale"]) for one in frames])
    assert captions(made, {"frames": x.astype(np.float32), "lengths": lengths}) == model.predict(frames)
