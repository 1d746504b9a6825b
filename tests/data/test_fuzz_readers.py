"""Arbitrary bytes and arbitrary tables give every reader a table or a clear error, never another exception."""

import codecs
import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treadle.data.columns import extract, infer_roles
from treadle.data.readers import FORMATS, read
from treadle.data.table import Table
from treadle.data.targets import check_target
from treadle.errors import InputError

Result = TypeVar("Result")
FILES = [name for name in FORMATS if name != "folder"]
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Bytes that come close to each format get further into its reader than noise does.
PIECES = st.sampled_from(
    b'\n|\r\n|\r|,|\t|;|"|""| |1|-2.5e3|nan|?|a|text|label|{|}|{"a": 1}|{"a": [1, "x"]}|[|]|:|>id\n|ACGT|@|#'.split(
        b"|"
    )
    + b"@data\n|@classLabel true a b\n|@targetLabel true\n|@dimensions 2\n|@univariate true\n|1,2:3,4:a\n".split(b"|")
    + [b"|", b">id|x\n", b"__label__a ", b"PAR1", b"1e999", b"\\ud800", b"\0", b"\xff", b"\xc3", "很".encode()]
    + [codecs.BOM_UTF8, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, b"\x1f\x8b"]
)
CONTENT = st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(b"".join)


def use(source: object, **options: object) -> None:
    """Read, find the roles and take the data out: all that happens before a model is built."""
    table = attempt(lambda: read(source, **options))  # type: ignore[arg-type]  # options of any kind are tested
    if table is None:
        return
    assert isinstance(table, Table)
    assert len(table) > 0
    assert {len(cells) for cells in table.columns.values()} == {len(table)}
    assert table.where(len(table) - 1)
    roles = attempt(lambda: infer_roles(table))
    if roles is not None:
        attempt(lambda: extract(table, roles))
        attempt(lambda: check_target(table, roles.target, roles.task))


def attempt(action: Callable[[], Result]) -> Result | None:
    """The result, or None where one clear sentence says what is wrong."""
    try:
        return action()
    except InputError as error:
        sentence = str(error)
    assert sentence
    assert "\n" not in sentence
    return None


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("format_", [*FILES, None])
@quick
@given(content=CONTENT, compressed=st.booleans())
def test_any_bytes(folder, format_, content, compressed):
    path = folder / f"file_{format_}"
    path.write_bytes(gzip.compress(content) if compressed else content)
    use(path, format=format_)


@quick
@given(
    content=CONTENT, encoding=st.sampled_from(["utf-16", "latin-1", "gb18030", "utf-7", "idna", "punycode", "no-such"])
)
def test_any_bytes_in_any_encoding(folder, content, encoding):
    path = folder / "encoded.csv"
    path.write_bytes(content)
    use(path, encoding=encoding)


@quick
@given(contents=st.lists(CONTENT, min_size=1, max_size=3), nested=st.booleans())
def test_any_bytes_in_folders(contents, nested):
    with tempfile.TemporaryDirectory() as name:
        for index, content in enumerate(contents):
            path = Path(name) / (f"class{index}/file.txt" if nested else f"class{index}.txt")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        use(name)


@quick
@given(damage=st.integers(0, 2000), value=st.integers(0, 255))
def test_a_damaged_parquet_file(folder, damage, value):
    path = folder / "damaged.parquet"
    pd.DataFrame({"text": ["a", "b"], "series": [[1.0, 2.0], [3.0]], "label": [0, 1]}).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[damage % len(content)] = value
    path.write_bytes(content)
    use(path)


@quick
@given(content=st.binary(max_size=100))
def test_a_cut_or_damaged_gzip_file(folder, content):
    path = folder / "damaged.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\na,1\nb,0\n" * 20)[: len(content)] + content)
    use(path)


SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1 2", "1;2", "A" * 30])
)
CELL = SCALAR | st.lists(SCALAR, max_size=4) | st.lists(st.lists(st.floats(), max_size=2), max_size=3)
ARRAY = st.sampled_from([np.zeros(3), np.zeros((2, 2)), np.zeros((0, 1)), np.array(["a"], dtype=object), np.array(1.0)])


@quick
@given(data=st.data())
def test_any_table(data):
    rows = data.draw(st.integers(0, 6))
    names = data.draw(
        st.lists(st.text(max_size=4) | st.sampled_from(["text", "label", "series", "id"]), max_size=4, unique=True)
    )
    kind = data.draw(st.sampled_from([CELL, SCALAR, CELL | ARRAY]))
    columns = {name: data.draw(st.lists(kind, min_size=rows, max_size=rows)) for name in names}
    use(columns)
    use([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


@quick
@given(rows=st.lists(CELL | ARRAY, max_size=5))
def test_any_list(rows):
    use(rows)


@quick
@given(
    columns=st.dictionaries(
        st.text(max_size=4) | st.integers(),
        st.lists(st.none() | st.floats() | st.text(max_size=5) | st.dates() | st.decimals(), min_size=3, max_size=3),
        max_size=3,
    )
)
def test_any_data_frame(columns):
    use(pd.DataFrame(columns, dtype=object))
    use(pd.DataFrame(columns))
