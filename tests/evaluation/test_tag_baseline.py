"""The tagger that looks at one token at a time."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.data.tagging import read_tagged
from treadle.evaluation.baselines.tags import FrequentTagBaseline

SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b", "Aa", "c1", "the"]), st.sampled_from("NVD")), min_size=1), min_size=1
)


@given(SENTENCES)
def test_a_token_gets_a_tag_that_it_had_most_often(pairs):
    tokens, tags = [[t for t, _ in row] for row in pairs], [[g for _, g in row] for row in pairs]
    counts: dict[str, Counter[str]] = {}
    for row in pairs:
        for token, tag in row:
            counts.setdefault(token, Counter())[tag] += 1
    given_ = FrequentTagBaseline().fit(tokens, tags).predict([list(counts)])[0]
    for (token, of_token), tag in zip(counts.items(), given_, strict=True):
        assert of_token[tag] == max(of_token.values()), token


@given(SENTENCES, st.text(min_size=1))
def test_every_token_gets_a_tag_of_the_training_data_the_same_one_whatever_the_order(pairs, token):
    def answer(rows):
        tokens, tags = [[t for t, _ in row] for row in rows], [[g for _, g in row] for row in rows]
        return FrequentTagBaseline().fit(tokens, tags).predict([[token, "unseen"]])

    assert answer(pairs) == answer(pairs[::-1])
    assert set(answer(pairs)[0]) <= {tag for row in pairs for _, tag in row}


def test_unseen_tokens_are_taken_for_those_seen_once_and_not_for_frequent_ones():
    tokens = [["the", "dog"], ["the", "cat"], ["the", "fox"], ["the", "running"], ["the", "jumping"]]
    tags = [["D", "N"], ["D", "N"], ["D", "N"], ["D", "V"], ["D", "V"]]
    baseline = FrequentTagBaseline().fit(tokens, tags)
    assert baseline.predict([["owl", "singing", "the"]]) == [["N", "V", "D"]]
    assert baseline.description == "6 tokens; of others, by the 5 that training held once"


def test_case_and_digits_tell_unseen_tokens_apart():
    tokens = [["Ada", "Bob", "Eve", "1815", "x86", "dog", "owl", "cow", "pig"]]
    tags = [["P", "P", "P", "9", "9", "N", "N", "N", "N"]]
    assert FrequentTagBaseline().fit(tokens, tags).predict([["Ursula", "1936", "yak"]]) == [["P", "9", "N"]]


def test_training_without_a_token_seen_once_still_answers():
    assert FrequentTagBaseline().fit([["a", "a", "b", "b"]], [["N", "N", "V", "N"]]).predict([["zz"]]) == [["N"]]


def test_without_a_token_there_is_nothing_to_learn():
    with pytest.raises(ValueError, match="no token"):
        FrequentTagBaseline().fit([], [])


@pytest.mark.data
def test_parts_of_speech_of_english_as_the_literature_has_it(data_folder):
    """Most-frequent-tag baselines are near 92 % on WSJ news (Jurafsky & Martin, 3rd ed., 17.2); web text is harder."""
    folder = data_folder / "tagging/ud_english_ewt"
    train = read_tagged(folder / "en_ewt-ud-train.conllu.gz", tags="upos")
    dev = read_tagged(folder / "en_ewt-ud-dev.conllu.gz", tags="upos")
    given_ = FrequentTagBaseline().fit(train.tokens, train.tags).predict(dev.tokens)
    right = sum(a == b for x, y in zip(given_, dev.tags, strict=True) for a, b in zip(x, y, strict=True))
    assert 0.86 < right / sum(map(len, dev.tags)) < 0.92
