"""TF-IDF features of texts, token lists and symbol strings."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from treadle.evaluation.marks import MARK, found_in

_WORD = re.compile(rf"(?:\w{MARK}*)+|[^\w\s]")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# Han, kana, Thai, Lao, Myanmar, Khmer, Tibetan: scripts that put no space between words.
_UNSPACED = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff]"
)
_LETTER = re.compile(r"[^\W\d_]")
_SAMPLE = 2000  # texts looked at to tell the script
_MANY_ROWS = 1000  # from here on, what occurs in one row only is left out
_MOST_WEIGHTS = 20_000_000  # features times classes: what a linear model may hold in a few hundred MB


class Block(Protocol):
    """Features of one column: fitted on training rows, then the same for any rows."""

    description: str

    def fit(self, values: Sequence[Any], outputs: int) -> sparse.csr_matrix:
        """Features `[rows, features]` of the training rows; `outputs` is how many classes share the weights."""

    def transform(self, values: Sequence[Any]) -> sparse.csr_matrix:
        """Features of other rows."""


def unspaced_share(texts: Sequence[str]) -> float:
    """Which share of the letters belongs to scripts written without spaces (Chinese, Japanese, Thai, ...)."""
    sample = texts[:: max(1, len(texts) // _SAMPLE)]
    unspaced = sum(len(_UNSPACED.findall(text)) for text in sample)
    letters = sum(len(_LETTER.findall(text)) for text in sample)
    return unspaced / letters if letters else 0.0


def word_tokens(text: str) -> list[str]:
    """Lower-cased words with their accents and vowel signs, and punctuation; HTML line breaks are white space.

    Example:
        >>> word_tokens("Good!<br>हिन्दी")
        ['good', '!', 'हिन्दी']
    """
    return found_in(_LINE_BREAK.sub(" ", text).lower(), _WORD)


class NgramBlock:
    r"""Rows of weights \((1+\ln n_{ij})\,\ln\frac{1+N}{1+N_j}+1\), each row scaled to length one.

    Words (1-2-grams) for spaced text and for token lists; characters (1-3-grams) for text of a script without
    spaces, or of less than two words a row (names); symbols (1-5-grams), plus each symbol with its position
    where all rows are equally long.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self.description = ""

    def fit(self, values: Sequence[Any], outputs: int) -> sparse.csr_matrix:
        """Choose the unit, learn the n-grams and their weights; returns the training rows' features."""
        analyse, (low, high), unit = self._choose(values)
        few = len(values) < _MANY_ROWS
        self._vectorizer = _vectorizer(analyse, low, high, 1 if few else 2, _MOST_WEIGHTS // max(1, outputs))
        try:
            features = self._vectorizer.fit_transform(values)
        except ValueError:
            # Its one complaint about a list of strings: no n-gram is left (all rows blank, or no n-gram
            # occurs twice).
            self._vectorizer = _vectorizer(lambda _: ["(blank)"], 1, 1, 1, None)
            features = self._vectorizer.fit_transform(values)
        lengths = {len(value) for value in values} if self.kind == "symbols" else set()
        self._length = lengths.pop() if len(lengths) == 1 else 0
        self.description = f"TF-IDF of {unit} {low}-{high}-grams"
        if self._length:
            self.description += " and of each symbol with its position"
            self._alphabet = sorted({symbol for value in values for symbol in value})
            features = sparse.hstack([features, self._positions(values)])
        return sparse.csr_matrix(features)

    def transform(self, values: Sequence[Any]) -> sparse.csr_matrix:
        """The same features of other rows; n-grams that training did not hold are left out."""
        features = self._vectorizer.transform(values)
        if self._length:
            features = sparse.hstack([features, self._positions(values)])
        return sparse.csr_matrix(features)

    def _choose(self, values: Sequence[Any]) -> tuple[Callable[[Any], list[str]], tuple[int, int], str]:
        if self.kind == "tokens":
            return (lambda tokens: [str(token) for token in tokens]), (1, 2), "token"
        if self.kind == "symbols":
            return list, (1, 5), "symbol"
        words = np.mean([len(text.split()) for text in values[:_SAMPLE]])
        if words < 2 or unspaced_share(values) >= 0.25:
            return (lambda text: list(text.lower())), (1, 3), "character"
        return word_tokens, (1, 2), "word"

    def _positions(self, values: Sequence[str]) -> sparse.csr_matrix:
        """One-hot symbol at every position of the training length, the row scaled to length one."""
        column = {symbol: number for number, symbol in enumerate(self._alphabet)}
        rows, columns = [], []
        for row, value in enumerate(values):
            for position, symbol in enumerate(value[: self._length]):
                if symbol in column:
                    rows.append(row)
                    columns.append(position * len(column) + column[symbol])
        weights: npt.NDArray[np.float32] = np.full(len(rows), self._length**-0.5, dtype=np.float32)
        shape = (len(values), self._length * len(column))
        return sparse.csr_matrix((weights, (rows, columns)), shape=shape)


def _vectorizer(analyse: Callable[[Any], list[str]], low: int, high: int, min_rows: int, most: int | None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        tokenizer=analyse,
        preprocessor=_unchanged,
        token_pattern=None,
        lowercase=False,
        ngram_range=(low, high),
        min_df=min_rows,
        max_features=most,
        sublinear_tf=True,
        dtype=np.float32,
    )


def _unchanged(value: Any) -> Any:
    return value
