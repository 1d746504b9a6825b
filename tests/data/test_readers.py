"""Every form of data that a user has becomes the same table, and the table remembers where each row came from."""

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from treadle.data.readers import read
from treadle.data.table import Table
from treadle.errors import InputError

REVIEWS = {"review": ["good, really", 'he said "no"', "两个字", "line\nbreak", ""], "label": [1, 0, 1, 0, 1]}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- one data set, many forms


def as_csv(path: Path) -> None:
    pd.DataFrame(REVIEWS).to_csv(path, index=False)


def as_tsv(path: Path) -> None:
    pd.DataFrame(REVIEWS).to_csv(path, index=False, sep="\t")


def as_semicolons(path: Path) -> None:
    pd.DataFrame(REVIEWS).to_csv(path, index=False, sep=";")


def as_jsonl(path: Path) -> None:
    pd.DataFrame(REVIEWS).to_json(path, orient="records", lines=True)


def as_json(path: Path) -> None:
    path.write_text(json.dumps(pd.DataFrame(REVIEWS).to_dict("records"), indent=2))


def as_json_columns(path: Path) -> None:
    path.write_text(json.dumps(REVIEWS))


def as_parquet(path: Path) -> None:
    pq.write_table(pa.table(REVIEWS), path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.csv", as_csv),
        ("a.tsv", as_tsv),
        ("semicolons.csv", as_semicolons),
        ("a.jsonl", as_jsonl),
        ("a.json", as_json),
        ("columns.json", as_json_columns),
        ("a.parquet", as_parquet),
        ("no_suffix_csv", as_csv),
        ("a.unknown_tsv", as_tsv),
        ("a.unknown_jsonl", as_jsonl),
        ("a.unknown_parquet", as_parquet),
    ],
)
def test_a_file_of_any_format_gives_the_same_columns(tmp_path, name, save, compressed):
    path = tmp_path / name
    save(path)
    if compressed:
        path = write(tmp_path, f"{name}.gz", gzip.compress(path.read_bytes()))
    table = read(path)
    assert table.columns == REVIEWS
    assert table.source == str(path)
    assert "5" in table.note


@pytest.mark.parametrize(
    "source",
    [
        REVIEWS,
        {name: np.array(cells) for name, cells in REVIEWS.items()},
        [dict(zip(REVIEWS, row, strict=True)) for row in zip(*REVIEWS.values(), strict=True)],
        pd.DataFrame(REVIEWS),
        pl.DataFrame(REVIEWS),
        pl.LazyFrame(REVIEWS),
        pa.table(REVIEWS),
    ],
    ids=["dict", "dict of arrays", "list of dicts", "pandas", "polars", "polars lazy", "arrow"],
)
def test_an_object_of_any_library_gives_the_same_columns(source):
    table = read(source)
    assert table.columns == REVIEWS
    assert [type(cell) for cell in table.columns["label"]] == [int] * 5  # Python's own, so that JSON can hold them


# --- delimited text


