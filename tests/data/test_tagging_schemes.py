"""Spans become tags and tags spans in every scheme; what is illegal is found, and a CRF's matrix allows the rest."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.tagging import Span, allowed, convert, detect_scheme, from_spans, illegal_places, to_spans
from treadle.data.tagging.schemes import LETTERS, OUTSIDE
from treadle.errors import InputError

SCHEMES = sorted(LETTERS)


@st.composite
def sentences(draw: st.DrawFn, types: tuple[str, ...] = ("PER", "B-LOC", "创作", "O")) -> tuple[list[Span], int]:
    """Spans side by side, and the length of their sentence."""
    spans, end = [], 0
    for _ in range(draw(st.integers(0, 4))):
        start = end + draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 4))
        spans.append(Span(start, end, draw(st.sampled_from(types))))
    return spans, end + draw(st.integers(0, 2))


# One sentence, "Ada Lovelace met Charles Babbage of London", as the published descriptions of the schemes write it;
# the two persons and the city stand side by side to show where one span ends.
WRITTEN = {
    "iob1": "I-PER I-PER B-PER I-PER I-PER O I-LOC",
    "iob2": "B-PER I-PER B-PER I-PER I-PER O B-LOC",
    "bioes": "B-PER E-PER B-PER I-PER E-PER O S-LOC",
    "bilou": "B-PER L-PER B-PER I-PER L-PER O U-LOC",
    "bmes": "B-PER E-PER B-PER M-PER E-PER O S-LOC",
    "bmewo": "B-PER E-PER B-PER M-PER E-PER O W-LOC",
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_sentence_written_in_each_scheme(scheme):
    tags = WRITTEN[scheme].split()
    assert detect_scheme([tags]) == scheme
    assert to_spans(tags, scheme) == [Span(0, 2, "PER"), Span(2, 5, "PER"), Span(6, 7, "LOC")]
    assert {other: " ".join(convert(tags, scheme, other)) for other in SCHEMES} == WRITTEN


@given(sentence=sentences(), scheme=st.sampled_from(SCHEMES))
def test_spans_come_back_from_their_tags(sentence, scheme):
    spans, length = sentence
    tags = from_spans(reversed(spans), length, scheme)
    assert len(tags) == length
    assert to_spans(tags, scheme) == spans
    assert illegal_places(tags, scheme) == []


@given(sentence=sentences(), written=st.sampled_from(SCHEMES), to=st.sampled_from(SCHEMES))
def test_what_is_detected_reads_the_same_spans(sentence, written, to):
    spans, length = sentence
    tags = from_spans(spans, length, written)
    detected = detect_scheme([tags])
    assert (detected is None) == (not spans)
    if detected is not None:
        assert to_spans(tags, detected) == spans
        assert to_spans(convert(tags, detected, to), to) == spans


@given(
    scheme=st.sampled_from(SCHEMES),
    drawn=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["A", "B"]), st.booleans()), max_size=8),
)
def test_repair_makes_any_sequence_legal_and_leaves_its_meaning(scheme, drawn):
    tags = [OUTSIDE if outside else f"{LETTERS[scheme][letter]}-{type_}" for letter, type_, outside in drawn]
    repaired = convert(tags, scheme, scheme)
    assert illegal_places(repaired, scheme) == []
    assert to_spans(repaired, scheme) == to_spans(tags, scheme)
    if not illegal_places(tags, scheme):
        assert repaired == tags


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_matrix_allows_exactly_what_spans_can_write(scheme):
    labels = [OUTSIDE, *(f"{letter}-{type_}" for letter in sorted(set(LETTERS[scheme])) for type_ in "AB")]
    matrix = allowed(labels, scheme)
    end = len(labels)
    # All sentences of up to three tokens, as spans: what they write is legal, and nothing else is.
    legal = set()
    for length in (1, 2, 3):
        places = [(start, stop) for start in range(length) for stop in range(start + 1, length + 1)]
        for count in range(length + 1):
            for chosen in itertools.combinations(places, count):
                if any(first[1] > second[0] for first, second in itertools.pairwise(sorted(chosen))):
                    continue
                for types in itertools.product("AB", repeat=count):
                    spans = [Span(*place, type_) for place, type_ in zip(chosen, types, strict=True)]
                    legal.add(tuple(from_spans(spans, length, scheme)))
    for length in (1, 2, 3):
        for path in itertools.product(range(end), repeat=length):
            tags = [labels[label] for label in path]
            passes = all(matrix[first, second] for first, second in itertools.pairwise([end, *path, end]))
            assert passes == (tuple(tags) in legal) == (not illegal_places(tags, scheme)), tags


def test_parts_of_speech_are_no_scheme():
    tags = ["NOUN", "VERB", "O"]
    assert detect_scheme([tags]) is None
    assert to_spans(tags, None) == []
    assert np.all(allowed(tags, None))
    assert illegal_places(tags, None) == []


def test_outside_alone_marks_nothing():
    assert detect_scheme([["O", "O"], []]) is None


def test_word_segmentation_has_no_types():
    tags = ["B", "E", "S", "B", "M", "E"]
    assert detect_scheme([tags]) == "bmes"
    spans = to_spans(tags, "bmes")
    assert spans == [(0, 2, ""), (2, 3, ""), (3, 6, "")]
    assert from_spans(spans, 6, "bmes") == tags
    assert detect_scheme([["S", "M"]]) is None  # letters that could as well be parts of speech


def test_iob_is_told_by_how_most_spans_begin():
    assert detect_scheme([["B-A", "I-A", "O", "B-A"], ["O", "I-A"]]) == "iob2"
    assert detect_scheme([["I-A", "I-A", "O", "I-A"], ["I-A", "B-A", "I-A"]]) == "iob1"


def test_the_places_of_illegal_tags():
    assert illegal_places(["O", "I-A", "B-A", "I-A", "I-B"], "iob2") == [1, 4]
    assert illegal_places(["B-A", "O", "E-A", "S-A", "B-A"], "bioes") == [1, 2, 4]
    assert illegal_places(["I-A", "B-B"], "iob1") == [1]


def test_a_tag_of_another_scheme_is_named():
    with pytest.raises(InputError, match=r"'S-A' is not of the scheme IOB2, expected O, B-\.\.\., I-"):
        to_spans(["S-A"], "iob2")
    with pytest.raises(InputError, match="'NOUN'"):
        allowed(["O", "NOUN"], "bioes")


@pytest.mark.parametrize("spans", [[(0, 2, "A"), (1, 3, "A")], [(2, 2, "A")], [(2, 4, "A")], [(-1, 1, "A")]])
def test_spans_that_no_tags_can_mark(spans):
    with pytest.raises(ValueError, match="expected spans side by side within 0 to 3"):
        from_spans(spans, 3, "iob2")
