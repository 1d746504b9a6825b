r"""Intervals that are calibrated on series the network was not trained on.

For every step ahead and every level \(\tau\), with the quantiles \(\hat q_\tau\) in scales and the errors
\(e_i = (y_i - \hat q_{\tau, i}) / s_i\) on n held-out windows, the quantile is moved by the
\(\lceil (n + 1) \tau \rceil\)-th smallest of them (by the \(\lfloor (n + 1) \tau \rfloor\)-th below the median).
If what comes is exchangeable with the held-out windows, it then falls below with probability \(\tau\), whatever the
network. Series are so only nearly; windows that overlap count as they are. Steps ahead are taken together with their
neighbours until there are enough.

Sources: J. Lei et al., "Distribution-free predictive inference for regression", JASA 113, 2018, for the split; Y.
Romano, E. Patterson & E. Candes, "Conformalized quantile regression", NeurIPS 2019, for quantiles.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ENOUGH = 100
"""Errors that a correction is taken from, if there are so many."""


def conformal_offsets(quantiles: Floats, truth: Floats, levels: Sequence[float]) -> Floats:
    """What is added to every quantile, `[horizon, levels]`, in scales.

    Args:
        quantiles: `[windows, horizon, levels]` of held-out windows, in scales.
        truth: `[windows, horizon]`, likewise; NaN where missing.
        levels: Probabilities.

    Example:
        >>> random = np.random.default_rng(0)
        >>> offsets = conformal_offsets(np.zeros((999, 1, 1)), random.uniform(size=(999, 1)), [0.9])
        >>> bool(abs(offsets[0, 0] - 0.9) < 0.03)
        True
    """
    horizon = truth.shape[1]
    offsets = np.zeros((horizon, len(levels)))
    for step in range(horizon):
        reach = 0
        while True:
            near = slice(max(0, step - reach), step + reach + 1)
            errors = (truth[:, near, None] - quantiles[:, near]).reshape(-1, len(levels))
            errors = errors[~np.isnan(errors[:, 0])]
            if len(errors) >= ENOUGH or reach >= horizon:
                break
            reach = max(1, 2 * reach)
        if not len(errors):
            continue
        ordered = np.sort(errors, 0)
        for place, level in enumerate(levels):
            rank = (len(errors) + 1) * level
            number = int(np.ceil(rank)) if level > 0.5 else int(np.floor(rank)) if level < 0.5 else round(rank)
            offsets[step, place] = ordered[min(max(number, 1), len(errors)) - 1, place]
    return offsets
