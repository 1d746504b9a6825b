"""The baselines themselves: a linear model over the features of all columns, and the floor below it."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from treadle.evaluation.baselines.series import SummaryBlock
from treadle.evaluation.baselines.text import Block, NgramBlock
from treadle.evaluation.metrics import class_indices, indicator
from treadle.evaluation.scores import Task

Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""Column name to (kind, values). Kinds: "text" (strings), "tokens" (lists of strings), "symbols" (strings),
"series" (arrays [T, C])."""

# Logistic regression penalises |w|^2 / 2C. One C serves all columns: a block times sqrt(s) is as if it had C
# = s alone. 10 for TF-IDF and 0.3 for standardised features did well on IMDB, TREC, splice and six UCR sets
# alike.
_STRENGTH = {"text": 10.0, "tokens": 10.0, "symbols": 10.0, "series": 0.3}
_RIDGE_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
_MOST_ITERATIONS = 1000


class Baseline(Protocol):
    """A simple model of the same task.

    Attributes:
        name: A few words, for tables: "TF-IDF + logistic regression".
        description: One phrase that says what was fitted; complete after `fit`.
    """

    name: str
    description: str

    def fit(self, columns: Columns, y: Sequence[Any], classes: Sequence[Any] = ()) -> "Baseline":
        """Learn from training rows.

        Args:
            columns: Input columns, all of the same length.
            y: A label, a collection of labels (multilabel) or a number (regress) a row.
            classes: The order of the probabilities' columns; every label of `y` is among them. Empty for
                regress.
        """

    def predict(self, columns: Columns) -> npt.NDArray[np.float64]:
        """Probabilities `[rows, classes]`, or numbers `[rows]` (regress): what `Predictions.output` takes."""


def baseline(task: Task) -> Baseline:
    """The strong baseline: logistic regression, one a label (multilabel), or ridge regression (regress).

    Features: TF-IDF n-grams of text, tokens and symbols; summary features of series; of several columns, side
        by side.

    Args:
        task: What is predicted.

    Returns:
        An unfitted baseline.

    Example:
        >>> columns = {"review": ("text", ["good food", "bad food", "good", "bad"])}
        >>> model = baseline("classify").fit(columns, ["+", "-", "+", "-"], ["+", "-"])
        >>> bool(model.predict({"review": ("text", ["good"])})[0, 0] > 0.5)
        True
    """
    return LinearBaseline(task)


def floor(task: Task) -> Baseline:
    """The weakest baseline that makes sense: it ignores the input. See `FloorBaseline`."""
    return FloorBaseline(task)


class LinearBaseline:
    """A linear model over the features of every column; deterministic."""

    def __init__(self, task: Task):
        self.task: Task = task
        self.name = "ridge regression" if task == "regress" else "logistic regression"
        self.description = ""

    def fit(self, columns: Columns, y: Sequence[Any], classes: Sequence[Any] = ()) -> "LinearBaseline":
        """Fit features, then the linear model; see `Baseline.fit`."""
        self._blocks: dict[str, Block] = {}
        outputs = len(classes) if len(classes) > 2 else 1
        parts = []
        for column, (kind, values) in columns.items():
            block: Block = SummaryBlock() if kind == "series" else NgramBlock(kind)
            parts.append(block.fit(values, outputs) * _STRENGTH[kind] ** 0.5)
            self._blocks[column] = block
        features = sparse.csr_matrix(sparse.hstack(parts))
        of_what = {"TF-IDF" if isinstance(block, NgramBlock) else "summary features" for block in self._blocks.values()}
        self.name = " + ".join([*sorted(of_what), "ridge" if self.task == "regress" else "logistic regression"])
        self._width = max(len(classes), 1)
        if self.task == "regress":
            converged, self._models = True, [_ridge(features, np.asarray(y, dtype=np.float64))]
        elif self.task == "multilabel":
            self._models = [_decision(features, column) for column in indicator(y, classes).T]
            converged = all(_converged(model) for model in self._models)
        else:
            self._models = [_decision(features, class_indices(y, classes))]
            converged = _converged(self._models[0])
        inputs = "; ".join(
            block.description if len(columns) == 1 else f"{column}: {block.description}"
            for column, block in self._blocks.items()
        )
        self.description = f"{inputs}; {features.shape[1]:,} features"
        if not converged:
            self.description += f"; stopped after {_MOST_ITERATIONS:,} iterations without converging"
        return self

    def predict(self, columns: Columns) -> npt.NDArray[np.float64]:
        """Probabilities or numbers; see `Baseline.predict`."""
        parts = [
            block.transform(columns[name][1]) * _STRENGTH[columns[name][0]] ** 0.5
            for name, block in self._blocks.items()
        ]
        features = sparse.csr_matrix(sparse.hstack(parts))
        if self.task == "regress":
            return np.asarray(self._models[0].predict(features), dtype=np.float64)
        if self.task == "multilabel":
            return np.stack([_probability_of_one(model, features) for model in self._models], axis=1)
        model = self._models[0]
        output = np.zeros((features.shape[0], self._width))
        if isinstance(model, int):
            output[:, model] = 1.0
        else:
            output[:, model.classes_] = model.predict_proba(features)
        return output


