"""What a page picks from a text that was read: a stretch of it, and its greatest surprises in their place."""

import numpy as np
import pytest

from treadle.data.codec import TokenCodec
from treadle.tasks.language import findings
from treadle.tasks.language.findings import Read

TEXT = "To be, or not to be: é is the question.\nWhether it is nobler, he said.\n" * 60


def read(unit: str) -> tuple[TokenCodec, list[Read]]:
    """Two documents that cost more towards their end."""
    codec = TokenCodec.fit([TEXT], unit=unit)
    both = [TEXT, TEXT[: len(TEXT) // 2]]
    pairs = zip(both, codec.encode_all(both), strict=True)
    return codec, [Read(text, ids, np.linspace(0, 9, len(ids)), None) for text, ids in pairs]


@pytest.mark.parametrize("unit", ["word", "char", "byte"])
def test_a_passage_is_a_stretch_of_the_longest_text_that_costs_what_texts_cost(unit):
    codec, documents = read(unit)
    number, passage = findings._passage(codec, documents)
    assert number == 0
    assert "".join(one.gap + one.text for one in passage) in TEXT
    mean = np.mean([one.nats for one in passage])
    size = len(documents[0].ids) / len(passage)
    assert mean == pytest.approx(4.5, abs=9 / size + 0.1)  # the middle, as near as whole stretches come


@pytest.mark.parametrize("unit", ["word", "char"])
def test_surprises_stand_in_their_place_and_a_text_is_gone_through_once_for_all(unit, monkeypatch):
    codec, documents = read(unit)
    asked = []
    where = findings.places
    monkeypatch.setattr(findings, "places", lambda codec, text: asked.append(text) or where(codec, text))
    found = findings._surprising(codec, documents)
    assert len(found) == 12
    assert len({one.token for one in found}) == 12
    assert [one.nats for one in found] == sorted((one.nats for one in found), reverse=True)
    for one in found:
        before, after = one.before.removeprefix("… "), one.after.removesuffix(" …")
        assert f"{before}{one.token}{after}" in TEXT
    assert len(asked) == len(set(asked)) <= len(documents)


def test_an_alphabet_smaller_than_the_table_has_all_its_symbols_in_it():
    codec = TokenCodec.fit(["acgt"], unit="char")
    ids = codec.encode("acgtn" * 50)
    found = findings._surprising(codec, [Read("acgtn" * 50, ids, np.arange(250.0), None)])
    assert [one.token for one in found] == ["t", "g", "c", "a"]  # 'n' is unknown, and costs as all unknown ones do
