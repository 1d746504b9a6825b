"""Error rates against counts by hand, their intervals, and the nearest template."""

import numpy as np
import pytest

from treadle.evaluation.baselines.speech import LONGEST, NearestTemplateBaseline
from treadle.evaluation.report.page import render
from treadle.evaluation.report.speech import SpeechSystem, SpokenSplit, build_speech_report
from treadle.evaluation.speech import alignments, compare_speech, error_counts, error_rate, speech_scores

SAID = ["one two three", "four", "five five", ""]
HEARD = ["one three three", "four four", "five", ""]


def distance(one: list[str], other: list[str]) -> int:
    """Levenshtein's, by the definition."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        distance(one[1:], other) + 1, distance(one, other[1:]) + 1, distance(one[1:], other[1:]) + (one[0] != other[0])
    )


def test_errors_are_the_fewest_edits() -> None:
    words = error_counts(SAID, HEARD, "word")
    assert words.tolist() == [
        [distance(a.split(), b.split()), len(a.split())] for a, b in zip(SAID, HEARD, strict=True)
    ]
    short = ["abc", "ab", ""], ["acb", "", "x"]
    characters = error_counts(*short, "char")
    assert characters.tolist() == [[distance([*a], [*b]), len(a)] for a, b in zip(*short, strict=True)]
    assert error_rate(SAID, HEARD, "word") == 3 / 6


def test_scores_have_intervals_that_hold_them() -> None:
    scores = speech_scores(SAID * 10, HEARD * 10)
    assert scores["wer"].value == 0.5
    assert scores["exact"].value == 0.25
    for one in scores.values():
        assert one.low < one.value < one.high
    assert speech_scores(["a"], ["a"])["wer"].value == 0


def test_alignments_put_together_are_the_texts() -> None:
    for said, heard, chunks in zip(SAID, HEARD, alignments(SAID, HEARD), strict=True):
        assert [word for one in chunks for word in one.said] == said.split()
        assert [word for one in chunks for word in one.heard] == heard.split()
        assert {one.kind for one in chunks if one.errors} <= {"substitute", "delete", "insert"}
    with pytest.raises(ValueError, match="expected equally many"):
        alignments(["a"], [])


def test_a_model_with_fewer_errors_is_better() -> None:
    said = ["one two", "three four"] * 30
    assert compare_speech(said, said, ["one", "three"] * 30, "it").verdict == "better"
    assert compare_speech(said, ["", "x y"] * 30, said, "it").verdict == "worse"


def test_the_nearest_template_is_found_whatever_its_speed() -> None:
    shapes = {name: np.cumsum(np.random.default_rng(seed).normal(size=(40, 3)), 0) for seed, name in enumerate("abcd")}
    baseline = NearestTemplateBaseline().fit([one.astype(np.float32) for one in shapes.values()], list(shapes))
    for name, shape in shapes.items():
        for stretched in (np.repeat(shape, 3, 0), shape[::2], np.repeat(shape, [1 + t % 3 for t in range(40)], 0)):
            assert baseline.predict([stretched.astype(np.float32)]) == [name]
    assert baseline.lengths.max() <= LONGEST
    assert baseline.predict([np.zeros((0, 3), np.float32)])[0] in shapes


def test_distances_are_those_of_the_definition() -> None:
    draw = np.random.default_rng(0)
    x, templates = draw.normal(size=(5, 2)), [draw.normal(size=(size, 2)) for size in (3, 6)]
    baseline = NearestTemplateBaseline().fit([one.astype(np.float32) for one in templates], ["3", "6"])

    longer = np.concatenate([x, x]).astype(np.float32)
    found = dict(zip(baseline.texts, baseline._distances([longer, x.astype(np.float32)])[1], strict=True))
    for text, template in zip(("3", "6"), templates, strict=True):
        table = np.full((6, len(template) + 1), np.inf)
        table[0, 0] = 0
        for i in range(1, 6):
            for j in range(1, len(template) + 1):
                gap = np.linalg.norm(x[i - 1] - template[j - 1])
                table[i, j] = gap + min(table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
        assert found[text] == pytest.approx(table[-1, -1] / (5 + len(template)), rel=1e-5)


def test_as_many_transcripts_as_can_be_have_a_template() -> None:
    frames = [np.full((2, 1), place, np.float32) for place in range(600)]
    texts = ["common"] * 500 + [f"rare {place}" for place in range(100)]
    assert len(set(NearestTemplateBaseline().fit(frames, texts).texts)) == 101


def test_a_report_is_a_page_with_what_was_said_above_what_was_heard() -> None:
    split = SpokenSplit(SAID * 5, [0.5 + place for place in range(20)], [f"row {place}" for place in range(20)])
    model = SpeechSystem("model", {"test": HEARD * 5})
    page = render(build_speech_report("Title", {"test": split}, model, baseline=SpeechSystem("it", {"test": SAID * 5})))
    assert "Worse than it" in page
    assert "(nothing)" in page
    assert page.count('class="side"') == 2 * 15
