"""ROUGE: how many words, pairs of words and words in order a summary shares with the true one."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from treadle.evaluation.marks import MARK, found_in

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Myanmar, Khmer, Kana and Chinese characters, which no space sets apart."""

_WORD = re.compile(rf"(?=\w)[{_UNSPACED}]{MARK}*|(?:[^\W{_UNSPACED}]{MARK}*)+")


def rouge_n(true: Sequence[str], given: Sequence[str], size: int) -> float:
    r"""F1 of shared n-grams: \(2 \sum_g \min(c_g, c'_g) / (\sum_g c_g + \sum_g c'_g)\).

    Where neither has any, it is 1 if the two are equal, else 0.

    Args:
        true: Tokens of the truth.
        given: Tokens of the answer.
        size: n.

    Source: C.-Y. Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, section 2, with F1 in the place
    of recall, as is usual since.

    Example:
        >>> rouge_n("the cat sat".split(), "the cat ran".split(), 1)
        0.6666666666666666
    """
    counts = [Counter(zip(*(one[shift:] for shift in range(size)), strict=False)) for one in (true, given)]
    total = counts[0].total() + counts[1].total()
    return 2 * (counts[0] & counts[1]).total() / total if total else float([*true] == [*given])


def rouge_l(true: Sequence[str], given: Sequence[str]) -> float:
    """F1 of the longest common subsequence: twice its length, divided by the length of both; 1 where both are empty.

    Source: Lin 2004, section 3.1.

    Example:
        >>> rouge_l("police killed the gunman".split(), "police kill the gunman".split())
        0.75
    """
    total = len(true) + len(given)
    if not total:
        return 1.0
    number = {token: place for place, token in enumerate(dict.fromkeys([*true, *given]))}
    across = np.array([number[token] for token in given], dtype=np.int64)
    row = np.zeros(len(given) + 1, dtype=np.int64)
    for token in true:
        extended = np.where(across == number[token], row[:-1] + 1, row[1:])
        row[1:] = np.maximum.accumulate(extended)
    return 2 * int(row[-1]) / total


def rouge_words(text: str) -> list[str]:
    """The words of a text as ROUGE takes them: lower case, with their accents and vowel signs, without punctuation.

    Of a script without spaces, each character is one. A text without words, such as "?!", is one itself.

    Example:
        >>> rouge_words("The cat's name: 咪咪。")
        ['the', 'cat', 's', 'name', '咪', '咪']
    """
    text = text.strip().lower()
    found = found_in(text, _WORD)
    return (found or [text]) if text else []
