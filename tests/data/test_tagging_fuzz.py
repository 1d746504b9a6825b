"""Arbitrary bytes give every reader of tagged sentences a result or one clear sentence, never another exception."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treadle.data.tagging import TAGGED_FORMATS, TaggedSentences, illegal_places, read_tagged
from treadle.data.tagging.schemes import from_spans
from treadle.errors import InputError

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = st.sampled_from(
    "\n|\n\n|\r\n| |\t|#|# |=|O|B-A|I-A|S-A|E-A|M-A|B_A|看|1|2|1-2|1.1|_|-DOCSTART- O\n|NOUN|\xa0|a O\n".encode().split(
        b"|"
    )
    + b'# global.columns = ID FORM TAG\n|a\tO\n|{|[|]|}|:|"tokens"|{"tokens": ["a"], "tags": ["O"]}\n'.split(b"|")
    + [b'{"tokens": [1], "tags": null}\n', b"1" + b"\t_" * 9 + b"\n", b"\xff", b"\0", b"PAR1"]
)
CONTENT = st.binary(max_size=120) | st.lists(PIECES, max_size=30).map(b"".join)


def use(path: Path, **options: object) -> None:
    try:
        data = read_tagged(path, **options)  # type: ignore[arg-type]  # options of any kind are tested
    except InputError as error:
        sentence = str(error)
    else:
        check(data)
        return
    assert sentence
    assert "\n" not in sentence


def check(data: TaggedSentences) -> None:
    assert len(data) > 0
    assert all(data.tokens)
    assert data.note
    assert data.where(len(data) - 1, len(data.tokens[-1]) - 1)
    if data.tags is not None:
        assert [*map(len, data.tags)] == [*map(len, data.tokens)]
        assert not any(illegal_places(tags, data.scheme) for tags in data.tags)
    for tags, spans in zip(data.tags or [], data.spans() or [], strict=False):
        assert from_spans(spans, len(tags), data.scheme) == tags


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("format_", [None, *(name for name in TAGGED_FORMATS if name != "joint")])
@quick
@given(content=CONTENT, compressed=st.booleans(), column=st.sampled_from([None, 1, 2, "3", "tag", "upos", "tags"]))
def test_any_bytes(folder, format_, content, compressed, column):
    path = folder / f"file_{format_}"
    path.write_bytes(gzip.compress(content) if compressed else content)
    use(path, format=format_, tags=column)


@quick
@given(contents=st.lists(CONTENT, min_size=3, max_size=3))
def test_any_parallel_files(folder, contents):
    for name, content in zip(["seq.in", "seq.out", "label"], contents, strict=True):
        (folder / name).write_bytes(content)
    use(folder)


@quick
@given(
    rows=st.lists(
        st.lists(
            st.tuples(st.sampled_from("a看#"), st.sampled_from(["O", "B-A", "I-A", "B-B"])), min_size=1, max_size=5
        ),
        min_size=1,
        max_size=4,
    ),
    separator=st.sampled_from(["\t", " "]),
)
def test_what_is_written_is_read(folder, rows, separator):
    path = folder / "written.conll"
    path.write_text("\n".join("".join(f"{token}{separator}{tag}\n" for token, tag in row) for row in rows), "utf-8")
    assert read_tagged(path).tokens == [[token for token, _ in row] for row in rows]
