"""BLEU and chrF are sacrebleu's, ROUGE and the dictionary are the papers', the page shows what it should."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from treadle.errors import InputError
from treadle.evaluation import render, translation
from treadle.evaluation.baselines.translations import DictionaryBaseline
from treadle.evaluation.plots.attention import attention_map
from treadle.evaluation.report.translation import (
    Looked,
    TranslatedSplit,
    TranslatingSystem,
    build_translation_report,
)
from treadle.evaluation.rouge import rouge_l, rouge_n, rouge_words
from treadle.evaluation.translation import (
    bleu_counts,
    bleu_of,
    compare_translations,
    signatures,
    translation_scores,
)

TRUE = ["Two dogs run across a field.", "A man in a hat smiles.", "The girl eats.", "It rains on the old town."]
GIVEN = ["Two dogs run over a field.", "A man in a hat is smiling.", "The girl eats.", "It rains in town."]


def test_bleu_and_chrf_are_sacrebleus(caplog):
    scores = translation_scores(TRUE, GIVEN)
    assert scores["bleu"].value == pytest.approx(BLEU().corpus_score(GIVEN, [TRUE]).score)
    assert scores["chrf"].value == pytest.approx(CHRF().corpus_score(GIVEN, [TRUE]).score)
    assert scores["exact_match"].value == 0.25
    assert scores["bleu"].low <= scores["bleu"].value <= scores["bleu"].high
    chinese = ["你好吗", "他跑得很快。"], ["你好", "他跑得快。"]
    expected = BLEU(tokenize="zh").corpus_score(chinese[1], [chinese[0]]).score
    assert bleu_of(bleu_counts(*chinese, unspaced=True)) == pytest.approx(expected)
    assert translation_scores(TRUE, TRUE)["bleu"].value == 100.0
    assert not caplog.records  # what the library has to say about sentences does not concern the user
    assert "tok:13a" in signatures(TRUE)["bleu"]
    assert "tok:zh" in signatures(TRUE, unspaced=True)["bleu"]


def test_rouge_is_that_of_the_paper():
    # The examples of Lin 2004, section 3.1: S2 and S3 share a bigram less, in order S2 keeps three words and S3 two.
    s1, s2, s3 = (s.split() for s in ("police killed the gunman", "police kill the gunman", "the gunman kill police"))
    assert rouge_l(s1, s2) == 3 / 4
    assert rouge_l(s1, s3) == 2 / 4
    assert rouge_n(s1, s2, 2) == rouge_n(s1, s3, 2) == 1 / 3
    assert rouge_n([], [], 1) == rouge_l([], []) == 1.0
    assert rouge_l(["a"], []) == rouge_n(["a"], ["a"], 2) - 1 == 0.0


def test_chinese_shares_characters_where_no_space_parts_words():
    scores = translation_scores(["他跑得很快。"], ["他跑得快！"])
    assert scores["rouge_1"].value == pytest.approx(2 * 4 / 9)
    assert scores["rouge_2"].value == pytest.approx(2 * 2 / 7)
    assert scores["rouge_l"].value == pytest.approx(2 * 4 / 9)


@pytest.mark.parametrize(
    ("true", "given", "expected"),
    [
        (["dog", "house"], ["cat", "tree"], (0, 0, 0)),
        (["four five", "two", "one", "five"], ["", "", "", ""], (0, 0, 0)),
        (["¿?", "→"], ["!!", "←"], (0, 0, 0)),
        (["!!", ""], ["!! !!", "!"], (0, 0, 0)),
        (["dog", "?!", " "], ["Dog", "?!", ""], (1, 1, 1)),
        (["dog", "two"], ["dog", ""], (0.5, 0.5, 0.5)),
    ],
)
def test_a_wrong_answer_without_a_word_or_a_pair_earns_nothing(true, given, expected):
    scores = translation_scores(true, given, only=("rouge_1", "rouge_2", "rouge_l"))
    assert tuple(scores[name].value for name in ("rouge_1", "rouge_2", "rouge_l")) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में।", ["हिन्दी", "में"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("Cafe\u0301, naïve!", ["cafe\u0301", "naïve"]),
        ("ที่นี่ ၊ か\u3099・き", ["ที่", "นี่", "か\u3099", "き"]),
        ("❤️ \u0301a", ["a"]),
        (" ?! ", ["?!"]),
        (" ", []),
    ],
)
def test_words_of_rouge_keep_their_marks(text, words):
    assert rouge_words(text) == words


def test_words_that_differ_in_a_vowel_sign_are_two():
    assert translation_scores(["हिन्दी में"], ["हिन्दा मा"], only=["rouge_1"])["rouge_1"].value == 0


def test_the_longest_common_subsequence_by_its_definition():
    def longest(a: list[int], b: list[int]) -> int:
        if not a or not b:
            return 0
        return longest(a[1:], b[1:]) + 1 if a[0] == b[0] else max(longest(a[1:], b), longest(a, b[1:]))

    draw = np.random.default_rng(0)
    for _ in range(40):
        a, b = (draw.integers(0, 3, draw.integers(1, 7)).tolist() for _ in range(2))
        assert rouge_l(list(map(str, a)), list(map(str, b))) == pytest.approx(2 * longest(a, b) / (len(a) + len(b)))


def test_the_dictionary_is_expectation_and_maximisation():
    pairs = ["das haus", "das buch", "ein buch", "klein"], ["the house", "the book", "a book", "small"]
    sources, targets = ([text.split() for text in side] for side in pairs)
    # The same by loops over the definition.
    every = sorted({word for one in targets for word in one})
    d = {(s, t): 1.0 for s in {"", *(w for one in sources for w in one)} for t in every}
    for _ in range(5):
        counts = dict.fromkeys(d, 0.0)
        for source, target in zip(sources, targets, strict=True):
            for t in target:
                total = sum(d[s, t] for s in ["", *source])
                for s in ["", *source]:
                    counts[s, t] += d[s, t] / total
        d = {(s, t): c / sum(counts[s, o] for o in every) for (s, t), c in counts.items()}
    found = DictionaryBaseline().fit(sources, targets)
    for word in {w for one in sources for w in one}:
        assert found.entries[word] == max(every, key=lambda t: d[word, t])
    assert found.predict([["ein", "kleines", "haus"]]) == [["a", "kleines", "house"]]
    assert DictionaryBaseline().fit([], []).predict([["a"]]) == [["a"]]


def test_the_verdict_needs_more_than_chance():
    better = compare_translations(TRUE * 10, TRUE * 10, GIVEN * 10, "it", sentences=True, unspaced=False)
    assert better.verdict == "better"
    same = compare_translations(TRUE, GIVEN, GIVEN, "it", sentences=False, unspaced=False)
    assert same.verdict == "not distinguishable"


def test_without_sacrebleu_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu.metrics", None)
    with pytest.raises(InputError, match=r"pip install 'treadle\[translate\]'"):
        translation.sacrebleu()


def test_the_page_shows_attention_lengths_and_the_worst_sentences():
    split = TranslatedSplit([f"<{text}>" for text in TRUE] * 4, TRUE * 4, ["x, line 1"] * 16, np.arange(16) + 3)
    weights = np.array([[0.9, 0.1, 0.0], [0.0, 0.25, 0.75]], dtype=np.float32)
    page = render(
        build_translation_report(
            "title",
            {"test": split},
            TranslatingSystem("model", {"test": GIVEN * 4}),
            sentences=True,
            unspaced=False,
            baseline=TranslatingSystem("words", {"test": TRUE * 4}),
            looked=[Looked(["ein", "▁Hut", " "], ["a", "hat"], weights, "x, line 2")],
        )
    )
    assert "Worst sentences" in page
    assert "It rains in town." in page
    assert "&lt;It rains" in page
    assert "BLEU by length" in page
    assert "a at ein, hat at  " in page
    assert "Worse than words" in page


def test_a_picture_has_a_field_for_every_weight_that_can_be_seen():
    svg = attention_map(["a", "b"], ["x", "y", "z"], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    assert svg.count("opacity: 0.5") >= 2
    assert "x at a, y at a, z at b" in svg


def test_a_picture_of_attention_keeps_letters_that_matplotlib_has_no_font_for() -> None:
    svg = attention_map(["今天", "。"], ["today"], [[0.9, 0.1]])
    assert "今天" in svg
    assert "。" in svg
