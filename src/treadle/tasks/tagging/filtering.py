"""What a chain says of the label of the present step, while the sequence goes on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from treadle.nn import CRF

Array = NDArray[Any]

LEAST = 1e-250
"""Sums of exponentials below this may have lost something; they are computed again by logarithms."""


class ChainFilter:
    r"""The forward recursion of a linear chain, for several rows, a step at a time.

    $$\alpha_t(k) = \log \sum_j e^{\alpha_{t-1}(j) + A_{jk}} + e_{t,k} - c_t, \qquad p(y_t = k \mid x_1 \dots x_t) =
    e^{\alpha_t(k)}$$

    with \(c_t\) such that the probabilities add up to one: the probability of a label given all emissions so far, in a
    sequence that goes on, so that the scores of an end have no part in it. Without a chain, \(A = 0\) and each label
    stands for itself.

    Args:
        labels: Number of labels, K.
        crf: The chain, on the CPU; None for none.

    Attributes:
        initial: `[K + 1]`: before the first step, all that there is, is the start, which has the last place.
    """

    def __init__(self, labels: int, crf: CRF | None) -> None:
        self.initial: Array = np.append(np.full(labels, -np.inf), 0.0)
        self._scores: Array | None = None
        if crf is not None:
            scores = crf.scores.detach().double().masked_fill(~crf.allowed, -np.inf)
            self._scores = scores[:, :-1].numpy()
            self._weights, self._allowed = np.exp(self._scores), (self._scores > -np.inf).astype(np.float64)

    def step(self, before: Array, emissions: Array) -> Array:
        """The logarithms of the probabilities after a further step.

        Args:
            before: `[n, K + 1]`, `initial` or what this gave before.
            emissions: `[n, K]` of the step.
        """
        emissions = emissions.astype(np.float64)
        after = emissions if self._scores is None else self._moved(before, self._scores) + emissions
        after = after - logsumexp(after, 1, keepdims=True)
        return np.concatenate([after, np.full((len(after), 1), -np.inf)], 1)

    def _moved(self, before: Array, scores: Array) -> Array:
        """`[n, K]`: the sums over the label before, by exponentials where that is exact."""
        top = before.max(1, keepdims=True)
        sums = np.exp(before - top) @ self._weights
        lost = ((sums < LEAST) & ((before > -np.inf) @ self._allowed > 0)).any(1)
        with np.errstate(divide="ignore"):  # what may not come next is impossible
            moved: Array = np.log(sums) + top
        if lost.any():
            moved[lost] = logsumexp(before[lost][:, :, None] + scores, 1)
        return moved
