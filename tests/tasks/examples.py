"""Small data with a rule that a network learns in a second, one function a kind of input; and a small network."""

from typing import Any

import numpy as np

from treadle import SequenceClassifier

FILLERS = ("the", "film", "story", "actor", "was", "and", "it", "plot", "with", "scene")


def small(**options: Any) -> SequenceClassifier:
    """A classifier that trains in about a second."""
    fast = {"hidden_size": 12, "embedding_size": 12, "dropout": 0.0, "embedding_dropout": 0.0, "word_dropout": 0.0}
    return SequenceClassifier(**(fast | {"epochs": 12, "learning_rate": 0.02, "batch_size": 8} | options))


def texts(rows: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sentences that hold "fine" or "dull", which is their label, among fillers."""
    random = np.random.default_rng(seed)
    labels = [("good", "bad")[row % 2] for row in range(rows)]
    found = []
    for label in labels:
        words = random.choice(FILLERS, random.integers(3, 9)).tolist()
        words.insert(int(random.integers(len(words) + 1)), "fine" if label == "good" else "dull")
        found.append(" ".join(words))
    return found, labels


def chinese(rows: int) -> tuple[list[str], list[str]]:
    """Chinese sentences that hold 好 or 差, without spaces."""
    random = np.random.default_rng(1)
    labels = [("好评", "差评")[row % 2] for row in range(rows)]
    found = []
    for label in labels:
        signs = random.choice(list("这家店的味道今天送得有点"), random.integers(4, 10)).tolist()
        signs.insert(int(random.integers(len(signs) + 1)), label[0])
        found.append("".join(signs))
    return found, labels


def tokens(rows: int) -> tuple[list[list[str]], list[str]]:
    """`texts`, split already."""
    x, y = texts(rows, seed=2)
    return [row.split() for row in x], y


def symbols(rows: int) -> tuple[list[str], list[str]]:
    """DNA with or without TATAAA in it."""
    random = np.random.default_rng(3)
    labels = [("promoter", "none")[row % 2] for row in range(rows)]
    found = []
    for label in labels:
        strand = "".join(random.choice(list("ACG" if label == "none" else "ACGT"), random.integers(24, 40)))
        cut = int(random.integers(len(strand)))
        found.append(strand[:cut] + ("TATAAA" if label == "promoter" else "") + strand[cut:])
    return found, labels


def series(rows: int, channels: int = 2) -> tuple[list[np.ndarray[Any, Any]], list[str]]:
    """Numbers `[time, channels]` of different lengths whose first channel rises or falls."""
    random = np.random.default_rng(4)
    labels = [("up", "down")[row % 2] for row in range(rows)]
    found = []
    for label in labels:
        length = int(random.integers(4, 12))
        values = random.normal(0, 0.3, (length, channels))
        values[:, 0] += np.linspace(-2, 2, length) * (1 if label == "up" else -1)
        found.append(values)
    return found, labels


KINDS = {"text": texts, "chinese": chinese, "tokens": tokens, "symbols": symbols, "series": series}
"""Every kind of input, by name."""
