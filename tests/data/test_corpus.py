"""Documents come out of files, folders and tables as they are, each with its place."""

import gzip
import json
import lzma
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.builtin import load
from treadle.data.corpus import Corpus, corpus_of_table, read_corpus
from treadle.data.table import Table
from treadle.errors import InputError

POEM = " one  two\n\n\n三\tthree \n   \nfour\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("documents", "texts", "lines"),
    [
        (None, [POEM], None),
        ("file", [POEM], None),
        ("lines", [" one  two", "三\tthree ", "four"], [1, 4, 6]),
        ("paragraphs", [" one  two", "三\tthree ", "four"], [1, 4, 6]),
    ],
)
@pytest.mark.parametrize("form", ["plain", "gzip", "utf-16", "crlf", "no suffix"])
def test_a_text_file_is_kept_as_it_is(tmp_path, documents, texts, lines, form) -> None:
    content = {
        "gzip": gzip.compress(POEM.encode()),
        "utf-16": POEM.encode("utf-16"),
        "crlf": POEM.replace("\n", "\r\n").encode(),
    }.get(form, POEM.encode())
    path = write(tmp_path, "poem" if form == "no suffix" else "poem.txt", content)
    corpus = read_corpus(path, documents=documents)
    assert corpus.texts == texts
    places = [str(path)] if lines is None else [f"{path}, line {line}" for line in lines]
    assert [corpus.where(i) for i in range(len(corpus))] == places
    assert corpus.characters == sum(map(len, texts))


def test_a_paragraph_may_have_several_lines(tmp_path) -> None:
    path = write(tmp_path, "a.txt", "\n\na\nb\n \nc\nd\ne")
    corpus = read_corpus(path, documents="paragraphs")
    assert corpus.texts == ["a\nb", "c\nd\ne"]
    assert corpus.places == [f"{path}, line 3", f"{path}, line 6"]


def test_text_with_commas_or_labels_is_still_text(tmp_path) -> None:
    # `read` would take these lines for a table or for labelled texts.
    for text in ("a,b\nc,d\n", "1 good film\n0 bad film\n", '{"text": "x"}\n'):
        assert read_corpus(write(tmp_path, "a.txt", text)).texts == [text]


def test_a_folder_is_all_its_text_files(tmp_path) -> None:
    write(tmp_path, "b/2.txt", "second\n")
    write(tmp_path, "b/1.txt.gz", gzip.compress(b"first\n"))
    write(tmp_path, "a.txt", "loose\nlines\n")
    write(tmp_path, "empty.txt", " \n")
    for name in ("notes.md", ".hidden.txt", ".git/x.txt"):
        write(tmp_path, name, "not read")
    corpus = read_corpus(tmp_path)
    assert corpus.texts == ["loose\nlines\n", "first\n", "second\n"]
    assert corpus.places == [str(tmp_path / name) for name in ("a.txt", "b/1.txt.gz", "b/2.txt")]
    assert "3 documents in 4 files; 1 blank file left out" in corpus.note
    assert read_corpus(tmp_path, documents="lines").texts == ["loose", "lines", "first", "second"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_a_column_of_a_table(tmp_path, suffix) -> None:
    texts = ["good, really", "两个字", "None", "two\nlines"]
    frame = pd.DataFrame({"label": [1, 0, 1, 0], "review": texts})
    path = tmp_path / f"a.{suffix}"
    if suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    assert read_corpus(path).texts == texts
    assert read_corpus(path, column="review").texts == texts


def test_rows_without_text_are_left_out_and_places_stay_right(tmp_path) -> None:
    lines = [{"text": "a"}, {"text": None}, {"other": "x"}, {"text": "  "}, {"text": "b"}]
    path = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)))
    corpus = read_corpus(path)
    assert corpus.texts == ["a", "b"]
    assert corpus.places == [f"{path}, line 1", f"{path}, line 5"]
    assert "3 blank rows left out" in corpus.note


def test_the_documentation_of_python_is_a_corpus() -> None:
    corpus = corpus_of_table(load("pydocs", "test"))
    assert len(corpus) > 100
    assert corpus.characters > 20_000
    assert "built-in, real" in corpus.note


