"""Which steps of a sequence moved a decision: integrated gradients."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

FEWEST, MOST, AT_ONCE = 32, 512, 64
"""Points on the path: at first, at most, and of one batch."""
TOLERANCE = 0.01
"""How far, as a share, weights may be from adding up to the score."""


def integrated_gradients(
    score: Callable[[Tensor], Tensor], inputs: Tensor, steps: int = 16, reference: Tensor | None = None
) -> Tensor:
    r"""How much every step added to a score, compared with a neutral input.

    $$a_t=\sum_f (x_{tf}-x'_{tf})\int_0^1
    \frac{\partial\,\mathrm{score}}{\partial x_{tf}}\bigl(x'+\alpha(x-x')\bigr)\,d\alpha$$

    The integral is taken by the midpoint rule. Completeness: \(\sum_t a_t=\mathrm{score}(x)-\mathrm{score}(x')\), up to
    the rule's error, which shrinks with the square of `steps`. Source: Sundararajan, Taly and Yan 2017.

    Args:
        score: Takes `[steps, time, feature]` (that many variants of the one sequence), returns `[steps]`: for
            example the logit of the predicted class. It must be in a mode that is deterministic (`eval`) and
            differentiable; cuDNN's recurrent kernels give gradients in training mode only, so on a GPU use
            the eager engine or switch cuDNN off.
        inputs: `[time, feature]`: embeddings of tokens, or scaled numbers.
        steps: Points on the path.
        reference: The neutral input x', of the same shape; zeros by default (no token; the mean of scaled
            numbers).

    Returns:
        `[time]` in the unit of the score: positive raised it, negative lowered it.

    Raises:
        ValueError: `inputs` is not `[time, feature]`, or `score` did not return one number for each point.

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> integrated_gradients(lambda batch: batch.sum((1, 2)), x)
        tensor([3., 7.])
    """
    return feature_gradients(score, inputs, steps, reference).sum(1)


def feature_gradients(
    score: Callable[[Tensor], Tensor], inputs: Tensor, steps: int = 16, reference: Tensor | None = None
) -> Tensor:
    """The same for every feature of every step, `[time, feature]`; arguments as in `integrated_gradients`."""
    if inputs.ndim != 2:
        raise ValueError(f"inputs have shape {list(inputs.shape)}; expected [time, feature]")
    start = torch.zeros_like(inputs) if reference is None else reference
    difference = (inputs - start).detach()
    alpha = (torch.arange(steps, dtype=inputs.dtype, device=inputs.device) + 0.5) / steps
    with torch.enable_grad():
        path = (start.detach() + alpha[:, None, None] * difference).requires_grad_()
        scores = score(path)
        if scores.shape != (steps,):
            raise ValueError(
                f"score returned shape {list(scores.shape)}; expected [{steps}], one number for each point"
            )
        (gradient,) = torch.autograd.grad(scores.sum(), path)
    return gradient.mean(0) * difference


def complete_gradients(
    score: Callable[[Tensor], Tensor], inputs: Tensor, steps: int | None = None
) -> tuple[Tensor, float, float]:
    """Integrated gradients of every feature that add up, with zeros as the neutral input.

    Args:
        score: As in `integrated_gradients`.
        inputs: `[time, feature]`.
        steps: Points on the path; None doubles them from `FEWEST` until completeness holds within `TOLERANCE`, or there
            are `MOST`.

    Returns:
        `[time, feature]`, the score, and the score of the neutral input.

    Example:
        >>> given, reached, neutral = complete_gradients(lambda x: x.sum((1, 2)) ** 2, torch.ones(2, 3))
        >>> round(float(given.sum()), 3), reached, neutral
        (36.0, 36.0, 0.0)
    """
    with torch.no_grad():
        reached, neutral = score(torch.stack([inputs, torch.zeros_like(inputs)])).tolist()
    points = FEWEST if steps is None else steps
    while True:
        parts = [feature_gradients(score, inputs, points)] if points <= AT_ONCE else _in_parts(score, inputs, points)
        found = torch.stack(parts).sum(0)
        gap = abs(float(found.sum()) - (reached - neutral))
        if steps is not None or points >= MOST or gap <= TOLERANCE * max(abs(reached - neutral), TOLERANCE):
            return found, reached, neutral
        points *= 2


def _in_parts(score: Callable[[Tensor], Tensor], inputs: Tensor, points: int) -> list[Tensor]:
    """The integral over stretches of the path, which then need not be in memory at once."""
    count = -(-points // AT_ONCE)
    ends = [inputs * (number / count) for number in range(count + 1)]
    return [feature_gradients(score, end, AT_ONCE, reference=begin) for begin, end in pairwise(ends)]
