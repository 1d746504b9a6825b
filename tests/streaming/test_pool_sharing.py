"""A pool among others: threads that share it, folders that another has used, keys that NumPy gives."""

import copy
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from treadle.errors import InputError
from treadle.nn import Stack
from treadle.streaming import Stream, StreamPool

ONES = np.ones((1, 3))


def layers() -> Stack:
    torch.manual_seed(0)
    return Stack("lstm", 3, 5)


def used_folder(folder: Path) -> Stack:
    """A pool was saved: "bob" is in memory and "alice", who took five steps, on disk."""
    model = layers()
    pool = StreamPool(model, limit=1, folder=folder / "idle")
    for _ in range(5):
        pool.step(["alice"], ONES)
    pool.step(["bob"], ONES)
    pool.save(folder / "pool")
    return model


@pytest.mark.parametrize("limit", [100, 2])
def test_threads_that_step_each_its_own_key_get_the_answers_of_streams_that_are_alone(
    limit: int, tmp_path: Path
) -> None:
    model, x = layers(), np.random.default_rng(0).normal(size=(8, 150, 3))
    pool, last = StreamPool(model, limit=limit, folder=tmp_path / "idle"), {}
    failed: list[BaseException] = []

    def work(key: int) -> None:
        try:
            for number, one in enumerate(x[key]):
                last[key] = pool.step([key], one[None])[0]
                assert pool.steps(key) == number + 1
                assert key in pool
                if number % 50 == 0:
                    pool.save(tmp_path / f"pool {key}")
                    assert key in list(pool)
        except BaseException as error:
            failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(key,)) for key in range(len(x))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failed
    for key, steps in enumerate(x):
        alone = Stream(model)
        for one in steps:
            expected = alone.step(one)
        np.testing.assert_allclose(last[key], expected, rtol=0, atol=1e-6)


def test_a_folder_with_idle_streams_is_refused_until_they_are_restored(tmp_path: Path) -> None:
    model = used_folder(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "idle").iterdir()}
    second = StreamPool(model, limit=1, folder=tmp_path / "idle")
    with pytest.raises(InputError, match="idle: holds the idle streams of an earlier pool; restore its last save"):
        second.step(["carol"], ONES)
    assert len(second) == 0
    assert {path: path.read_bytes() for path in (tmp_path / "idle").iterdir()} == before
    second.restore(tmp_path / "pool")
    second.step(["carol"], ONES)
    assert second.steps("alice") == 5
    assert sorted(second) == ["alice", "bob", "carol"]


def test_a_folder_that_was_emptied_meanwhile_is_taken(tmp_path: Path) -> None:
    model = used_folder(tmp_path)
    pool = StreamPool(model, limit=1, folder=tmp_path / "idle")
    for path in (tmp_path / "idle").iterdir():
        path.unlink()
    pool.step(["carol"], ONES)
    pool.step(["dave"], ONES)
    assert pool.steps("carol") == 1


def test_the_file_of_another_key_is_refused(tmp_path: Path) -> None:
    model = layers()
    first, second = (StreamPool(model, limit=1, folder=tmp_path) for _ in range(2))  # against the rule, at once
    for pool, key in ((first, "alice"), (second, "carol")):
        pool.step([key], ONES)
    for pool in (first, second):
        pool.step(["bob"], ONES)
    with pytest.raises(
        InputError, match=r"safetensors: holds the stream 'carol', expected 'alice'; a folder is of one"
    ):
        first.steps("alice")
    assert sorted(first) == ["alice", "bob"]
    assert second.steps("carol") == 1


def test_a_save_that_a_later_one_has_replaced_is_refused_as_that(tmp_path: Path) -> None:
    pool = StreamPool(layers(), limit=1, folder=tmp_path / "idle")
    for name in "ab":
        for key in "xyz":
            pool.step([key], ONES)
        pool.save(tmp_path / name)
    with pytest.raises(
        InputError, match="there is no such file, expected the idle stream 'x'; idle streams of a save are kept until"
    ):
        pool.restore(tmp_path / "a")
    pool.restore(tmp_path / "b")
    assert [pool.steps(key) for key in "xyz"] == [2, 2, 2]


def test_keys_of_numpy_are_the_values_that_they_stand_for(tmp_path: Path) -> None:
    pool = StreamPool(layers())
    pool.step(np.array([1, 2]), np.ones((2, 3)))
    pool.step([1, np.int32(2)], np.ones((2, 3)))
    pool.step(np.array(["a", "b"]), np.ones((2, 3)))
    pool.step(["a", np.str_("b")], np.ones((2, 3)))
    assert list(pool) == [1, 2, "a", "b"]
    assert {type(key) for key in pool} == {int, str}
    assert [pool.steps(key) for key in pool] == [2] * 4
    assert pool.steps(np.uint8(1)) == 2
    assert np.int64(1) in pool
    pool.save(tmp_path / "pool")
    pool.close(np.int64(2))
    pool.close(np.str_("b"))
    assert list(pool) == [1, "a"]
    pool.restore(tmp_path / "pool")
    assert list(pool) == [1, 2, "a", "b"]
    for keys, found in (([1, np.int64(1)], "the key 1 stands twice"), ([np.float64(1)], "found np.float64"),
                        ([np.bool_(True)], "found np.True_"), (np.ones((1, 2), int), "found array")):  # fmt: skip
        with pytest.raises(InputError, match=found):
            pool.step(keys, np.ones((len(keys), 3)))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps, copy.copy])
def test_a_copy_that_would_share_memory_is_refused(copied: Any) -> None:
    with pytest.raises(InputError, match="a pool is not copied or pickled; save it and restore the save in another"):
        copied(StreamPool(layers()))
    with pytest.raises(InputError, match="a stream is not copied or pickled; give its snapshot to another"):
        copied(Stream(layers()))
