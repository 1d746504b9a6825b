"""Which rows of a run the model, its choice of an epoch and the baseline see: one rule for all tasks."""

import json
from pathlib import Path
from typing import Any

import pytest

from treadle.tasks.language import work as of_language
from treadle.tasks.run import start_run
from treadle.tasks.sequence import work as of_sequences
from treadle.tasks.source import DataSource
from treadle.tasks.tagging import work as of_tags

ROWS = 20


def written(folder: Path, task: str) -> Path:
    """A file of twenty rows."""
    rows: dict[str, Any] = {
        "classify": [{"text": f"{word} film", "label": word} for word in ("fine", "dull")],
        "tag": [{"tokens": ["in", "Rome"], "tags": ["O", "B-LOC"]}, {"tokens": ["Oslo"], "tags": ["B-LOC"]}],
        "language-model": [{"text": "aaaa"}, {"text": "bbbb"}],
    }
    path = folder / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, rows[task] * (ROWS // 2))))
    return path


class Stop(Exception):  # noqa: N818 (nothing went wrong)
    """Raised when the baseline has been given its rows."""


@pytest.mark.parametrize("with_test", [True, False], ids=["with a test part", "without"])
@pytest.mark.parametrize("task", ["classify", "tag", "language-model"])
def test_the_baseline_learns_from_dev_rows_exactly_when_there_is_a_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, with_test: bool
) -> None:
    given: list[Any] = []

    def spy(_: Any, rows: Any, others: Any) -> None:
        given.extend([len(rows), list(others)])
        raise Stop

    for module, name in ((of_sequences, "fit_baselines"), (of_tags, "fit_baseline"), (of_language, "fit_baseline")):
        monkeypatch.setattr(module, name, spy)
    path = written(tmp_path, task)
    source = DataSource(str(path), test=str(path) if with_test else None, task=task)
    with pytest.raises(Stop):
        start_run(source, {"epochs": 1, "hidden_size": 4, "dev_fraction": 0.2}, tmp_path / "run")
    assert given == ([ROWS, ["test"]] if with_test else [ROWS - 4, ["dev"]])


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("task", ["classify", "tag"])
def test_the_baseline_learns_from_a_dev_file_exactly_when_the_model_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, refit: bool
) -> None:
    given: list[int] = []

    def spy(_: Any, rows: Any, *__: Any) -> None:
        given.append(len(rows))
        raise Stop

    for module, name in ((of_sequences, "fit_baselines"), (of_tags, "fit_baseline")):
        monkeypatch.setattr(module, name, spy)
    path = str(written(tmp_path, task))
    arguments = {"epochs": 1, "hidden_size": 4, "refit": refit}
    for number, test in enumerate((path, None)):
        with pytest.raises(Stop):
            start_run(DataSource(path, dev=path, test=test, task=task), arguments, tmp_path / f"run{number}")
    assert given == [2 * ROWS if refit else ROWS, ROWS]


def test_built_in_data_brings_its_own_dev_and_test_part() -> None:
    place = "builtin:pydocs"
    assert DataSource(place).others() == {"dev": place, "test": place}
    assert DataSource(place, dev="mine.txt").others() == {"dev": "mine.txt", "test": place}
    assert DataSource("builtin:vowels").others() == {"test": "builtin:vowels"}
    assert DataSource("mine.txt").others() == {}


def test_dev_rows_that_are_the_training_rows_are_said_to_be(tmp_path: Path) -> None:
    path = str(written(tmp_path, "classify"))
    said: list[str] = []
    for number, dev in enumerate((path, None)):
        said.clear()
        start_run(DataSource(path, dev=dev), {"epochs": 1, "hidden_size": 4}, tmp_path / str(number), say=said.append)
        assert any("the training rows themselves" in line for line in said) is (dev is not None)