class FloorBaseline:
    """Class frequencies of the training rows for every row; their mean for regress.

    Its accuracy is the share of the most frequent class; its R2 is about 0.
    """

    def __init__(self, task: Task):
        self.task: Task = task
        self.name = "training mean" if task == "regress" else "most frequent class"
        self.description = "ignores the input"

    def fit(self, columns: Columns, y: Sequence[Any], classes: Sequence[Any] = ()) -> "FloorBaseline":  # noqa: ARG002 - the protocol; it ignores the input by design
        """Count; see `Baseline.fit`."""
        self._answer: npt.NDArray[np.float64]
        if self.task == "regress":
            self._answer = np.asarray(y, dtype=np.float64).mean(keepdims=True)
        elif self.task == "multilabel":
            self._answer = indicator(y, classes).mean(0)
        else:
            self._answer = np.bincount(class_indices(y, classes), minlength=len(classes)) / len(y)
        return self

    def predict(self, columns: Columns) -> npt.NDArray[np.float64]:
        """The same answer for every row; see `Baseline.predict`."""
        rows = len(next(iter(columns.values()))[1])
        if self.task == "regress":
            return np.repeat(self._answer, rows)
        return np.tile(self._answer, (rows, 1))


def _decision(features: sparse.csr_matrix, y: npt.NDArray[Any]) -> Any:
    """A fitted logistic regression, or the one class (an int) where `y` holds no other."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if y.min() == y.max():
        return int(y[0])
    with warnings.catch_warnings():
        # Said in the description instead, where the reader of the report sees it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=1.0, max_iter=_MOST_ITERATIONS).fit(features, y)


def _converged(model: Any) -> bool:
    return isinstance(model, int) or int(model.n_iter_.max()) < _MOST_ITERATIONS


def _probability_of_one(model: Any, features: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    if isinstance(model, int):
        return np.full(features.shape[0], float(model))
    return np.asarray(model.predict_proba(features)[:, 1], dtype=np.float64)


def _ridge(features: sparse.csr_matrix, y: npt.NDArray[np.float64]) -> Any:
    """Ridge regression with the penalty that did best on a held-out fifth of the training rows, then fitted on all."""
    from sklearn.linear_model import Ridge

    order = np.random.default_rng(0).permutation(len(y))
    held_out, kept = order[: len(y) // 5], order[len(y) // 5 :]

    def loss(penalty: float) -> float:
        guess = Ridge(alpha=penalty).fit(features[kept], y[kept]).predict(features[held_out])
        return float(np.mean((guess - y[held_out]) ** 2))

    best = min(_RIDGE_PENALTIES, key=loss) if len(held_out) else 1.0
    return Ridge(alpha=best).fit(features, y)
