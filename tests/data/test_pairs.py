"""Pairs from tables and from parallel files, and what is said of those that do not fit."""

import gzip
from pathlib import Path

import pytest

from treadle.data.pairs import find_parallel, pairs_of_table, read_pairs, read_parallel
from treadle.data.table import Table
from treadle.errors import InputError


def parallel(folder: Path, source: str, target: str) -> Path:
    (folder / "train.en").write_text(source, encoding="utf-8")
    (folder / "train.de").write_text(target, encoding="utf-8")
    return folder / "train"


def test_lines_of_parallel_files_belong_together(tmp_path):
    stem = parallel(tmp_path, "one\ntwo words\n", "eins\nzwei Wörter")
    files = find_parallel(stem, "en", "de")
    assert files == (tmp_path / "train.en", tmp_path / "train.de")
    pairs = read_parallel(*files)
    assert (pairs.sources, pairs.targets) == (["one", "two words"], ["eins", "zwei Wörter"])
    assert pairs.places[1].endswith("train.en, line 2")
    assert pairs.take([1]).targets == ["zwei Wörter"]
    with gzip.open(tmp_path / "dev.en.gz", "wt") as file:
        file.write("three\n")
    assert find_parallel(tmp_path / "dev", "en", "de") == (tmp_path / "dev.en.gz", None)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("a\nb\nc\n", "x\ny\n", r"train.en has 3 lines and .*train.de 2, expected equally many"),
        ("a\n\nc\n", "x\ny\nz\n", r"train.en, line 2: empty, expected a text; leave the line out of both files"),
        ("a\nb\n", "x\n \n", r"train.de, line 2: empty, expected a text"),
        ("", "", r"train.en, line 1: empty"),
    ],
)
def test_parallel_files_that_do_not_fit_are_one_sentence(tmp_path, source, target, said):
    stem = parallel(tmp_path, source, target)
    with pytest.raises(InputError, match=said):
        read_parallel(f"{stem}.en", f"{stem}.de")


def test_columns_are_taken_by_name_and_else_by_place():
    columns = {"id": [1, 2], "target": ["c", "d"], "note": ["n", "m"], "source": ["a", "b"]}
    pairs = pairs_of_table(Table(columns))
    assert (pairs.sources, pairs.targets, pairs.note) == (["a", "b"], ["c", "d"], "'source' to 'target', 2 pairs")
    placed = pairs_of_table(Table({"en": ["a"], "de": ["c"], "by": ["x"]}))
    assert (placed.sources, placed.targets) == (["a"], ["c"])
    turned = pairs_of_table(Table({"en": ["a"], "de": ["c"]}), source="de")
    assert (turned.sources, turned.targets) == (["c"], ["a"])
    assert pairs_of_table(Table({"en": ["a", ""], "de": ["c", 3]}), paired=False).sources == ["a", ""]


def test_a_file_of_three_columns_without_a_header(tmp_path):
    path = tmp_path / "cmn.txt"
    path.write_text("Hi.\t嗨。\tby A\nRun!\t跑！\tby B\nHi.\t你好。\tby A\n", encoding="utf-8")
    pairs = read_pairs(path, source="column2", target="column1", format="tsv", header=False)
    assert (pairs.sources[1], pairs.targets) == ("跑！", ["Hi.", "Run!", "Hi."])
    assert pairs.places[2].endswith("cmn.txt, line 3")


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"en": ["a", ""], "de": ["c", "d"]}, {}, r"row 1 .*, column 'en': empty, expected a text; leave the row out"),
        ({"en": ["a"], "de": [3]}, {"target": "de"}, "column 'de': found 3, expected a text"),
        ({"en": ["a"]}, {}, "no column holds texts beside 'en'"),
        ({"x": [1]}, {}, "no column holds texts only, expected one to read; name it with --input"),
        ({"en": ["a"], "de": ["b"]}, {"source": "en", "target": "en"}, "given as input and target"),
        ({"en": ["a"], "de": ["b"]}, {"source": "fr"}, "there is no column 'fr'"),
        ({"en": [], "de": []}, {}, "found no pair"),
    ],
)
def test_tables_that_hold_no_pairs_are_one_sentence(columns, options, said):
    with pytest.raises(InputError, match=said):
        pairs_of_table(Table(columns), **options)
