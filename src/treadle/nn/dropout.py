"""Dropout for sequences: one mask for all steps."""

from torch import Tensor, nn

from treadle.errors import InputError


class LockedDropout(nn.Module):
    r"""Dropout whose mask is drawn once a sequence and is the same at every step (variational dropout).

    $$y_t = x_t \odot m / (1 - p), \qquad m \sim \mathrm{Bernoulli}(1 - p)^{F}$$

    In evaluation mode it is the identity. A mask that changes at every step adds noise that a recurrent layer sums up;
    a locked one removes a feature for a whole sequence.

    Args:
        p: Probability that a feature is dropped, at least 0 and below 1.

    Raises:
        InputError: `p` lies outside.

    Source: Y. Gal & Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks",
    2016.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise InputError(f"a dropout probability is at least 0 and below 1, found {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop features of `x [batch, time, feature]`."""
        if not self.training or self.p == 0:
            return x
        keep = x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p))

    def extra_repr(self) -> str:
        """The probability, as `repr` shows it."""
        return f"p={self.p}"
