"""Vectors of words from the files that people have, read a word at a time."""

import gzip
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treadle.data.word_vectors import read_word_vectors
from treadle.errors import InputError

quick = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def glove(words, vectors):
    return b"".join(
        word.encode() + b" " + " ".join(repr(float(number)) for number in vector).encode() + b"\n"
        for word, vector in zip(words, vectors, strict=True)
    )


def word2vec(words, vectors):
    return f"{len(words)} {len(vectors[0])}\n".encode() + glove(words, vectors).replace(b"\n", b" \n")


def binary(words, vectors, newline=b"\n"):
    body = (
        word.encode() + b" " + struct.pack(f"<{len(vector)}f", *vector) + newline
        for word, vector in zip(words, vectors, strict=True)
    )
    return f"{len(words)} {len(vectors[0])}\n".encode() + b"".join(body)


def unterminated(words, vectors):
    return binary(words, vectors, newline=b"")


FORMS = {"glove": glove, "word2vec": word2vec, "binary": binary, "unterminated": unterminated}


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("form", FORMS)
@quick
@given(
    words=st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1), min_size=1, unique=True
    ),
    data=st.data(),
    compressed=st.booleans(),
)
def test_vectors_come_back(folder, form, words, data, compressed):
    size = data.draw(st.integers(2, 5))
    number = st.floats(width=32, allow_nan=False, allow_infinity=False)
    vectors = [data.draw(st.lists(number, min_size=size, max_size=size)) for _ in words]
    wanted = data.draw(st.none() | st.lists(st.sampled_from([*words, "not there"])))
    content = FORMS[form](words, vectors)
    path = folder / form
    path.write_bytes(gzip.compress(content) if compressed else content)
    format_ = {"unterminated": "word2vec-binary", "binary": "word2vec-binary"}.get(form, form)
    read = read_word_vectors(path, wanted=wanted, format=format_)
    lower = None if wanted is None else {*wanted, *(word.lower() for word in wanted)}
    kept = [row for row, word in enumerate(words) if lower is None or {word, word.lower()} & lower]
    assert read.words == [words[row] for row in kept]
    assert read.vectors.dtype == np.float32
    np.testing.assert_array_equal(read.vectors, np.array(vectors, dtype=np.float32).reshape(-1, size)[kept])


@pytest.mark.parametrize("form", FORMS)
def test_the_form_is_found_out(folder, form):
    vectors = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    path = folder / f"unnamed.{form}"
    path.write_bytes(FORMS[form]([f"word{row}" for row in range(50)], vectors))
    read = read_word_vectors(path, wanted=["Word7"])
    assert read.words == ["word7"]
    np.testing.assert_array_equal(read.vectors, vectors[7:8])
    assert "50 words of 20 numbers, 1 of them wanted" in read.note


def test_words_are_found_by_their_lower_case_too(folder):
    path = folder / "case.txt"
    path.write_text("Rome 1 2\nrome 3 4\nparis 5 6\n")
    matrix, known = read_word_vectors(path, wanted=["Rome", "Paris", "Oslo"]).rows(["Rome", "ROME", "Paris", "Oslo"])
    assert matrix.tolist() == [[1, 2], [3, 4], [5, 6], [0, 0]]
    assert known.tolist() == [True, True, True, False]


@pytest.mark.parametrize("wanted", [None, ["rome", "ÎLE".lower()]])
def test_a_vocabulary_in_lower_case_finds_names_that_the_file_has_with_a_capital_only(folder, wanted):
    """A word as it is comes first, then the first of the others."""
    path = folder / "names.txt"
    path.write_text("the 9 9\nRome 1 2\nROME 3 4\nÎle 5 6\nThe 7 8\n")
    matrix, known = read_word_vectors(path, wanted=wanted).rows(["rome", "île", "oslo"])
    assert matrix.tolist() == [[1, 2], [5, 6], [0, 0]]
    assert known.tolist() == [True, True, False]
    assert wanted is None or "the" not in read_word_vectors(path, wanted=wanted).words


def test_no_word_wanted_occurs(folder):
    path = folder / "none.txt"
    path.write_text("a 1 2\n")
    read = read_word_vectors(path, wanted=["b", "\ud800"])
    assert (len(read), read.vectors.shape, read.size) == (0, (0, 2), 2)


