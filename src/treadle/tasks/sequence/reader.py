"""A fitted estimator of sequences as far as it reads: numbers in, what the network says of them out."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from treadle.data import Ragged
from treadle.errors import InputError, nearest
from treadle.evaluation.saliency import Saliency
from treadle.streaming import Streaming
from treadle.tasks.sequence.explanation import saliency
from treadle.tasks.sequence.features import Where
from treadle.tasks.sequence.inputs import Columns, row_name, to_known_columns
from treadle.tasks.sequence.reporting import Reported
from treadle.tasks.sequence.split import Split
from treadle.tasks.sequence.streaming import SequenceStreamModel


class Reader(Reported, Streaming):
    """What a fitted model says of sequences."""

    def encode(self, columns: Columns, where: Where = row_name) -> list[Ragged]:
        """The numbers of every column, in the order of `features_`."""
        return [feature.encode(columns[name], where) for name, feature in self.features_.items()]

    def answer_columns(self, columns: Columns, where: Where = row_name) -> Tensor:
        """What the network says of every row, or step, of columns in the form of their kinds, `[rows, output_size]`.

        Raises:
            InputError: A cell does not fit what the model was trained on.
        """
        check_is_fitted(self, "network_")
        return self.network_.answers(self.encode(columns, where))

    def _columns(self, X: Any) -> Columns:
        """The `X` of `predict` as columns in the form of their kinds."""
        check_is_fitted(self, "network_")
        return to_known_columns(self, X, {name: feature.kind for name, feature in self.features_.items()})

    def by_row(self, steps: NDArray[Any], columns: Columns) -> list[NDArray[Any]]:
        """What belongs to the steps of all rows of a series, an array a row."""
        (column,) = self.encode(columns)
        return np.split(steps, column.offsets[1:-1].numpy())

    def predict(self, X: Any) -> NDArray[Any]:
        """The prediction of every row of `X`, in any form that `fit` takes.

        Raises:
            InputError: `X` does not fit what the model was trained on.
        """
        answer = self.answer_columns(self._columns(X))
        return self.target_.predict(answer)

    def stream_model(self, rows: int = 1, threads: int = 1) -> SequenceStreamModel:
        """The fitted model for up to `rows` streams at once; `stream` and `stream_pool` run it.

        Raises:
            InputError: It needs the whole sequence; the sentence says why, and what to train instead.
        """
        check_is_fitted(self, "network_")
        return SequenceStreamModel(self.features_, self.network_, self.target_, rows, threads)

    def saliency(self, x: Any, answer: Any = None, *, steps: int | None = None) -> Saliency:
        """What moved the answer to one sequence: a weight for every token or step, by integrated gradients.

        Args:
            x: One row: a text, a list of tokens, a series, or a dictionary of columns.
            answer: The class whose logit is explained; by default the one that is answered. A regressor has but one.
            steps: Points on the path of the integral; None takes as many as the weights need to add up.

        Raises:
            InputError: `x` does not fit what the model was trained on, there is no such class, or the model gives a
                number at every step.
        """
        columns = self._columns({name: [cell] for name, cell in x.items()} if isinstance(x, Mapping) else [x])
        target = self.target_
        if target.per_step:
            raise InputError("saliency is of one answer a sequence, and this model answers at every step")
        if target.measured == "regress":
            if answer is not None:
                raise InputError(f"a regressor gives one number, so there is no answer {answer!r} to choose")
            return saliency(self, columns, 0, "prediction", steps)
        classes = target.classes.tolist()
        if answer is not None and answer not in classes:
            raise InputError(f"there is no class {answer!r}{nearest(str(answer), map(str, classes))}")
        chosen = int(self.answer_columns(columns)[0].argmax()) if answer is None else classes.index(answer)
        return saliency(self, columns, chosen, str(classes[chosen]), steps)

    @abstractmethod
    def _check_target(self, y: Any, rows: int) -> Any:
        """The target of `rows` rows in the form that `Target.encode` takes, or an InputError."""

    def split(self, X: Any, y: Any) -> Split:
        """Rows in any form that `fit` takes, and their targets, as a report reads them.

        Raises:
            InputError: `X` or `y` does not fit what the model was trained on.
        """
        columns = self._columns(X)
        truth = self._check_target(y, len(next(iter(columns.values()))))
        if isinstance(truth, np.ndarray) and truth.ndim == 2:
            truth = [np.flatnonzero(row).tolist() for row in truth]
        return Split(columns, list(truth))
