"""The n-gram baseline: the published formulas, a distribution whatever the history, and the published figure on PTB."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.errors import InputError
from treadle.evaluation.baselines.ngram import KneserNey

MARK = "<s>"


class Formulas:
    """Chen and Goodman 1998, section 4.1.6, term by term over dictionaries of tuples."""

    def __init__(self, documents, symbols, order):
        self.order, self.choices = order, range(1, symbols)
        seen = {n: Counter() for n in range(1, order + 1)}
        for document in documents:
            padded = (MARK, *document)
            for n in seen:
                for end in range(max(2, n), len(padded) + 1):
                    seen[n][padded[end - n : end]] += 1
        # Below the highest order: how many different tokens stand before; what begins a document has none before it.
        self.counts = {order: seen[order]}
        for n in range(1, order):
            before = defaultdict(set)
            for gram in seen[n + 1]:
                before[gram[1:]].add(gram[0])
            self.counts[n] = {gram: len(before[gram]) or number for gram, number in seen[n].items()}
        self.discounts = {n: self.discounts_of(list(counts.values())) for n, counts in self.counts.items()}

    @staticmethod
    def discounts_of(counts):
        n = [counts.count(i) for i in range(5)]
        if min(n[1:]) == 0:
            return 0.5, 1.0, 1.5
        y = n[1] / (n[1] + 2 * n[2])
        found = 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]
        inside = all(0 < d <= i for i, d in enumerate(found, 1))
        return found if inside else (0.5, 1.0, 1.5)

    def probability(self, word, history):
        p = 1 / len(self.choices)
        for n in range(1, self.order + 1):
            if n - 1 > len(history):
                break
            h = tuple(history[len(history) - n + 1 :])
            follow = {gram[-1]: count for gram, count in self.counts[n].items() if gram[:-1] == h}
            if not follow:
                break
            total = sum(follow.values())
            discount = self.discounts[n]
            left = sum(discount[min(count, 3) - 1] for count in follow.values()) / total
            kept = follow[word] - discount[min(follow[word], 3) - 1] if word in follow else 0.0
            p = kept / total + left * p
        return p


documents_of = st.lists(st.lists(st.integers(1, 6), max_size=25), min_size=1, max_size=4).filter(any)


def arrays(documents):
    return [np.array(document, dtype=np.int64) for document in documents]


@settings(max_examples=40)
@given(train=documents_of, test=documents_of, order=st.integers(1, 4))
def test_agrees_with_the_formulas(train, test, order):
    model, formulas = KneserNey(8, order).fit(arrays(train)), Formulas(train, 8, order)
    for document, scores in zip(test, model.score(arrays(test)), strict=True):
        expected = [formulas.probability(word, (MARK, *document[:t])) for t, word in enumerate(document)]
        np.testing.assert_allclose(np.exp(scores), expected, rtol=1e-10)
    for document, scores in zip(test, model.score(arrays(test), start=False), strict=True):
        expected = [formulas.probability(word, tuple(document[:t])) for t, word in enumerate(document)]
        np.testing.assert_allclose(np.exp(scores), expected, rtol=1e-10)


def zipf(length, seed):
    """Tokens with a memory of one step, rare and common, so that every discount is defined."""
    rng = np.random.default_rng(seed)
    steps = 1 / np.arange(1, 60)
    tokens = np.cumsum(rng.choice(59, length, p=steps / steps.sum()) ** 2) % 59
    return tokens + 1


def test_agrees_with_the_formulas_where_discounts_are_the_data_s_own():
    train, test = zipf(4000, 0), zipf(30, 1)
    model, formulas = KneserNey(60, 3).fit([train]), Formulas([train.tolist()], 60, 3)
    own = [number for number in (1, 2, 3) if formulas.discounts[number] != (0.5, 1.0, 1.5)]
    assert 3 in own
    assert model.discounts == [pytest.approx(formulas.discounts[n]) for n in (1, 2, 3)]
    expected = [formulas.probability(word, (MARK, *test[:t].tolist())) for t, word in enumerate(test.tolist())]
    np.testing.assert_allclose(np.exp(model.score([test])[0]), expected, rtol=1e-10)


@settings(max_examples=40)
@given(
    train=documents_of, history=st.lists(st.integers(1, 7), max_size=6), order=st.integers(1, 6), start=st.booleans()
)
def test_the_next_symbol_has_a_distribution_whatever_the_history(train, history, order, start):
    model = KneserNey(8, order).fit(arrays(train))
    scores = model.distribution(np.array(history, dtype=np.int64), start=start)
    assert scores[0] == -np.inf
    assert np.isfinite(scores[1:]).all()
    assert np.exp(scores).sum() == pytest.approx(1)
    for word in range(1, 8):
        assert model.score(arrays([[*history, word]]), start=start)[0][-1] == pytest.approx(scores[word])


def test_documents_do_not_lend_each_other_their_history():
    model = KneserNey(60, 4).fit([zipf(300, 0), zipf(200, 1)])
    test = [zipf(30, 2), np.zeros(0, np.int64), zipf(1, 3), zipf(20, 4)]
    together = model.score(test)
    assert [len(scores) for scores in together] == [30, 0, 1, 20]
    for document, scores in zip(test, together, strict=True):
        np.testing.assert_array_equal(model.score([document])[0], scores)


def test_a_longer_history_helps_where_the_data_have_one():
    # A period of four symbols in which each one follows two others: two tokens tell the next, one does not.
    tokens = np.tile([1, 2, 1, 3], 200)
    perplexity = [float(np.exp(-KneserNey(4, n).fit([tokens]).score([tokens])[0].mean())) for n in (1, 2, 3)]
    assert perplexity[0] > perplexity[1] > perplexity[2]
    assert perplexity[2] < 1.05


@pytest.mark.parametrize("tokens", [[1], [1, 1, 1, 1], [1, 2], list(range(1, 8))])
def test_tiny_data_give_finite_scores_also_for_symbols_never_met(tokens):
    model = KneserNey(9, 5).fit([np.array(tokens)])
    assert np.isfinite(model.score([np.array([8, *tokens, 8, 8])])[0]).all()


def test_padding_can_be_a_symbol():
    model = KneserNey(3, 2, padding=None).fit([np.array([0, 1, 0, 1])])
    assert np.exp(model.distribution(np.array([1]))).sum() == pytest.approx(1)
    assert model.distribution(np.array([1])).argmax() == 0


def test_what_cannot_be_a_model_is_refused():
    with pytest.raises(ValueError, match="order 0 over 5 symbols"):
        KneserNey(5, 0)
    with pytest.raises(ValueError, match="expected an order of 1 or more and a symbol"):
        KneserNey(1, 2)
    with pytest.raises(InputError, match="found no token"):
        KneserNey(5, 2).fit([np.zeros(0, np.int64)])
    with pytest.raises(InputError, match="found no token"):
        KneserNey(5, 2).fit([])
    with pytest.raises(ValueError, match="not fitted"):
        KneserNey(5, 2).score([np.array([1])])
    for token in (0, 5, -1):
        with pytest.raises(ValueError, match=f"token {token} is none of the model's 5 symbols"):
            KneserNey(5, 2).fit([np.array([1, token])])


@pytest.mark.data
def test_the_published_perplexity_of_the_penn_treebank(data_folder):
    # Mikolov et al. 2011, "Extensions of recurrent neural network language model", table 1: KN5 141.2, sentences apart.
    folder = data_folder / "language" / "ptb_word"

    def sentences(part):
        return [[*line.split(), "\n"] for line in (folder / f"ptb.{part}.txt").read_text().splitlines()]

    train = sentences("train")
    number = {word: i for i, word in enumerate(sorted({word for line in train for word in line}), 1)}
    train, test = (
        [np.array([number[word] for word in line]) for line in lines] for lines in (train, sentences("test"))
    )
    scores = np.concatenate(KneserNey(len(number) + 1, 5).fit(train).score(test))
    assert len(scores) == 82_430
    assert float(np.exp(-scores.mean())) == pytest.approx(141.2, abs=0.1)