def test_a_word_with_spaces_and_one_that_comes_twice(folder):
    path = folder / "spaces.txt"
    path.write_text("the 1 2\n. . . 3 4\nthe 5 6\n\n")
    read = read_word_vectors(path)
    assert (read.words, read.vectors.tolist()) == (["the", ". . ."], [[1, 2], [3, 4]])


def test_a_word_cut_within_a_character_is_left_out_and_told(folder):
    path = folder / "cut.bin"
    path.write_bytes(b"2 1\na " + struct.pack("<f", 1) + "é".encode()[:1] + b" " + struct.pack("<f", 2))
    read = read_word_vectors(path)
    assert read.words == ["a"]
    assert "1 word that is not utf-8 left out" in read.note


def test_a_file_larger_than_what_is_wanted_is_not_held(folder):
    path = folder / "large.bin"
    vectors = np.ones((4000, 300), dtype=np.float32)  # 4.8 MB
    path.write_bytes(binary([f"w{row}" for row in range(4000)], vectors))
    tracemalloc.start()
    read = read_word_vectors(path, wanted=["w3999"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.words == ["w3999"]
    assert peak < 4_000_000


FOUR = struct.pack("<f", 1.5)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "line 1: found '', expected a word and its numbers"),
        (b"a 1 2\nb 1\n", "line 2: found 1 number after the word, expected 2"),
        (b"a 1 2\nb 1 x\n", "line 2: found 'x', expected a number"),
        (b"a 1 2\nb 1 nan\n", "line 2: found a number that is not finite"),
        (b"a 1 2\nb 1 1e99\n", "line 2: found a number that is not finite"),
        (b"3 2\na 1 2\nb 1 2\n", "found 2 words, expected 3 as line 1 says; is the file cut short?"),
        (b"1 2\na 1 2\nb 1 2\n", "found 2 words, expected 1 as line 1 says"),
        (b"3 0\na\n", "line 1: found 3 words of size 0, expected sizes from 1"),
        (b"3 999999999\na\n", "line 1: found 3 words of size 999999999"),
        (b"2 2\na " + FOUR + b"\0\0\0\1\nb " + FOUR, "byte 21: the file ends within word 2, expected 2"),
        (b"2 1\na \0\0\0\0\n", "byte 11: the file ends before word 2, expected 2"),
        (b"1 1\na \0\0\0\0\nb " + FOUR, "byte 10: found more than the 1 words of line 1"),
        (b"1 1\na \0\0\xc0\x7f\n", "byte 4: found a number that is not finite"),
        (b"1 2\n" + b"\0" * 20_000, "byte 4: found no space after the word"),
        (b"PK\x03\x04", "found a zip archive"),
        (b"\xba\x16\x4f\x2f", "found a fastText model"),
        (gzip.compress(b"a 1 2\n" * 1000)[:40], "the file is damaged"),
    ],
)
def test_broken_files(folder, content, sentence):
    path = folder / "broken"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_word_vectors(path)
    assert str(error.value).startswith(str(path))
    assert sentence in str(error.value)


def test_options_that_do_not_fit(folder):
    path = folder / "options.txt"
    path.write_text("a 1 2\n")
    with pytest.raises(InputError, match="line 1: found 'a 1 2', expected the number of words and their size"):
        read_word_vectors(path, format="word2vec")
    with pytest.raises(InputError, match="the format 'glov' is not known; did you mean 'glove'"):
        read_word_vectors(path, format="glov")
    with pytest.raises(InputError, match="encoding 'utf-9' is not known"):
        read_word_vectors(path, encoding="utf-9")
    with pytest.raises(InputError, match="found a folder"):
        read_word_vectors(folder)


PIECES = st.sampled_from(
    [b"2 1\n", b"1 2\n", b"a ", b"1 ", b"-2.5", b"\n", b" ", b"\0\0\0\0", FOUR, b"x", b"\xff", b"\t"]
)


@quick
@given(
    content=st.binary(max_size=80) | st.lists(PIECES, max_size=15).map(b"".join),
    format_=st.sampled_from([None, "word2vec", "word2vec-binary", "glove"]),
    wanted=st.sampled_from([None, ["a"]]),
)
def test_any_bytes(folder, content, format_, wanted):
    path = folder / "any"
    path.write_bytes(content)
    try:
        read = read_word_vectors(path, format=format_, wanted=wanted)
    except InputError as error:
        sentence = str(error)
    else:
        assert read.vectors.shape == (len(read.words), read.size)
        assert np.isfinite(read.vectors).all()
        return
    assert sentence
    assert "\n" not in sentence
