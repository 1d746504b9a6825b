"""What is wrong with a file is said in one sentence that names the place, what was found and what was expected."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from treadle.data.readers import read
from treadle.errors import InputError

TS = "@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"


def refusal(source: object, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read(source, **options)  # type: ignore[arg-type]  # wrong options are what is tested
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "empty.csv: the file is empty, expected rows"),
        ("blank.csv", b"\n\n  \n", "blank.csv: the file is empty, expected rows"),
        ("bom.csv", b"\xef\xbb\xbf", "bom.csv: the file is empty"),
        ("empty.jsonl", b"\n", "the file is empty, expected JSON"),
        ("empty.txt", b" \n", "the file is empty, expected a text a line"),
        ("empty.fa", b"", "the file holds no sequence"),
        ("empty.ts", b"", "the line '@data' was not found"),
        ("empty.parquet", b"", "not a readable Parquet file"),
        ("h.csv", b"text,label\n", r"h.csv, line 1: only a header was found ('text', 'label'), expected rows"),
        ("h.ts", TS.encode(), "no row was found below '@data'"),
        ("few.csv", b"text,label\na,1\nb\nc,0\n", "few.csv, line 3: found 1 field, expected 2"),
        ("many.csv", b'text,label\n"a\nb",1\nb,2,3\n', "many.csv, line 4: found 3 fields, expected 2"),
        ("few.tsv", b"1\t2\t3\t4\t5\n1\t2\t3\t4\n", "few.tsv, line 2: found 4 fields, expected 5"),
        ("twice.csv", b"text,text,label\na,b,1\n", "line 1: the column name 'text' occurs twice"),
        ("twice.jsonl", b'{"a": 1, "a": 2}\n{"a": 1}\n', "line 1: not usable JSON (the name 'a' occurs twice"),
        ("open.csv", b'text,label\na,1\n"b,2\nc,3\n', "open.csv, line 3: a quoted field opens here and is never"),
        ("after.csv", b'text,label\n"a"b,1\n', "after.csv, line 2: found text after a closing quote"),
        ("latin.csv", "text,label\nok,1\ncafé au lait,0\n".encode("latin-1"),
         "latin.csv, line 3, column 4: byte 0xe9 is not UTF-8; it looks like latin-1: name it with --encoding latin-1"),
        ("zh.csv", "评论,标签\n味道很好，下次还来,1\n太慢了，不推荐,0\n".encode("gb18030"),
         "line 1, column 1: byte 0xc6 is not UTF-8; it looks like gb18030: name it with --encoding gb18030"),
        ("binary.txt", bytes(range(32)), "line 1, column 1: found a NUL character, expected text"),
        ("wide.csv", "text,label\na,1\n".encode("utf-16-le"), "such as --encoding utf-16-le"),
        ("a.jsonl", b'{"a": 1}\n{"a": 2}\n{"a": }\n', "a.jsonl, line 3, column 7: not JSON"),
        ("b.jsonl", b'{"a": 1}\n{"a": [1\n', "b.jsonl, line 2, column 9: not JSON (Expecting ',' delimiter)"),
        ("first.jsonl", b'{"a": \n', "first.jsonl, line 2, column 1: not JSON"),
        ("list.jsonl", b'{"a": 1}\n[1]\n', "line 2: found a list, expected an object"),
        ("scalar.json", b"3", "line 1: found a number, expected an object"),
        ("rows.json", b'[{"a": 1}, 2]', "row 1 (counted from 0): found a number, expected an object"),
        ("none.json", b"[]", "found an empty list, expected a list of objects"),
        ("deep.json", b"[" * 100_000, "nested too deeply"),
        ("half.jsonl", b'{"a": "\\ud83d"}\n', "line 1: a \\u escape names half of a surrogate pair"),
        ("half_first.jsonl", b'{"a": "\\ud83d"}\n{"a": "b"}\n', "line 1: a \\u escape names half of a surrogate pair"),
        ("nothing.jsonl", b"{}\n{}\n", "the objects are empty"),
        ("cut.csv.gz", gzip.compress(b"text,label\n" + b"abc,1\n" * 5000)[:-20], "the gzip data is damaged"),
        ("not.parquet", b"PAR1 and more text PAR1", "not.parquet: not a readable Parquet file"),
        ("a.npz", b"PK\x03\x04....", "found a NumPy file, expected one of csv"),
        ("a.arff", b"@relation a\n@attribute x numeric\n@attribute class {a,b}\n@data\n1,a\n2,b\n",
         "a.arff, line 2: the file is ARFF, which is not read; save it as CSV or .ts"),
        ("book.xlsx", b"PK\x03\x04....", "found a zip archive or spreadsheet (.xlsx), expected one of csv"),
        ("model.pkl", b"\x80\x04\x95....", "a pickle, which could run code and is never opened"),
        ("all.tar.gz", gzip.compress(b"x" * 257 + b"ustar" + b"\0" * 250), "found a tar archive"),
        ("one.lines", b"__label__a text\nno label\n", "one.lines, line 2: found 'no', expected __label__LABEL"),
        ("two.lines", b"__label__a text\n__label__b\n", "two.lines, line 2: found no text after '__label__b'"),
        ("early.fa", b"ACGT\n>a\nACGT\n", "early.fa, line 1: found 'ACGT', expected a header '>name' first"),
        ("gap.fa", b">a\n>b\nACGT\n", "gap.fa, line 1: no sequence follows the header '>a'"),
        ("channels.ts", f"{TS}1,2:3,4:a\n1,2:b\n".encode(), "channels.ts, line 6: found 1 channels, expected 2"),
        ("steps.ts", f"{TS}1,2:3:a\n".encode(), "line 5: channel 2 has 1 steps, expected 2 as in channel 1"),
        ("word.ts", f"{TS}1,2:3,x:a\n".encode(), "line 5: channel 2, step 2 is 'x', expected a number"),
        ("class.ts", f"{TS}1:2:c\n".encode(), "line 5: the class is 'c', expected one of those that the header"),
        ("stamps.ts", b"@timeStamps true\n@data\n(0,1)\n", "line 1: series with time stamps are not read"),
        ("no.ts", b"1,2:3,4:a\n", "no.ts, line 1: found '1,2:3,4:a' before '@data'"),
        ("value.ts", f"{TS}1:2:a\n?:?:b\n".encode(), "value.ts, line 6: the series has no value"),
        ("target.ts", b"@targetLabel true\n@data\n1,2:high\n", "line 3: the target is 'high', expected a number"),
        ("word.tsv", b"1\t1\t2\t3\n" * 12 + b"2\t1\tx\t3\n", "word.tsv, line 13: found 'x', expected a number"),
        ("value.tsv", b"1\t1\t2\t3\n2\tNaN\tNaN\tNaN\n", "value.tsv, line 2: the series has no value"),
    ],
)  # fmt: skip
def test_files(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    found = refusal(path)
    assert sentence in found
    assert str(path) in found


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,label\na,1\n")
    assert "there is no such file or folder; did you mean 'reviews.csv'?" in refusal(tmp_path / "review.csv")
    assert refusal(tmp_path / "zzz").endswith("there is no such file or folder")
    assert "nor a folder" in refusal(tmp_path / "nowhere" / "a.csv")


def test_paths_that_are_no_file_or_folder(tmp_path):
    assert "an empty path" in refusal("")
    assert "a device or pipe" in refusal("/dev/null")
    assert "the path cannot be used" in refusal(tmp_path / ("x" * 5000))
    assert "no such file" in refusal("a\0b") or "cannot be used" in refusal("a\0b")


def test_folders(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "found nothing, expected a folder a class" in refusal(empty)
    images = tmp_path / "images"
    (images / "cats").mkdir(parents=True)
    (images / "cats" / "1.png").write_bytes(b"")
    assert "found cats/, expected a folder a class with .txt files" in refusal(images)
    tree = tmp_path / "aclImdb"
    for split in ("train", "test"):
        (tree / split / "pos").mkdir(parents=True)
        (tree / split / "pos" / "1.txt").write_text("good")
        (tree / split / "urls.txt").write_text("http")
    assert f"give {tree / 'test'}" in refusal(tree)
    splits = tmp_path / "splits"
    splits.mkdir()
    for name in ("train.txt", "test.txt"):
        (splits / name).write_text("1 good\n0 bad\n")
    assert "found test.txt, train.txt, expected a file a class" in refusal(splits)
    latin = tmp_path / "latin" / "pos"
    latin.mkdir(parents=True)
    (latin / "7.txt").write_bytes("très bien, déjà vu".encode("latin-1"))
    assert re.search(r"pos/7\.txt, line 1, column 3: byte 0xe8 is not UTF-8", refusal(latin.parent))


def test_options_that_do_not_fit(tmp_path):
    csv = tmp_path / "a.csv"
    csv.write_text("text,label\na,1\n")
    assert "the format 'cvs' is not known; did you mean 'csv'?" in refusal(csv, format="cvs")
    assert "encoding 'utf-9' is not known" in refusal(csv, encoding="utf-9")
    assert "encoding 'hex' is not known" in refusal(csv, encoding="hex")
    assert "byte 0xe4 is not ascii; the file is not in the encoding that was named" in refusal(
        Path(_written(tmp_path / "b.csv", "text\nä\n".encode("latin-1"))), encoding="ascii"
    )
    assert "found a folder, expected a file of format 'csv'" in refusal(tmp_path, format="csv")
    assert "found a file, expected a folder" in refusal(csv, format="folder")
    assert "header= is for CSV and TSV" in refusal(csv, format="jsonl", header=True)
    assert "encoding= is for files" in refusal({"a": ["b"]}, encoding="utf-8")
    assert "encoding= is for text files" in refusal(_written(tmp_path / "a.parquet", b"PAR1"), encoding="utf-8")


def _written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (None, "type NoneType, expected a path"),
        (3, "type int, expected a path"),
        ([], "an empty list"),
        ({}, "the data has no column"),
        ({"text": []}, "the data has no row"),
        ({"text": ["a", "b"], "label": [1]}, "column 'label' has 1 rows, expected 2"),
        ({"text": "abc"}, "column 'text' is str, expected a list"),
        ({"text": np.array(3)}, "column 'text' is an array without axes"),
        ({"1": [1], 1: [2]}, "the column name '1' occurs twice"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Expected unique column names, got: - 'a' 2 times"),
        (pd.DataFrame({"a": []}), "the data has no row"),
        (np.zeros(3), "found an array of float64 with shape (3,), expected numbers [rows, time]"),
        (np.zeros((2, 2, 2, 2)), "with shape (2, 2, 2, 2)"),
        (np.array([["a", "b"]]), "found an array of <U1"),
        (np.array([[1, "a"]], dtype=object), "an array of mixed objects"),
        ([[1, 2], "text"], "row 1 (counted from 0) is str, expected"),
        ([[[1, 2], [3]]], "row 0 (counted from 0) holds lists of different lengths"),
        ([["a"], [1]], "row 0 (counted from 0) is list, expected"),
    ],
)
def test_objects(source, sentence):
    assert sentence in refusal(source)