def test_lines_are_those_of_the_file_also_after_quoted_line_breaks(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\n"one\ntwo\nthree",a\n\nfour,b\n')
    table = read(path)
    assert table.columns == {"text": ["one\ntwo\nthree", "four"], "label": ["a", "b"]}
    assert [table.where(row) for row in range(2)] == [f"{path}, line 2", f"{path}, line 6"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_mean_the_same(tmp_path, end):
    text = end.join(["text,label", '"a', 'b",x', "c,y", "", "", ""])
    table = read(write(tmp_path, "a.csv", text.encode()))
    assert table.columns == {"text": ["a\nb", "c"], "label": ["x", "y"]}
    assert table.lines == [2, 4]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides_the_encoding_and_is_no_part_of_the_first_name(tmp_path, encoding):
    path = write(tmp_path, "a.csv", "label,text\n1,很好\n0,不好\n".encode(encoding))
    assert read(path).columns == {"label": [1, 0], "text": ["很好", "不好"]}
    assert read(path, encoding="utf-8" if "8" in encoding else encoding).columns["text"] == ["很好", "不好"]


def test_a_named_encoding_is_used(tmp_path):
    path = write(tmp_path, "a.csv", "label,text\n1,很好吃\n0,不好吃\n".encode("gb18030"))
    assert read(path, encoding="gb18030").columns["text"] == ["很好吃", "不好吃"]


def test_a_field_may_be_larger_than_the_csv_modules_limit(tmp_path):
    long = "word " * 100_000
    table = read(write(tmp_path, "a.csv", f"text,label\n{long},a\nshort,b\n"))
    assert table.columns["text"][0] == long


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("label,text\n1,good\n0,bad\n", ["label", "text"]),
        ("+,S10,acgt\n-,S11,ttga\n+,S12,acca\n", ["column1", "column2", "column3"]),  # "+" comes again in its column
        ("1,2\n3,4\n", ["column1", "column2"]),  # numbers are no names
        (",text,label\n0,good,a\n1,bad,b\n", ["column1", "text", "label"]),  # pandas' index has no name
        ("label,0,1,2\na,0.5,1.5,2.5\nb,1.5,2.5,3.5\n", ["label", "0", "1", "2"]),  # numbered steps
        ("0,1,2,3,4,5,6,7\n" + "0.5,1.5,2,3,4,5,6,7\n" * 2, list("01234567")),  # a data frame's own names
        ("sep=;\ntext;label\na;1\n", ["text", "label"]),  # a spreadsheet's first line
    ],
)
def test_a_header_is_told_from_data(tmp_path, text, names):
    assert list(read(write(tmp_path, "a.csv", text)).columns) == names


def test_the_header_can_be_forced_either_way(tmp_path):
    path = write(tmp_path, "a.csv", "good,1\nbad,0\n")
    assert read(path, header=False).columns == {"column1": ["good", "bad"], "column2": [1, 0]}
    assert read(path, header=True).columns == {"good": ["bad"], "1": [0]}


def test_numbers_are_numbers_and_codes_stay_strings(tmp_path):
    text = "whole,real,gap,code,mixed,word\n1,1.5,,007,1,a\n-2,2e3,3,012,x,1_0\n"
    columns = read(write(tmp_path, "a.csv", text)).columns
    assert columns == {
        "whole": [1, -2],
        "real": [1.5, 2000.0],
        "gap": [None, 3],
        "code": ["007", "012"],
        "mixed": ["1", "x"],
        "word": ["a", "1_0"],
    }


def test_unpaired_quotes_in_a_tsv_are_ordinary_characters_and_said_so(tmp_path):
    table = read(write(tmp_path, "a.tsv", 'text\tlabel\n"Quote him\ta\n5" nails\tb\n'))
    assert table.columns["text"] == ['"Quote him', '5" nails']
    assert "quotes taken literally" in table.note


def test_rows_of_bare_delimiters_at_the_end_are_ignored(tmp_path):
    assert len(read(write(tmp_path, "a.csv", "text,label\nx,1\ny,0\n,\n,\n"))) == 2


# --- series


def test_a_tsv_of_numbers_is_the_ucr_form_with_its_padding_removed(tmp_path):
    path = write(tmp_path, "X_TRAIN.tsv", "1\t0.5\t1.5\tNaN\tNaN\n2\t1\tNaN\t3\t4\n1\t7\t8\t9\tNaN\n")
    table = read(path)
    assert table.columns["label"] == [1, 2, 1]
    expected = [[0.5, 1.5], [1, np.nan, 3, 4], [7, 8, 9]]  # a gap inside a series is no padding
    for series, values in zip(table.columns["series"], expected, strict=True):
        np.testing.assert_array_equal(series, values)


TS = """# A comment
@problemName Small
@timeStamps false
@univariate false
@dimensions 2
@classLabel true walk run
@data
1,2,3:4,5,6:walk
1,?:3,NaN:run

7:8:walk
"""


