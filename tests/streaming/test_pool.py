"""Keyed streams: each as if alone, idle ones on disk and back, saved and restored after a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from treadle.errors import InputError
from treadle.nn import Stack
from treadle.streaming import Stream, StreamPool, pool

Array = np.ndarray[Any, Any]


def layers(seed: int = 0) -> Stack:
    torch.manual_seed(seed)
    return Stack("lstm", 3, 5, num_layers=2)


def alone(model: Stack, steps: Array) -> Array:
    stream = Stream(model)
    return np.stack([stream.step(step) for step in steps])


def random_batches(streams: int, batches: int, seed: int = 0) -> list[tuple[list[int], Array]]:
    """Batches of a random part of the streams, in random order."""
    random = np.random.default_rng(seed)
    chosen = [random.permutation(streams)[: random.integers(1, streams + 1)].tolist() for _ in range(batches)]
    return [(keys, random.normal(size=(len(keys), 3))) for keys in chosen]


def gone_through(
    streams: StreamPool, batches: list[tuple[list[int], Array]]
) -> dict[int, tuple[list[Array], list[Array]]]:
    """What every stream has read and answered."""
    seen: dict[int, tuple[list[Array], list[Array]]] = {}
    for keys, x in batches:
        for key, step, answer in zip(keys, x, streams.step(keys, x), strict=True):
            read, answered = seen.setdefault(key, ([], []))
            read.append(step)
            answered.append(answer)
    return seen


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("limit", [100, 7])
def test_a_stream_of_a_pool_is_as_if_alone_whoever_shares_the_batch(
    limit: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "BATCH", 4)  # so that batches are in parts
    model = layers()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    streams = StreamPool(model, limit=limit, folder=tmp_path)
    batches = [(keys[:7], x[:7]) for keys, x in random_batches(20, 30)]
    seen = gone_through(streams, batches)
    assert len(seen) == len(streams) == 20
    assert sorted(streams) == sorted(seen)
    assert bool(list(tmp_path.iterdir())) == (limit == 7)
    for key, (read, answered) in seen.items():
        np.testing.assert_allclose(np.stack(answered), alone(model, np.stack(read)), rtol=0, atol=1e-5)
        assert streams.steps(key) == len(read)


def test_many_rows_on_two_threads_are_as_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = layers(), np.random.default_rng(0).normal(size=(3, 200, 3))
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        streams = StreamPool(model)
        found.append(np.stack([streams.step(range(rows), x[t, :rows]) for t, rows in enumerate([200] * 3)]))
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[0][:, 150], alone(model, x[:, 150]), rtol=0, atol=1e-5)


def test_idle_streams_come_back_to_the_last_bit(tmp_path: Path) -> None:
    model, batches = layers(), [([key], x) for keys, x in random_batches(6, 12) for key, x in [(keys[0], x[:1])]]
    roomy = gone_through(StreamPool(model, limit=100), batches)
    narrow = gone_through(StreamPool(model, limit=2, folder=tmp_path), batches)
    for key, (_, answered) in roomy.items():
        np.testing.assert_array_equal(np.stack(answered), np.stack(narrow[key][1]))


def test_without_a_folder_nothing_is_lost_in_silence() -> None:
    streams = StreamPool(layers(), limit=2)
    streams.step(["a", "b"], np.ones((2, 3)))
    before = streams.state("a")
    with pytest.raises(InputError, match="2 streams may be open; close some, or give the pool a folder"):
        streams.step(["a", "c"], np.ones((2, 3)))
    assert all((streams.state("a")[name] == field).all() for name, field in before.items())
    streams.close("b")
    streams.step(["c"], np.ones((1, 3)))
    assert sorted(streams) == ["a", "c"]


def test_a_closed_stream_begins_anew() -> None:
    streams = StreamPool(layers())
    first = streams.step([1], [[1, 2, 3]])
    streams.step([1], [[3, 2, 1]])
    streams.close(1)
    assert 1 not in streams
    np.testing.assert_array_equal(streams.step([1], [[1, 2, 3]]), first)
    with pytest.raises(InputError, match="there is no stream 2"):
        streams.close(2)
    with pytest.raises(InputError, match="there is no stream 'x'"):
        streams.state("x")
    for method in (streams.close, streams.state, streams.steps):
        with pytest.raises(InputError, match="the key of a stream is a text or a whole number, found \\['x'\\]"):
            method(["x"])


@pytest.mark.parametrize("limit", [1.5, "x", 0, None, True])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(InputError) as refused:
        StreamPool(layers(), limit=limit)
    assert str(refused.value) == f"limit is a whole number of streams, at least 1, found {limit!r}"


@pytest.mark.parametrize("folder", [5, ""])
def test_a_folder_is_a_path(folder: Any) -> None:
    with pytest.raises(InputError, match=f"folder is a path for idle streams, found {folder!r}"):
        StreamPool(layers(), folder=folder)


def test_a_file_is_no_folder_for_idle_streams(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError) as refused:
            StreamPool(layers(), folder=folder)
        assert str(refused.value).startswith(f"{folder}: cannot be a folder for idle streams (")


BAD: dict[str, tuple[Any, Any, str]] = {
    "width": (["a", "b"], [[1, 2, 3], [1, 2]], "step 2: a step of this stream is 3 numbers, found 2 numbers"),
    "text": (["a", "b"], [[1, 2, 3], "x"], "step 2: a step of this stream is 3 numbers, found 'x'"),
    "array width": (["a", "b"], np.ones((2, 4)), "a step of this stream is 3 numbers, found"),
    "not a number": (["a", "b"], np.array([[1, 2, 3], [1, np.nan, 3]]), "channel 2 of step 2 holds no number"),
    "twice": (["a", "a"], np.ones((2, 3)), "the key 'a' stands twice in one batch"),
    "key": ([1.5, "a"], np.ones((2, 3)), "the key of a stream is a text or a whole number, found 1.5"),
    "no key": ([None, "a"], np.ones((2, 3)), "the key of a stream is a text or a whole number, found None"),
    "a list as a key": ([["a"], "b"], np.ones((2, 3)), "the key of a stream is a text or a whole number, found .'a'."),
    "no keys": (5, np.ones((2, 3)), "the keys of a batch come as a list, one for each stream, found 5"),
    "a text for keys": ("ab", np.ones((2, 3)), "the keys of a batch come as a list, one for each stream, found 'ab'"),
    "no steps": (["a"], 5, "the steps of a batch come as a list, one for each stream, found 5"),
    "a text for steps": (["a"], "x", "the steps of a batch come as a list, one for each stream, found 'x'"),
    "counts": (["a"], np.ones((2, 3)), "there are 1 key and 2 steps, expected a step for each key"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_step_in_a_batch_leaves_every_stream_as_it_was(name: str) -> None:
    keys, steps, sentence = BAD[name]
    streams = StreamPool(layers())
    streams.step(["a"], np.ones((1, 3)))
    before = streams.state("a")
    with pytest.raises(InputError, match=sentence):
        streams.step(keys, steps)
    assert list(streams) == ["a"]
    assert all((streams.state("a")[name] == field).all() for name, field in before.items())


def test_an_empty_batch_is_nothing() -> None:
    streams = StreamPool(layers())
    assert list(streams.step([], [])) == []
    assert len(streams) == 0


def go_through(folder: Path, kill_at: int | None = None) -> Iterator[tuple[str, str]]:
    """Number and answers of batches in three parts each, saved every third batch, from the last save on."""
    streams = StreamPool(layers(), limit=4, folder=folder / "idle")
    done = streams.restore(folder / "pool")["batches"] if (folder / "pool").exists() else 0
    for number, (keys, x) in list(enumerate(random_batches(9, 20)))[done:]:
        for place in range(0, len(keys), 3):
            answers = np.asarray(streams.step(keys[place : place + 3], x[place : place + 3]))
            yield f"{number}.{place}", answers.tobytes().hex()
        if number % 3 == 2:
            streams.save(folder / "pool", {"batches": number + 1})
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_a_killed_process_goes_on_from_its_last_save_with_the_same_answers(tmp_path: Path) -> None:
    program = "import sys, test_pool as t; [print(*a, flush=True) for a in t.go_through(t.Path(sys.argv[1]), 13)]"
    here = {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, str(tmp_path / "killed")]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **here})
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    first = dict(line.split() for line in ran.stdout.splitlines())
    second = dict(go_through(tmp_path / "killed"))
    whole = dict(go_through(tmp_path / "whole"))
    assert min(int(place.split(".")[0]) for place in second) == 12  # saved after the batches 0 to 11
    assert first.keys() | second.keys() == whole.keys()
    assert all(first[place] == whole[place] for place in first)
    assert all(second[place] == whole[place] for place in second)


def test_a_save_that_cannot_be_used_leaves_the_pool_as_it_is(tmp_path: Path) -> None:
    streams = StreamPool(layers(), limit=2, folder=tmp_path / "idle")
    for key in "abc":
        streams.step([key], np.ones((1, 3)))
    streams.save(tmp_path / "pool", {"line": 3})
    other = StreamPool(layers(1))
    other.step(["x"], np.ones((1, 3)))
    other.save(tmp_path / "other")
    (tmp_path / "broken").write_bytes((tmp_path / "pool").read_bytes()[:-5])
    for name, sentence in {
        "none": "there is no such file",
        "other": "belongs to another model",
        "broken": "damaged",
    }.items():
        with pytest.raises(InputError, match=sentence):
            streams.restore(tmp_path / name)
        assert sorted(streams) == ["a", "b", "c"]
    with pytest.raises(InputError, match="it has idle streams on disk, expected the folder that they are in"):
        StreamPool(layers()).restore(tmp_path / "pool")
    with pytest.raises(InputError, match="it holds 2 streams, expected at most the limit of 1"):
        StreamPool(layers(), limit=1, folder=tmp_path / "idle").restore(tmp_path / "pool")
    next((tmp_path / "idle").iterdir()).unlink()
    with pytest.raises(InputError, match="there is no such file, expected the idle stream 'a'"):
        streams.restore(tmp_path / "pool")
    assert sorted(streams) == ["a", "b", "c"]


def test_files_of_idle_streams_are_kept_as_long_as_a_save_needs_them_and_no_longer(tmp_path: Path) -> None:
    streams = StreamPool(layers(), limit=1, folder=tmp_path / "idle")
    streams.step(["a"], np.ones((1, 3)))
    streams.step(["b"], np.ones((1, 3)))
    streams.save(tmp_path / "pool")
    for round_ in range(5):
        streams.step(["ab"[round_ % 2]], np.ones((1, 3)))
    assert len(list((tmp_path / "idle").iterdir())) == 2  # that of the save, and that of now
    streams.save(tmp_path / "pool")
    assert len(list((tmp_path / "idle").iterdir())) == 1
    streams.close("a")
    streams.close("b")
    streams.save(tmp_path / "pool")
    assert not list((tmp_path / "idle").iterdir())


def test_memory_of_a_stream_is_its_state() -> None:
    streams = StreamPool(Stack("lstm", 8, 64))
    assert streams.bytes_per_stream == 2 * 64 * 4 + 8 + 8  # two vectors in float32, the count of steps, the last use
    streams.step(range(1000), np.ones((1000, 8)))
    held = sum(field.nbytes for field in streams._states.fields.values())
    assert held <= 2 * 1000 * streams.bytes_per_stream
