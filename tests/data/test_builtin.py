"""Built-in data: as their sources give them, the same on every machine, without a row of training in test."""

import json
import re
import sys
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dateutil import parser

from treadle.data.builtin import DATASETS, load
from treadle.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"
VOWELS = SHARED / "series_classification" / "JapaneseVowels"
CLASSIC = SHARED / "series" / "classic"


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"{path} is not on this machine")


@pytest.mark.parametrize("name", DATASETS)
def test_every_part_has_rows_and_the_same_columns(name: str) -> None:
    dataset = DATASETS[name]
    rows = dataset.rows()
    assert tuple(rows) == dataset.splits
    assert {"train", "test"} <= set(rows)
    columns = {split: list(load(name, split).columns) for split in rows}
    for split, count in rows.items():
        assert len(load(name, split)) == count > 0
        assert columns[split] == columns["train"]
    assert load(name).source == f"{name}/train"
    assert ("generated" if dataset.generated else "real") in load(name).note


@pytest.mark.parametrize("name", ["pydocs", "dates", "commands"])
def test_no_text_is_in_two_parts(name: str) -> None:
    texts = [text for split in DATASETS[name].splits for text in load(name, split).columns["text"]]
    assert len(set(texts)) == len(texts)


def test_vowels_is_the_official_split() -> None:
    train, test = load("vowels"), load("vowels", "test")
    assert (len(train), len(test)) == (270, 370)
    # 30 rows a speaker in training; in test as the archive's description counts them.
    assert [train.columns["label"].count(str(speaker)) for speaker in range(1, 10)] == [30] * 9
    expected = [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert [test.columns["label"].count(str(speaker)) for speaker in range(1, 10)] == expected
    lengths = [len(series) for series in train.columns["series"] + test.columns["series"]]
    assert (min(lengths), max(lengths)) == (7, 29)
    assert all(series.shape[1] == 12 for series in train.columns["series"])


@pytest.mark.data
@needs(VOWELS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_vowels_has_every_figure_of_the_archive(split: str) -> None:
    lines = (VOWELS / f"JapaneseVowels_{split.upper()}.ts").read_text().splitlines()
    rows = [line.split(":") for line in lines if line and line[0] not in "#@"]
    table = load("vowels", split)
    assert table.columns["label"] == [row[-1] for row in rows]
    for series, row in zip(table.columns["series"], rows, strict=True):
        np.testing.assert_array_equal(series.T, [[float(x) for x in channel.split(",")] for channel in row[:-1]])


@pytest.mark.data
@needs(CLASSIC)
@pytest.mark.parametrize(
    ("name", "file"), [("airline", "airline-passengers.csv"), ("sunspots", "monthly-sunspots.csv")]
)
def test_monthly_series_have_every_figure_of_the_source(name: str, file: str) -> None:
    lines = [line.replace('"', "").split(",") for line in (CLASSIC / file).read_text().split()[1:]]
    parts = [load(name, split).columns for split in ("train", "test")]
    assert [f"{line[0]}-01" for line in lines] == [ds for part in parts for ds in part["ds"]]
    assert [float(line[1]) for line in lines] == [y for part in parts for y in part["y"]]


@pytest.mark.parametrize(("name", "first", "last"), [("airline", 112.0, 432.0), ("sunspots", 58.0, 33.4)])
def test_monthly_series_are_cut_in_time(name: str, first: float, last: float) -> None:
    train, test = load(name).columns, load(name, "test").columns
    months = train["ds"] + test["ds"]
    assert months == sorted(set(months))
    assert len(test["ds"]) % 12 == 0
    assert set(train["unique_id"]) == {name}
    assert (train["y"][0], test["y"][-1]) == (first, last)


def test_pydocs_is_the_text_of_this_python() -> None:
    from pydoc_data.topics import topics

    table = load("pydocs", "test")
    for text, topic in zip(table.columns["text"], table.columns["topic"], strict=True):
        assert text in topics[topic]
    labels = load("pydocs").columns["label"]
    assert len(set(labels)) >= 6
    assert min(labels.count(label) for label in set(labels) - {"other"}) >= 50


def test_a_python_without_its_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(InputError, match="without its documentation"):
        load("pydocs")


class _Pivot(parser.parserinfo):
    """The reading of two-digit years that the data set states: 1950 to 2049."""

    def convertyear(self, year: int, century_specified: bool = False) -> int:
        return year if century_specified or year >= 100 else year + (2000 if year < 50 else 1900)


def test_dates_mean_what_the_target_says() -> None:
    table = load("dates")
    roman = 0
    for text, target in zip(table.columns["text"], table.columns["target"], strict=True):
        if re.search(r"\d\. [ivx]+\. \d", text, re.IGNORECASE):
            roman += 1
            continue
        # Between dots the day stands first, between slashes the month.
        day_first = re.fullmatch(r"\d+\.\d+\.\d+", text) is not None
        read = parser.parse(text, parserinfo=_Pivot(dayfirst=day_first), fuzzy=True)
        assert read.date().isoformat() == target, text
    assert 200 < roman < 500


def test_dates_in_roman_months() -> None:
    months = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}
    months |= {"xi": 11, "xii": 12}
    for text, target in zip(*load("dates", "test").columns.values(), strict=True):
        if found := re.fullmatch(r"(\d+)\. ([ivx]+)\. (\d{4})", text.lower()):
            assert f"{found[3]}-{months[found[2]]:02d}-{int(found[1]):02d}" == target


def test_no_day_of_the_test_part_is_trained_on() -> None:
    days = [target for split in ("train", "dev", "test") for target in load("dates", split).columns["target"]]
    assert len(set(days)) == len(days) == 12_000


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_commands_are_tagged_soundly(split: str) -> None:
    table = load("commands", split)
    for text, tokens, slots in zip(*(table.columns[name] for name in ("text", "tokens", "slots")), strict=True):
        assert tokens == text.split(" ")
        assert len(tokens) == len(slots)
        assert not re.search(r"[{}<>]", text)
        for before, tag in pairwise(["O", *slots]):
            if tag.startswith("I-"):
                assert before[2:] == tag[2:], text
    assert len(set(table.columns["intent"])) == 9


def test_commands_test_on_values_that_training_does_not_hold() -> None:
    def places(split: str) -> set[str]:
        found = set()
        for tokens, slots in zip(*(load("commands", split).columns[name] for name in ("tokens", "slots")), strict=True):
            words = [token for token, tag in zip(tokens, slots, strict=True) if tag == "B-place"]
            found |= set(words)
        return found

    assert "nairobi" in places("test") - places("train")
    assert places("train") <= places("test") | places("dev")


def test_the_drifting_series_has_three_laws_and_noise_of_the_size_that_is_stated() -> None:
    y = np.array([value for split in ("train", "test") for value in load("drift", split).columns["y"]])

    def regressors(start: int, end: int, period: int) -> Any:
        angle = 2 * np.pi * np.arange(start, end) / period
        waves = [f(k * angle) for k in (1, 2) for f in (np.sin, np.cos)]
        return np.stack([np.ones(end - start), y[start - 1 : end - 1], y[start - 2 : end - 2], *waves], 1)

    fitted = {}
    for start, end, period in ((2, 10_000, 24), (10_100, 15_000, 40), (16_100, 20_000, 16)):
        X = regressors(start, end, period)
        fitted[start] = np.linalg.lstsq(X, y[start:end], rcond=None)[0]
        assert np.std(y[start:end] - X @ fitted[start]) == pytest.approx(0.3, rel=0.03)
    old = regressors(10_100, 15_000, 24) @ fitted[2]
    assert np.sqrt(np.mean((old - y[10_100:15_000]) ** 2)) > 1.0  # what was learnt before is of no use after


@pytest.mark.parametrize(("name", "expected"), [("dates", 0x072C8AE1), ("commands", 0x279534BF), ("drift", 0xD2D6E561)])
def test_generated_data_never_change(name: str, expected: int) -> None:
    # A model folder names its data by name; figures in the docs are measured on these very rows.
    parts = [load(name, split).columns for split in DATASETS[name].splits]
    assert zlib.crc32(json.dumps(parts).encode()) == expected


def test_misspelt_names_are_corrected() -> None:
    with pytest.raises(InputError, match="did you mean 'vowels'"):
        load("vowel")
    with pytest.raises(InputError, match="no part 'dev'; valid names: test, train"):
        load("vowels", "dev")
