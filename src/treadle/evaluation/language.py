"""How well a language model foresees a text: perplexity and bits, with intervals over its documents."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.evaluation.intervals import Interval, bootstrap_interval
from treadle.evaluation.scores import Estimate

_FEWEST_BLOCKS = 50
_WINDOW = 500  # tokens: far beyond what one surprise tells about the next

Nats = Sequence[npt.NDArray[np.floating[Any]]]


def language_metrics(nats: Nats, characters: Sequence[int] | None = None) -> dict[str, Estimate]:
    r"""Metrics of a language model from what every token cost it.

    With \(\ell_t=-\ln p(w_t\mid w_{<t})\) over all N tokens of a text of C characters:

    - `nats_per_token`: \(\frac1N\sum_t\ell_t\).
    - `bits_per_token`: the same divided by \(\ln 2\).
    - `perplexity`: \(\exp\frac1N\sum_t\ell_t\), as if each token had been one of so many equally likely ones. Only
      models with the same tokens can be compared by it.
    - `bits_per_character`: \(\frac{1}{C\ln 2}\sum_t\ell_t\). Models of words, sub-words, characters and bytes can be
      compared by it, if they cover the same text and count the same characters. A model of words is told too good
      by as much as it would need to spell the words it calls unknown.

    The 95 % intervals are a block bootstrap, as tokens near each other are alike: whole documents are drawn again where
    there are 50 or more. Otherwise, documents are cut into windows of 500 tokens, or of as many as give about 50
    windows; a window counts its document's characters in proportion to its tokens. Source: Carlstein 1986, whose blocks
    do not overlap.

    Args:
        nats: \(\ell_t\), `[length]` for every document; a document may be empty.
        characters: How many every document has in the text as it was given; None leaves `bits_per_character` out.

    Returns:
        Metric name to estimate. A figure that is infinite, as where a token had probability 0, has no interval.

    Raises:
        ValueError: No token, no character, or not a number of characters for every document.

    Example:
        >>> metrics = language_metrics([np.full(6, np.log(4.0))], [24])
        >>> round(metrics["perplexity"].value, 6), round(metrics["bits_per_character"].value, 6)
        (4.0, 0.5)
    """
    sums, tokens, letters = _blocks(nats, characters)
    mean = _ratio(sums, tokens)
    interval = _interval(sums, tokens)
    metrics = {
        "perplexity": _transformed(mean, interval, _exp),
        "nats_per_token": _transformed(mean, interval, float),
        "bits_per_token": _transformed(mean, interval, _bits),
    }
    if characters is not None:
        metrics["bits_per_character"] = _transformed(_ratio(sums, letters), _interval(sums, letters), _bits)
    return metrics


def language_difference(model: Nats, baseline: Nats) -> Estimate:
    """By how many nats a token a model is above a baseline, both on the same tokens; below 0 it is better.

    The interval is that of `language_metrics`, both models on the same drawn blocks.

    Args:
        model: `[length]` nats of every document.
        baseline: The same of the baseline.

    Raises:
        ValueError: No token, or documents that differ in length.

    Example:
        >>> language_difference([np.array([1.0, 2.0])], [np.array([1.5, 2.5])])
        Estimate(value=-0.5, low=-0.5, high=-0.5)
    """
    if [len(one) for one in model] != [len(one) for one in baseline]:
        raise ValueError("model and baseline have documents of different lengths: expected the same tokens")
    sums, tokens, _ = _blocks(model, None)
    others, _, _ = _blocks(baseline, None)
    return _transformed(_ratio(sums - others, tokens), _interval(sums - others, tokens), float)


def _blocks(
    nats: Nats, characters: Sequence[int] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum of nats, number of tokens and number of characters of every block that is drawn as a whole."""
    total = sum(len(document) for document in nats)
    if total == 0:
        raise ValueError("a language model cannot be measured on no token: expected one or more")
    counted = [0] * len(nats) if characters is None else list(characters)
    if len(counted) != len(nats) or (characters is not None and sum(counted) < 1):
        raise ValueError(
            f"{sum(counted)} characters in {len(counted)} documents: expected one or more in {len(nats)} documents"
        )
    whole = len(nats) >= _FEWEST_BLOCKS
    window = total if whole else max(1, min(_WINDOW, total // _FEWEST_BLOCKS))
    sums, tokens, letters = [], [], []
    for document, count in zip(nats, counted, strict=True):
        values = np.asarray(document, dtype=np.float64)
        starts = np.arange(0, max(1, len(values)), window)
        sizes = np.diff([*starts, len(values)])
        sums.append(np.add.reduceat(values, starts) if len(values) else np.zeros(1))
        tokens.append(sizes)
        letters.append(count * sizes / len(values) if len(values) else np.array([count]))
    return np.concatenate(sums), np.concatenate(tokens).astype(np.float64), np.concatenate(letters).astype(np.float64)


def _ratio(sums: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> float:
    whole = float(counts.sum())
    return float(sums.sum()) / whole if whole else math.nan  # a draw of empty documents only


def _interval(sums: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> Interval | None:
    return bootstrap_interval(_ratio, sums, counts) if np.isfinite(sums).all() else None


def _transformed(value: float, interval: Interval | None, unit: Callable[[float], float]) -> Estimate:
    return Estimate(unit(value)) if interval is None else Estimate(unit(value), unit(interval.low), unit(interval.high))


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 709 else math.inf  # where the greatest double ends


def _bits(nats: float) -> float:
    return nats / math.log(2)
