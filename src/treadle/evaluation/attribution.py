"""Which steps of a sequence moved a decision: integrated gradients."""

from collections.abc import Callable

import torch
from torch import Tensor


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
    return (gradient.mean(0) * difference).sum(1)
