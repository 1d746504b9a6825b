"""The page about a tagger: what it counts, what it shows of sentences, and that it needs neither colour nor trust."""

import numpy as np
import pytest
from test_report import HOSTILE, Page

from treadle.evaluation.report import render
from treadle.evaluation.report.sentences import SHOWN_SENTENCES, TaggedSplit
from treadle.evaluation.report.tagging import NO_SPAN, TaggingSystem, build_tagging_report
from treadle.evaluation.tagging import Tagging, compare_taggings, tagging_scores

TOKENS = [["Ada", "saw", "New", "York"], [HOSTILE, "left"], ["no", "names", "here"]]
TRUE = Tagging(
    [["B-PER", "O", "B-LOC", "I-LOC"], [f"B-{HOSTILE}", "O"], ["O", "O", "O"]],
    [[(0, 1, "PER"), (2, 4, "LOC")], [(0, 1, HOSTILE)], []],
    ["see", HOSTILE, "none"],
)
SAID = Tagging(
    [["B-PER", "O", "B-LOC", "O"], ["B-PER", "O"], ["O", "O", "O"]],
    [[(0, 1, "PER"), (2, 3, "LOC")], [(0, 1, "PER")], []],
    ["see", "see", "none"],
)
PLACES = ["t.conll, line 1", f"{HOSTILE}, line 6", "t.conll, line 9"]


def report(true=TRUE, said=SAID, tokens=TOKENS, places=PLACES, baseline=None, **content):
    beside = None if baseline is None else TaggingSystem("frequent tags", {"test": baseline})
    model = TaggingSystem(HOSTILE, {"test": said}, HOSTILE, 3.0)
    return build_tagging_report("title", {"test": TaggedSplit(tokens, true, places)}, model, baseline=beside, **content)


def only_tags(tagging):
    return Tagging(tagging.tags)


@pytest.fixture(scope="module")
def page():
    return render(report(baseline=only_spans_missing(), summary=HOSTILE))


def only_spans_missing():
    return Tagging([["O"] * len(tokens) for tokens in TOKENS], [[], [], []], ["none"] * 3)


def test_nothing_a_user_gave_becomes_markup(page):
    assert "<script" not in page
    assert HOSTILE in Page(page).text.replace("  ", " ")


def test_figures_are_those_of_the_definition():
    scores = tagging_scores(TRUE, SAID)  # 3 true, 3 given, 1 hit
    assert scores["span_f1"].value == pytest.approx(1 / 3)
    assert scores["token_accuracy"].value == pytest.approx(7 / 9)
    assert scores["sentence_accuracy"].value == pytest.approx(2 / 3)
    assert set(tagging_scores(only_tags(TRUE), only_tags(SAID))) == {"token_accuracy"}


def test_wrong_spans_can_be_told_without_colours(page):
    said = Page(page).text
    assert "truth Ada PER saw New York LOC ✗" in said
    assert "answer Ada PER saw New LOC ✗ York" in said
    assert "1 right, 1 missed, 1 spurious" in said
    assert "t.conll, line 1" in said
    assert "t.conll, line 9" not in said  # nothing is wrong there
    assert "2 of 3 sentences have a mistake" in said


def test_spans_that_were_found_and_not_to_the_token_are_counted(page):
    note = "a token with a given one of their type"
    assert f"Of 1 missed span, 1 shares {note}: it was found, and not to the token." in Page(page).text
    twice = [Tagging(one.tags * 2, one.spans * 2) for one in (TRUE, SAID)]
    said = Page(render(report(*twice, TOKENS * 2, PLACES * 2))).text
    assert f"Of 2 missed spans, 2 share {note}: they were found, and not to the token." in said


def test_of_spans_that_were_not_found_nothing_else_is_said():
    said = Page(render(report(said=only_spans_missing()))).text
    assert "Of 3 missed spans, none shares a token with a given one of their type." in said


def test_confusion_accounts_for_every_span():
    confusion = report().confusion
    counts = np.array(confusion.counts)
    none = list(confusion.classes).index(NO_SPAN)
    assert counts[:none].sum() == 3  # every true span stands in its row
    assert counts[:, :none].sum() == 3  # and every given one in its column
    assert counts[list(confusion.classes).index(HOSTILE), list(confusion.classes).index("PER")] == 1


def test_tags_alone_show_the_tokens_with_a_wrong_one():
    built = report(only_tags(TRUE), only_tags(SAID))
    said = Page(render(built)).text
    assert built.metric == "token_accuracy"
    assert "York O I-LOC" in said
    assert "1 of 4 tokens wrong" in said
    assert np.array(built.confusion.counts).sum() == 9


def test_the_verdict_is_about_the_sentences_of_the_baseline_too(page):
    assert "Span F1 0.333 against 0.000" in Page(page).text
    many = [Tagging(one.tags * 40, one.spans * 40) for one in (TRUE, SAID, only_spans_missing())]
    assert compare_taggings(*many, "frequent tags").verdict == "better"
    assert compare_taggings(many[0], many[2], many[1], "frequent tags").verdict == "worse"
    assert compare_taggings(many[0], many[1], many[1], "itself").verdict == "not distinguishable"


def test_results_by_length_are_those_of_the_sentences_of_that_length():
    tokens = [["a"] * (1 + row % 2) for row in range(40)]
    true = Tagging(tokens, [[(0, 1, "X")] for _ in tokens])
    said = Tagging(tokens, [[(0, 1, "X")] if len(row) == 1 else [] for row in tokens])
    bins = report(true, said, tokens, ["" for _ in tokens]).lengths
    assert list(bins.labels) == ["1", "2"]
    assert [estimate.value for estimate in bins.model] == [1.0, 0.0]
    assert list(bins.rows) == [20, 20]


def test_of_many_sentences_those_with_the_most_mistakes_are_shown():
    tokens = [["w"] * 30] * 40
    wrong = [min(row, 30) for row in range(40)]
    true = Tagging([["N"] * 30] * 40)
    said = Tagging([["V"] * count + ["N"] * (30 - count) for count in wrong])
    shown = Page(render(report(true, said, tokens, [f"place {row}." for row in range(40)]))).text
    assert [f"place {row}." in shown for row in range(40)] == [row >= 40 - SHOWN_SENTENCES for row in range(40)]


def test_nothing_wrong_leaves_no_list_of_mistakes():
    page = Page(render(report(TRUE, TRUE)))
    assert "Sentences with mistakes" not in page.headings()
    assert "All 3 labels are right." in page.text


def test_sentences_without_any_span_are_no_division_by_zero():
    empty = Tagging([["O"]], [[]])
    assert tagging_scores(empty, empty)["span_f1"].value == 0
    render(report(empty, empty, [["a"]], ["here"]))