def test_ts_files_give_time_by_channels_of_every_length(tmp_path):
    table = read(write(tmp_path, "a.ts", TS))
    assert table.columns["label"] == ["walk", "run", "walk"]
    np.testing.assert_array_equal(table.columns["series"][0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(table.columns["series"][1], [[1, 3]])  # ends where both channels end
    np.testing.assert_array_equal(table.columns["series"][2], [[7, 8]])
    assert table.lines == [8, 9, 11]


def test_ts_files_with_one_channel_and_a_number_to_predict(tmp_path):
    text = "@univariate true\n@targetLabel true\n@data\n1,2,?,4:0.5\n3,4:1.25\n"
    table = read(write(tmp_path, "a.ts", text))
    np.testing.assert_array_equal(table.columns["series"][0], [1, 2, np.nan, 4])
    assert table.columns["label"] == [0.5, 1.25]


@pytest.mark.parametrize("make", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_arrays_become_a_series_a_row(make):
    flat, channels = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]]
    table = read(make(flat))
    np.testing.assert_array_equal(table.columns["series"], flat)
    np.testing.assert_array_equal(read(make(channels)).columns["series"], channels)


def test_lists_are_texts_tokens_or_series():
    assert read(["a b", "c"]).columns == {"text": ["a b", "c"]}
    assert read([["a", "b"], ["c"]]).columns == {"tokens": [["a", "b"], ["c"]]}
    series = read([[1, 2, 3], np.array([4.0])]).columns["series"]
    assert [list(one) for one in series] == [[1, 2, 3], [4.0]]


def test_parquet_lists_of_numbers_are_arrays_of_their_own_lengths(tmp_path):
    rows = [[1.0, 2.0, 3.0], [4.0], [5.0, 6.0]]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"series": rows, "label": ["a", "b", "a"]}), path, row_group_size=2)
    series = read(path).columns["series"]
    assert all(isinstance(one, np.ndarray) for one in series)
    assert [one.tolist() for one in series] == rows
    gaps = tmp_path / "gaps.parquet"
    pq.write_table(pa.table({"series": [[1.0, None], None]}), gaps)
    assert read(gaps).columns["series"] == [[1.0, None], None]


def test_missing_cells_of_data_frames_are_none():
    frame = pd.DataFrame({"text": ["a", None, "c"], "when": pd.to_datetime(["2020-01-01", None, "2020-01-03"])})
    columns = read(frame).columns
    assert columns["text"] == ["a", None, "c"]
    assert columns["when"] == ["2020-01-01T00:00:00", None, "2020-01-03T00:00:00"]


# --- lines, FASTA, folders


def test_lines_that_start_with_labels(tmp_path):
    table = read(write(tmp_path, "trec.train.all", "DESC:manner How did it ?\nENTY Who ? \n\nDESC:manner Why\n" * 4))
    assert table.columns["label"][:3] == ["DESC:manner", "ENTY", "DESC:manner"]
    assert table.columns["text"][:3] == ["How did it ?", "Who ?", "Why"]
    assert table.lines is not None
    assert table.lines[:3] == [1, 2, 4]


def test_fasttext_lines_may_have_several_labels(tmp_path):
    one = read(write(tmp_path, "one.txt", "__label__a text one\n__label__b text, two\n"))
    assert one.columns == {"label": ["a", "b"], "text": ["text one", "text, two"]}
    several = read(write(tmp_path, "several.txt", "__label__a __label__b text one\n__label__b two\n"))
    assert several.columns["label"] == [["a", "b"], ["b"]]


def test_prose_has_no_labels_unless_asked(tmp_path):
    path = write(tmp_path, "a.txt", "It was a bright cold day\nThe clocks were striking\n")
    assert read(path).columns == {"text": ["It was a bright cold day", "The clocks were striking"]}
    assert read(path, format="lines").columns["label"] == ["It", "The"]
    numbers = write(tmp_path, "b.txt", "1 good\n0 bad\n")
    assert read(numbers).columns["label"] == [1, 0]
    assert read(numbers, format="text").columns == {"text": ["1 good", "0 bad"]}


@pytest.mark.parametrize("header", ["{id} label={label}", "{id} some words class={label}", "{id}|{label}"])
def test_fasta_labels_by_each_rule(tmp_path, header):
    text = f">{header.format(id='s1', label='yes')}\nACGT\nAC GT\n\n>{header.format(id='s2', label='no')}\nttga\n"
    table = read(write(tmp_path, "a.fasta", text))
    assert table.columns == {"id": ["s1", "s2"], "sequence": ["ACGTACGT", "ttga"], "label": ["yes", "no"]}
    assert table.lines == [1, 5]


def test_fasta_bars_of_data_bases_are_no_labels(tmp_path):
    table = read(write(tmp_path, "a.fa", ">sp|P1|ONE_HUMAN first\nMK\n>sp|P2|TWO_HUMAN second\nMV\n"))
    assert table.columns == {"id": ["sp|P1|ONE_HUMAN", "sp|P2|TWO_HUMAN"], "sequence": ["MK", "MV"]}


