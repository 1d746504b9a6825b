"""What a language model has to beat: an interpolated n-gram model with modified Kneser-Ney smoothing."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from treadle.errors import InputError

Tokens = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FALLBACK = (0.5, 1.0, 1.5)


class _Order(NamedTuple):
    """All n-grams of one length n, numbered from 0 in the order of their keys.

    An n-gram's key is the number of its first n - 1 tokens among the (n - 1)-grams, times the number of symbols and the
    mark, plus its last token: the n-grams that begin with the same history stand together. A single token is its own
    number, met or not.
    """

    keys: Integers
    shares: Floats  # of every n-gram: max(c(h w) - D, 0) / c(h)
    rests: Floats  # of every (n - 1)-gram as a history h: what is left for the shorter one, gamma(h)


class _Counted(NamedTuple):
    """The n-grams of one length as they occur."""

    keys: Integers
    occurrences: Integers
    shorter: Integers  # the number of every n-gram without its first token, among the (n - 1)-grams


class KneserNey:
    r"""An n-gram language model over integer tokens, by interpolated modified Kneser-Ney smoothing.

    For a history \(h\) of \(n-1\) tokens, and \(h'\) the same without its first token,

    $$\begin{aligned}
    p_n(w\mid h) &= \frac{\max(c_n(hw)-D_n(c_n(hw)),\,0)}{\sum_v c_n(hv)}+\gamma_n(h)\,p_{n-1}(w\mid h'), \\
    \gamma_n(h) &= \frac{D_{n,1}N_1(h\,\cdot)+D_{n,2}N_2(h\,\cdot)+D_{n,3}N_{3+}(h\,\cdot)}{\sum_v c_n(hv)},
    \qquad p_0(w)=\frac1V.
    \end{aligned}$$

    At the highest order \(c_n\) counts occurrences; below, it counts the different tokens that stand before the n-gram.
    \(N_i(h\,\cdot)\) is how many tokens follow \(h\) with count \(i\). With \(n_i\) n-grams of count \(i\) and
    \(Y=n_1/(n_1+2n_2)\), the discounts are \(D_1=1-2Y\frac{n_2}{n_1}\), \(D_2=2-3Y\frac{n_3}{n_2}\) and
    \(D_3=3-4Y\frac{n_4}{n_3}\). Where an \(n_i\) is 0 or a discount lies outside \((0, i]\), as on tiny data or for a
    small alphabet, that order takes 0.5, 1 and 1.5.

    A document begins with a mark that is part of histories and never predicted; nothing stands before it, so below the
    highest order an n-gram that begins with it keeps its number of occurrences (Heafield et al. 2013). The end of a
    document is no symbol. A symbol that training did not hold has the probability that \(p_0\) leaves it.

    Memory: about 30 bytes for every different n-gram of every length.

    Args:
        symbols: How many numbers there are; tokens are below it.
        order: Length of the longest n-gram: 5 is usual for words, 6 or more for characters.
        padding: A number that stands for no symbol and has probability 0; None if all are symbols.

    Raises:
        ValueError: No symbol, or an order below 1.

    Example:
        >>> model = KneserNey(5, order=2, padding=None).fit([np.array([2, 3, 4, 2, 3])])
        >>> likeliest = model.distribution(np.array([2])).argmax()
        >>> int(likeliest), round(float(np.exp(model.distribution(np.array([2]))).sum()), 9)
        (3, 1.0)

    Source: S. F. Chen & J. Goodman, "An empirical study of smoothing techniques for language modeling", Harvard
    TR-10-98, 1998, section 4.1.6; K. Heafield et al., "Scalable modified Kneser-Ney language model estimation", ACL
    2013.
    """

    def __init__(self, symbols: int, order: int = 5, *, padding: int | None = 0) -> None:
        if order < 1 or symbols - (padding is not None) < 1:
            raise ValueError(f"order {order} over {symbols} symbols: expected an order of 1 or more and a symbol")
        self.symbols = symbols
        self.order = order
        self.padding = padding
        self._mark = symbols  # the beginning of a document
        self._orders: list[_Order] = []
        self._discounts: list[tuple[float, float, float]] = []

    @property
    def discounts(self) -> list[tuple[float, float, float]]:
        """D for counts 1, 2 and 3 or more, of every order from 1 up; empty before `fit`."""
        return list(self._discounts)

    def fit(self, documents: Iterable[Tokens]) -> Self:
        """Count the n-grams of training documents.

        Args:
            documents: `[length]` tokens each; histories do not cross from one to the next.

        Raises:
            InputError: There is no token.
            ValueError: A token is not below `symbols`, or is padding.
        """
        tokens, place = self._stream(list(documents), start=True)
        if not (place > 0).any():
            raise InputError("an n-gram model cannot be fitted: found no token, expected one or more")
        counted = self._count(tokens, place)
        self._orders, self._discounts = [], []
        histories = 1
        for n, (keys, occurrences, _) in enumerate(counted, 1):
            counts = occurrences
            if n < self.order:
                before = np.bincount(counted[n].shorter, minlength=len(keys))
                counts = np.where(before > 0, before, occurrences)  # nothing stands before what begins a document
            discounts = _discounts(counts)
            self._discounts.append(discounts)
            self._orders.append(_smoothed(keys, counts, discounts, keys // (self.symbols + 1), histories))
            histories = len(keys)
        return self

    def score(self, documents: Sequence[Tokens], *, start: bool = True) -> list[Floats]:
        r"""\(\ln p(w_t\mid w_{t-n+1}\ldots w_{t-1})\) of every token of every document.

        Args:
            documents: `[length]` tokens each, histories within a document only.
            start: Whether each begins a document; False where it is cut out of one and what stood before is unknown.

        Returns:
            `[length]` natural logarithms each.

        Raises:
            ValueError: The model is not fitted, or a token is not below `symbols` or is padding.
        """
        self._check_fitted()
        tokens, place = self._stream(documents, start=start)
        p: Floats = np.full(len(tokens), 1 / self._choices)
        # The number of the history of n - 1 tokens before every token: -1 where it was not met in training.
        history = np.zeros(len(tokens), np.int64)
        for n, order in enumerate(self._orders, 1):
            known = history >= 0
            p[known] *= order.rests[history[known]]
            number = self._find(order.keys, history, tokens)
            met = number >= 0
            p[met] += order.shares[number[met]]
            history = np.where(place >= n, np.roll(number, 1), -1)
        scores = np.log(p)
        ends = np.cumsum([0, *(len(document) + start for document in documents)])
        return [scores[a + start : b] for a, b in pairwise(ends)]

    def distribution(self, history: Tokens, *, start: bool = True) -> Floats:
        r"""\(\ln p(w\mid h)\) of every symbol as the next one.

        Args:
            history: `[length]` all tokens so far, or the last ones.
            start: Whether the history begins a document.

        Returns:
            `[symbols]` natural logarithms; -inf for padding.

        Raises:
            ValueError: The model is not fitted, or a token is not below `symbols` or is padding.
        """
        self._check_fitted()
        tokens, _ = self._stream([history[max(0, len(history) - self.order + 1) :]], start=False)
        if start and len(tokens) < self.order - 1:
            tokens = np.concatenate([[self._mark], tokens])
        p: Floats = np.full(self.symbols, 1 / self._choices)
        if self.padding is not None:
            p[self.padding] = 0.0
        for n, order in enumerate(self._orders, 1):
            number = self._number(tokens[len(tokens) - n + 1 :]) if n - 1 <= len(tokens) else -1
            if number < 0:
                break
            p *= order.rests[number]
            first = number * (self.symbols + 1)
            low, high = np.searchsorted(order.keys, [first, first + self.symbols])
            p[order.keys[low:high] - first] += order.shares[low:high]
        with np.errstate(divide="ignore"):  # padding
            return np.log(p)

    @property
    def _choices(self) -> int:
        return self.symbols - (self.padding is not None)

    def _check_fitted(self) -> None:
        if not self._orders:
            raise ValueError("the n-gram model is not fitted; call fit first")

    def _stream(self, documents: Sequence[Tokens], *, start: bool) -> tuple[Integers, Integers]:
        """All documents behind one another, each after its mark if `start`; and how many tokens stand before each."""
        parts: list[Integers] = []
        places: list[Integers] = []
        for document in documents:
            tokens = np.asarray(document, dtype=np.int64)
            outside = (tokens < 0) | (tokens >= self.symbols)
            if self.padding is not None:
                outside |= tokens == self.padding
            if outside.any():
                raise ValueError(f"token {tokens[outside][0]} is none of the model's {self.symbols} symbols")
            parts.append(np.concatenate([np.full(int(start), self._mark), tokens]))
            places.append(np.arange(len(parts[-1])))
        nothing = [np.zeros(0, np.int64)]
        return np.concatenate(parts or nothing), np.concatenate(places or nothing)

    def _count(self, tokens: Integers, place: Integers) -> list[_Counted]:
        """The n-grams of every order."""
        occurrences = np.bincount(tokens[place > 0], minlength=self.symbols + 1)
        counted = [_Counted(np.arange(self.symbols + 1), occurrences, np.zeros(0, np.int64))]
        number = tokens  # of the n-gram that ends with every token
        for n in range(2, self.order + 1):
            at = np.flatnonzero(place >= n - 1)
            keys, first, inverse, occurrences = np.unique(
                number[at - 1] * (self.symbols + 1) + tokens[at],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            counted.append(_Counted(keys, occurrences, number[at[first]]))
            number = np.full(len(tokens), -1)
            number[at] = inverse
        return counted

    def _find(self, keys: Integers, history: Integers, tokens: Integers) -> Integers:
        """The number of every n-gram, from those of its history; -1 where it was not met."""
        if len(keys) == 0:
            return np.full(len(tokens), -1)
        wanted = np.where(history >= 0, history * (self.symbols + 1) + tokens, -1)
        number = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[number] == wanted, number, -1)

    def _number(self, tokens: Integers) -> int:
        """The number of one n-gram as a history; -1 where it was not met."""
        number = int(tokens[0]) if len(tokens) else 0
        for order, token in zip(self._orders[1:], tokens[1:], strict=False):
            number = int(self._find(order.keys, np.array([number]), np.array([token]))[0])
            if number < 0:
                break
        return number


def _discounts(counts: Integers) -> tuple[float, float, float]:
    n1, n2, n3, n4 = (int(np.sum(counts == i)) for i in (1, 2, 3, 4))
    if 0 in (n1, n2, n3, n4):
        return _FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if all(0 < d <= i for i, d in enumerate(found, 1)) else _FALLBACK


def _smoothed(
    keys: Integers, counts: Integers, discounts: tuple[float, float, float], history: Integers, histories: int
) -> _Order:
    taken = np.array([0.0, *discounts])[np.minimum(counts, 3)]
    total = np.bincount(history, counts, minlength=histories)
    rests = np.ones(histories)  # where nothing ever followed, all is left for the shorter history
    np.divide(np.bincount(history, taken, minlength=histories), total, out=rests, where=total > 0)
    return _Order(keys, (counts - taken) / total[history], rests)
