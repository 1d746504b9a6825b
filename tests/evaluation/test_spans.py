"""Scores of spans are those of an independent library, and the confusion accounts for every span."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nervaluate import Evaluator

from treadle.data.tagging import from_spans
from treadle.evaluation.spans import confuse_spans, score_spans, token_accuracy

TYPES = ["LOC", "ORG", "PER"]


@st.composite
def span_lists(draw: st.DrawFn, length: int = 8) -> list[tuple[int, int, str]]:
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    pairs = itertools.pairwise(cuts)
    return [(start, end, draw(st.sampled_from(TYPES))) for start, end in pairs if draw(st.booleans())]


SPLITS = st.lists(st.tuples(span_lists(), span_lists()), min_size=1, max_size=6)


@settings(max_examples=60)
@given(split=SPLITS)
def test_scores_are_nervaluates(split):
    true, guessed = [pair[0] for pair in split], [pair[1] for pair in split]
    scores = score_spans(true, guessed, resamples=0)
    tags = [[from_spans(spans, 8, "iob2") for spans in part] for part in (true, guessed)]
    results = Evaluator(*tags, tags=TYPES, loader="list").evaluate()
    strict = results["overall"]["strict"]
    for name in ("precision", "recall", "f1"):
        assert scores.metrics[f"span_{name}"].value == pytest.approx(getattr(strict, name))
    for type_, of in scores.types.items():
        theirs = results["entities"][type_]["strict"]
        ours = (of.precision.value, of.recall.value, of.f1.value)
        assert ours == pytest.approx((theirs.precision, theirs.recall, theirs.f1))
    present = [results["entities"][type_]["strict"].f1 for type_ in scores.types]
    assert scores.metrics["span_macro_f1"].value == pytest.approx(np.mean(present) if present else 0.0)


@settings(max_examples=60)
@given(split=SPLITS)
def test_the_confusion_accounts_for_every_span(split):
    true, guessed = [pair[0] for pair in split], [pair[1] for pair in split]
    confusion = confuse_spans(true, guessed)
    scores = score_spans(true, guessed, resamples=0)
    for row, type_ in enumerate(confusion.types):
        assert confusion.counts[row].sum() == sum(span[2] == type_ for spans in true for span in spans)
        assert confusion.counts[:, row].sum() == sum(span[2] == type_ for spans in guessed for span in spans)
        assert (scores.types[type_].true, scores.types[type_].given) == (
            confusion.counts[row].sum(),
            confusion.counts[:, row].sum(),
        )
    assert confusion.boundaries <= confusion.counts[:, -1].sum()
    assert sum(count for *_, count in confusion.pairs()) == confusion.counts.sum() - np.trace(confusion.counts)


def test_what_was_taken_for_what():
    true = [[(0, 2, "PER"), (3, 4, "LOC")], [(1, 3, "ORG")], [(0, 1, "LOC")]]
    guessed = [[(0, 2, "ORG"), (3, 5, "LOC")], [], [(0, 1, "LOC"), (2, 3, "PER")]]
    confusion = confuse_spans(true, guessed)
    assert confusion.pairs() == [
        ("LOC", "missed", 1),
        ("ORG", "missed", 1),
        ("PER", "ORG", 1),
        ("spurious", "LOC", 1),
        ("spurious", "PER", 1),
    ]
    assert confusion.boundaries == 1


def test_intervals_hold_their_figures_and_narrow_with_the_sentences():
    generator = np.random.default_rng(0)
    true = [[(0, 2, str(generator.choice(TYPES)))] for _ in range(60)]
    guessed = [spans if generator.random() < 0.8 else [] for spans in true]
    few, many = (score_spans(true * times, guessed * times, resamples=200).metrics for times in (1, 9))
    for name, estimate in few.items():
        assert estimate.low <= estimate.value <= estimate.high
        if estimate.value < 1:
            assert many[name].high - many[name].low < 0.6 * (estimate.high - estimate.low)


def test_no_span_at_all_is_a_zero():
    scores = score_spans([[], []], [[], []], resamples=10)
    assert {estimate.value for estimate in scores.metrics.values()} == {0.0}
    assert (scores.types, scores.confusion.pairs()) == ({}, [])


def test_token_accuracy_counts_tokens_and_draws_sentences():
    # One long sentence all wrong beside short ones all right: drawn by sentence, the share varies widely.
    true = [["A"] * 30, *([["A"]] * 30)]
    guessed = [["B"] * 30, *([["A"]] * 30)]
    estimate = token_accuracy(true, guessed)
    assert estimate.value == 0.5
    assert estimate.high == 1.0
    assert token_accuracy(true, guessed, resamples=0) == (0.5, None, None)


def test_sentences_that_do_not_match():
    with pytest.raises(ValueError, match="1 sentences given and 2 true ones"):
        score_spans([[], []], [[]])
    with pytest.raises(ValueError, match="expected as many, at least one"):
        score_spans([], [])
    with pytest.raises(ValueError, match="sentence 0: 2 tags given, expected 1"):
        token_accuracy([["A"]], [["A", "B"]])
    with pytest.raises(ValueError, match="no token"):
        token_accuracy([[]], [[]])