@given(st.binary(min_size=1, max_size=60))
def test_bytes_of_any_file_come_back(tmp_path_factory, data) -> None:
    path = write(tmp_path_factory.getbasetemp(), "any", data)
    if data[:2] == b"\x1f\x8b":
        return
    corpus = read_corpus(path, raw=True)
    assert corpus.texts[0].encode("utf-8", "surrogateescape") == data


def test_bytes_of_a_folder_are_all_of_its_files(tmp_path) -> None:
    write(tmp_path, "a.bin", b"\0\xff")
    write(tmp_path, "b.txt", b"\r\n")
    assert [text.encode("utf-8", "surrogateescape") for text in read_corpus(tmp_path, raw=True).texts] == [
        b"\0\xff",
        b"\r\n",
    ]


@pytest.mark.parametrize(
    ("name", "content", "options", "expected"),
    [
        ("a.txt", "", {}, r"a.txt: found no text, expected a document or more"),
        ("a.txt", " \n\n", {"documents": "lines"}, "found no text"),
        ("a.bin", "", {"raw": True}, "found no text"),
        ("a.txt", lzma.compress(b"text"), {}, "a.txt: found an xz archive.*; unpack it"),
        ("a.txt", "é\n".encode("latin-1"), {}, "a.txt, line 1, column 1: byte 0xe9 is not UTF-8"),
        ("a.txt", b"a\0b", {}, "found a NUL character"),
        ("a.txt.gz", gzip.compress(b"text" * 99)[:20], {}, "gzip data is damaged"),
        ("a.txt", "x", {"encoding": "utf-99"}, "encoding 'utf-99' is not known"),
        ("a.txt", "x", {"documents": "line"}, "documents is 'line'; did you mean 'lines'"),
        ("a.txt", "x", {"format": "txt"}, "format is 'txt'; did you mean 'text'"),
        ("a.txt", "x", {"column": "text"}, "column= does not apply here, where text is read"),
        ("a.txt", "x", {"header": True}, "header= does not apply here"),
        ("a.csv", "text\nx\ny\n", {"documents": "lines"}, "documents= does not apply here, where a table is read"),
        ("a.txt", "x", {"raw": True, "encoding": "utf-8"}, "encoding= does not apply here, where bytes"),
        ("a.txt", "x", {"raw": True, "documents": "lines"}, "documents= does not apply here, where bytes"),
        ("a.csv", "text,n\na,1\nb,2\n", {"column": "txt"}, "there is no column 'txt' to take as text; did you mean"),
        ("a.csv", "text,n\na,1\nb,2\n", {"column": "n"}, "line 2: column 'n' holds int '1', expected a text"),
        ("a.csv", "q,a\nx,y\nz,w\n", {}, "found columns 'q', 'a' with texts, expected one, or its name"),
        ("a.csv", "q,a\n1,2\n3,4\n", {}, "found no column with texts, expected one, or its name; valid names: a, q"),
    ],
)
def test_bad_input_is_one_clear_sentence(tmp_path, name, content, options, expected) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(InputError, match=expected) as error:
        read_corpus(path, **options)
    assert "\n" not in str(error.value)


def test_bad_folders_and_paths(tmp_path) -> None:
    with pytest.raises(InputError, match="there is no such file or folder"):
        read_corpus(tmp_path / "missing.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"found no \.txt file in the folder"):
        read_corpus(tmp_path / "empty")
    with pytest.raises(InputError, match="found no file in the folder"):
        read_corpus(tmp_path / "empty", raw=True)
    with pytest.raises(InputError, match="found a folder, expected a file of format 'csv'"):
        read_corpus(tmp_path, format="csv")


def test_a_corpus_holds_a_place_for_every_document() -> None:
    with pytest.raises(ValueError, match="1 places of 2 documents"):
        Corpus(["a", "b"], ["x"])
    with pytest.raises(InputError, match="memory: found no text"):
        corpus_of_table(Table({"text": ["", None]}))