def test_a_folder_a_class_leaves_other_files_out_and_says_so(tmp_path):
    for name, text in {"pos/1.txt": "good", "pos/2.txt": "fine\n", "neg/1.txt": "bad", "neg/x.html": "<p>"}.items():
        write(tmp_path, name, text)
    write(tmp_path, "urls_pos.txt", "http://...")
    write(tmp_path, ".hidden/a.txt", "x")
    write(tmp_path, "unsup/1.txt", "maybe")  # a class as any other
    table = read(tmp_path)
    assert table.columns == {"text": ["bad", "good", "fine", "maybe"], "label": ["neg", "pos", "pos", "unsup"]}
    assert table.where(2) == str(tmp_path / "pos" / "2.txt")
    assert "neg, pos, unsup" in table.note
    assert "1 other" in table.note


def test_a_file_a_class(tmp_path):
    write(tmp_path, "Irish.txt", "Adam\nAhearn\n\n")
    write(tmp_path, "Greek.txt", "Kouros\n")
    write(tmp_path, "README.txt", "About the names")
    table = read(tmp_path)
    assert table.columns == {"text": ["Kouros", "Adam", "Ahearn"], "label": ["Greek", "Irish", "Irish"]}
    assert table.where(2) == f"{tmp_path / 'Irish.txt'}, line 2"


def test_a_folder_of_25000_files_reads_in_seconds(tmp_path):
    text = "A review of some words. " * 50
    for label in ("neg", "pos"):
        (tmp_path / label).mkdir()
        for number in range(12_500):
            (tmp_path / label / f"{number}_7.txt").write_text(text)
    start = time.perf_counter()
    assert len(read(tmp_path)) == 25_000
    assert time.perf_counter() - start < 10


# --- the table


def test_taken_rows_keep_their_places(tmp_path):
    table = read(write(tmp_path, "a.csv", "text,label\na,1\nb,0\nc,1\n")).take(np.array([2, 0]))
    assert table.columns == {"text": ["c", "a"], "label": [1, 1]}
    assert [table.where(0), table.where(1)] == [f"{tmp_path}/a.csv, line 4", f"{tmp_path}/a.csv, line 2"]


def test_a_table_names_rows_of_objects_by_index():
    assert Table({"x": [1, 2]}).where(1) == "row 1 (counted from 0)"
    with pytest.raises(InputError, match="'y' has 1 rows, expected 2 as in column 'x'"):
        Table({"x": [1, 2], "y": [1]})


def test_reading_a_csv_imports_nothing_heavy(tmp_path):
    path = write(tmp_path, "a.csv", "text,label\na,1\nb,0\n")
    code = (
        f"import sys; from treadle.data import read; read({str(path)!r});"
        "print([m for m in ('torch', 'pyarrow', 'narwhals', 'sklearn', 'tokenizers') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets of ../shared/data are not on this machine")
@pytest.mark.parametrize(
    ("name", "options", "rows", "columns"),
    [
        ("text/trec6/TREC.train.all", {"encoding": "latin-1"}, 5452, {"label", "text"}),
        ("text/sst2/stsa.binary.train", {}, 6920, {"label", "text"}),
        ("text/waimai_zh/waimai_10k.csv", {}, 11987, {"label", "review"}),
        ("text/surnames/names", {}, 20050, {"label", "text"}),
        ("dna/splice/splice_decoded.tsv", {}, 3186, {"class", "sequence"}),
        ("dna/promoters/promoters.data", {}, 106, {"column1", "column2", "column3"}),
        ("series_classification/JapaneseVowels/JapaneseVowels_TRAIN.ts", {}, 270, {"label", "series"}),
        ("series_classification/PickupGestureWiimoteZ/PickupGestureWiimoteZ_TEST.ts", {}, 50, {"label", "series"}),
        ("series_classification/ECG5000/ECG5000_TEST.tsv.gz", {}, 4500, {"label", "series"}),
    ],
)
def test_public_data_sets(name, options, rows, columns):
    table = read(DATA / name, **options)
    assert len(table) == rows
    assert set(table.columns) == columns
