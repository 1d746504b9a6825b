"""A model folder from a stranger costs no more than its own size to be refused."""

import json
import resource
import struct
from pathlib import Path

import pytest

import treadle
from treadle import SequenceClassifier
from treadle.errors import InputError

GIGABYTE = 1 << 20  # in the kilobytes of ru_maxrss


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts, labels = ["good film", "bad film"] * 4, ["good", "bad"] * 4
    SequenceClassifier(cell="gru", hidden_size=4, embedding_size=4, epochs=1).fit(texts, labels).save(tmp_path)
    return tmp_path


def _header(declared: dict[str, object], body: bytes = b"") -> bytes:
    text = json.dumps(declared).encode()
    return struct.pack("<Q", len(text)) + text + body


def _replace(path: Path, old: str, new: str) -> None:
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))


TERABYTES = {"weight": {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 42]}}
BOMBS = {
    "a header that declares terabytes": lambda f: (f / "model.safetensors").write_bytes(_header(TERABYTES)),
    "a header longer than the file": lambda f: (f / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 40)),
    "nested features": lambda f: (f / "features.json").write_text("[" * 100_000 + "]" * 100_000),
    "nested in an object": lambda f: (f / "features.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000),
    "nested config": lambda f: (f / "config.toml").write_text("a = " + "[" * 100_000 + "]" * 100_000),
    "a giant layer": lambda f: _replace(f / "config.toml", "hidden_size = 4", f"hidden_size = {10**9}"),
    "a layer past all numbers": lambda f: _replace(f / "config.toml", "hidden_size = 4", f"hidden_size = {10**18}"),
    "a giant embedding": lambda f: _replace(f / "config.toml", "embedding_size = 4", f"embedding_size = {10**9}"),
    "giant depth": lambda f: _replace(f / "config.toml", "layers = 1", f"layers = {10**9}"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_a_sentence_and_costs_no_memory(folder, name):
    BOMBS[name](folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        treadle.load(folder)
    assert str(caught.value).startswith(str(folder))
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE / 2


@pytest.mark.parametrize("name", ["config.toml", "features.json"])
def test_a_file_of_gigabytes_is_not_read(folder, name):
    with (folder / name).open("r+b") as file:
        file.truncate(3 << 30)  # holes: nothing is on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="is larger than"):
        treadle.load(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE
