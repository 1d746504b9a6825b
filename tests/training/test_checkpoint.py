"""The file that holds a run: it survives a kill, says what is wrong with it, and is no pickle."""

import json
import pickletools
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from toy import Watch, make_model, make_objective, settings, train

from treadle.errors import InputError
from treadle.training import Interrupted, fit, load_state, save_state, write_atomically

STATE: dict[str, Any] = {
    "weights": {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(1.5), "none": torch.zeros(0, 4)},
    "kinds": [torch.tensor([1], dtype=torch.int64), torch.tensor([True]), torch.tensor([2.5], dtype=torch.bfloat16)],
    "numbers": [1, -2.5, 0.1 + 0.2, float("inf"), 1e-320, True, None, "ü"],
    "by number": {0: {"step": 3}, 10: {}},
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Of a run that was stopped in the middle."""
    path = tmp_path / "checkpoints" / "last.safetensors"

    def leave(step: int) -> None:
        if step == 9:
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        fit(make_objective(), settings(checkpoint_seconds=0), checkpoint=path, progress=Watch(leave))
    return path


def resume(path: Path, **changes: Any) -> None:
    fit(make_objective(), settings(**changes), checkpoint=path, resume=True)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


def test_what_is_saved_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    save_state(tmp_path / "state", STATE)
    assert same(load_state(tmp_path / "state"), STATE)


def test_tensors_that_share_memory_are_saved(tmp_path: Path) -> None:
    """As tied weights do, and parts of one tensor."""
    whole = torch.arange(4.0)
    state = {"whole": whole, "again": whole, "part": whole[1:3], "turned": whole.view(2, 2).T}
    save_state(tmp_path / "state", state)
    assert same(load_state(tmp_path / "state"), state)


def test_a_file_is_replaced_at_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["os.fsync", "pathlib.Path.replace"])
def test_a_failure_in_the_middle_of_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A full disk, or a second Ctrl-C."""
    save_state(tmp_path / "state", STATE)

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(moment, fail)
        with pytest.raises(KeyboardInterrupt):
            save_state(tmp_path / "state", {"new": 1})
    assert same(load_state(tmp_path / "state"), STATE)
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


KILLED = """
import os, signal, sys
from pathlib import Path
from treadle.training.checkpoint import write_atomically
path = Path(sys.argv[1])
write_atomically(path, b"old " * 10_000)
os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)  # all is written, nothing is in place
write_atomically(path, b"new " * 20_000)
"""


def test_a_kill_in_the_middle_of_writing_leaves_the_old_file_and_the_next_run_tidies_up(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert killed.returncode == -9
    assert path.read_bytes() == b"old " * 10_000
    assert len(list(tmp_path.iterdir())) == 2, "the kill left its part behind"
    fit(make_objective(), settings(epochs=1), checkpoint=path)
    assert list(tmp_path.iterdir()) == [path]


def refusal(path: Path) -> str:
    """The one sentence by which a checkpoint is refused."""
    with pytest.raises(InputError) as caught:
        resume(path, checkpoint_seconds=0)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    return sentence


def test_a_checkpoint_cut_short_anywhere_is_refused(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, *range(200, len(content), len(content) // 25), len(content) - 1]:
        checkpoint.write_bytes(content[:length])
        assert "damaged" in refusal(checkpoint), f"cut to {length} of {len(content)} bytes"


def test_a_checkpoint_with_one_changed_byte_is_refused(checkpoint: Path) -> None:
    """In its header as well as in a weight, where the file can still be read."""
    content = checkpoint.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    weight = next(i for i in range(header, len(content)) if content[i])
    for place in [*range(8), *rng.integers(8, header, 150), weight, *rng.integers(header, len(content), 50)]:
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        # Spaces that fill the header up are the only bytes that mean nothing.
        if content[place:header].strip() == b"":
            continue
        checkpoint.write_bytes(changed)
        assert "damaged" in refusal(checkpoint), f"byte {place}, header of {header}"


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"PK\x03\x04", b"{}", bytes(100), b"\xff" * 100])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert "damaged or not written by Treadle" in refusal(tmp_path / "file")


def test_a_folder_in_the_place_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    assert "damaged or not written by Treadle" in refusal(tmp_path)


def test_weights_alone_are_no_checkpoint(tmp_path: Path) -> None:
    save_file(make_model().state_dict(), tmp_path / "model.safetensors")
    assert "not written by Treadle" in refusal(tmp_path / "model.safetensors")


@pytest.mark.parametrize("state", [{}, [], 3, {"format": 99}])
def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path, state: Any) -> None:
    save_state(tmp_path / "state", state)
    assert "no checkpoint of this version" in refusal(tmp_path / "state")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_state(tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "value", "before"),
    [
        ("epochs", 5, "4"),
        ("optimizer", "sgd", "'adamw'"),
        ("learning_rate", 0.02, "0.01"),
        ("weight_decay", 0.0, "0.01"),
        ("schedule", "cosine", "'one-cycle'"),
        ("clip_norm", 2.0, "1.0"),
        ("seed", 9, "0"),
        ("precision", "bfloat16", "'float32'"),
    ],
)
def test_other_settings_are_named_with_both_values(checkpoint: Path, name: str, value: Any, before: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"the run was started with {name} {before}, not {value!r}")):
        resume(checkpoint, **{name: value})


def test_how_often_it_is_saved_may_change(checkpoint: Path) -> None:
    resume(checkpoint, checkpoint_seconds=1e6)


@pytest.mark.parametrize(
    "model", [make_model(hidden=9), make_model(hidden=8)[:3], torch.nn.Linear(6, 3)], ids=["wider", "shorter", "other"]
)
def test_another_model_is_refused(checkpoint: Path, model: torch.nn.Module) -> None:
    with pytest.raises(InputError, match=r"does not fit the model .* gives; train anew in another folder$"):
        fit(make_objective(model), settings(), checkpoint=checkpoint, resume=True)


def test_more_data_than_before_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match="was written by a run of 24 steps, the present data gives 32"):
        fit(make_objective(rows=60), settings(), checkpoint=checkpoint, resume=True)


def test_resume_without_a_checkpoint_starts_at_the_beginning(tmp_path: Path) -> None:
    _, history = train(checkpoint=tmp_path / "none", resume=True)
    _, expected = train()
    assert history == expected


def test_without_resume_an_old_checkpoint_is_not_looked_at(checkpoint: Path) -> None:
    checkpoint.write_bytes(b"rubbish")
    _, history = train(checkpoint=checkpoint)
    assert len(history) == 4


def test_a_run_that_ends_before_a_checkpoint_is_due_leaves_one(tmp_path: Path) -> None:
    """So that a run can be told from one that never began, and what ended is not learnt again."""
    _, expected = train(checkpoint=tmp_path / "last", checkpoint_seconds=3600)
    written = (tmp_path / "last").read_bytes()
    _, history = train(checkpoint=tmp_path / "last", checkpoint_seconds=3600, resume=True)
    assert history == expected
    assert (tmp_path / "last").read_bytes() == written


def test_stopped_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        fit(make_objective(), settings(), progress=Watch(lambda step: signal.raise_signal(signal.SIGINT)))
    assert caught.value.checkpoint is None
    assert caught.value.step == 1


def test_a_checkpoint_is_readable_by_anyone_and_no_pickle(checkpoint: Path) -> None:
    """safetensors opens it, its header is JSON, and no pickle begins anywhere in it."""
    content = checkpoint.read_bytes()
    tensors = load_file(checkpoint)
    assert any(tensor.shape == (8, 6) for tensor in tensors.values())
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert isinstance(json.loads(header["__metadata__"]["treadle"]), dict)
    assert not is_pickle(content)


def is_pickle(content: bytes) -> bool:
    """Whether the bytes, from their start, are a pickle program, or a zip archive as torch.save writes it."""
    if content[:2] == b"PK":
        return True
    try:
        return sum(1 for _ in pickletools.genops(content)) > 1
    except (ValueError, EOFError, UnicodeDecodeError, OverflowError):
        return False


def test_the_check_for_pickles_finds_them(tmp_path: Path) -> None:
    import pickle

    torch.save({"a": 1}, tmp_path / "new")
    assert is_pickle((tmp_path / "new").read_bytes())
    assert all(is_pickle(pickle.dumps({"a": [1]}, protocol)) for protocol in range(6))
