"""A head of quantiles, for forecasts that say how sure they are without naming a law."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from treadle.errors import InputError
from treadle.nn.distributions import Distribution, unsoftplus


class Quantiles(Distribution):
    r"""Quantiles that cannot cross.

    $$q_c = r_c, \qquad q_{k+1} = q_k + \mathrm{softplus}(r_{k+1}) \ (k \ge c), \qquad
    q_{k-1} = q_k - \mathrm{softplus}(r_{k-1}) \ (k \le c)$$

    where c is the median. Training minimises twice the mean pinball loss, in scales. Between two levels a quantile is
    interpolated; beyond the outermost ones both tails are exponential, and meet them.

    Args:
        levels: Probabilities in (0, 1), rising, the median among them.

    Raises:
        InputError: They are not that.

    Sources: R. Koenker & G. Bassett, "Regression quantiles", Econometrica 46, 1978; R. Wen et al., "A multi-horizon
    quantile recurrent forecaster", 2017.

    Example:
        >>> head = Quantiles([0.1, 0.5, 0.9])
        >>> found = head.quantiles(torch.randn(4, 3), torch.tensor([0.1, 0.5, 0.9]), torch.zeros(4), torch.ones(4))
        >>> bool((found.diff() >= 0).all())
        True
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = tuple(levels)
        rising = all(a < b for a, b in zip((0.0, *self.levels), (*self.levels, 1.0), strict=True))
        if not rising or 0.5 not in self.levels:
            raise InputError(f"levels are {self.levels}, expected rising probabilities in (0, 1) with the median 0.5")
        self.size = len(self.levels)
        self._middle = self.levels.index(0.5)

    def start(self) -> Tensor:
        """Those of a normal distribution of standard deviation one."""
        return self._raw(torch.special.ndtri(torch.tensor(self.levels, dtype=torch.float64))).float()

    def like(self, values: Tensor) -> Tensor:
        """Their quantiles."""
        return self._raw(values.quantile(values.new_tensor(self.levels)))

    def _raw(self, quantiles: Tensor) -> Tensor:
        """The raw numbers of quantiles, `[size]`."""
        c, steps = self._middle, unsoftplus(quantiles.diff())
        return torch.cat([steps[:c], quantiles[c : c + 1], steps[c:]])

    def _standard(self, raw: Tensor) -> Tensor:
        """The quantiles at the head's own levels in scales, `[..., size]`."""
        c = self._middle
        median = raw[..., c : c + 1]
        above = median + F.softplus(raw[..., c + 1 :]).cumsum(-1)
        below = median - F.softplus(raw[..., :c]).flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, median, above], -1)

    def loss(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """Twice the mean pinball loss, in scales."""
        error = ((y - location) / scale)[..., None] - self._standard(raw)
        levels = raw.new_tensor(self.levels)
        return 2 * torch.maximum(levels * error, (levels - 1) * error).mean(-1)

    def log_likelihood(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002 (refused)
        """Always an error.

        Raises:
            InputError: A few quantiles have no density.
        """
        raise InputError("quantiles have no likelihood, expected output 'gaussian', 'student-t' or 'negative-binomial'")

    def quantiles(self, raw: Tensor, levels: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The head's own, and between and beyond them as the class says."""
        own = self._standard(raw)
        # As the last bits of a level must not decide whether it is one of the head's own, places are found in float64.
        at = raw.new_tensor(self.levels, dtype=torch.float64)
        levels = levels.to(torch.float64).expand(*own.shape[:-1], levels.shape[-1]).contiguous()
        place = torch.searchsorted(at, levels).clamp(1, max(1, self.size - 1))
        if self.size == 1:
            found = own.expand(levels.shape)
        else:
            low, high = own.gather(-1, place - 1), own.gather(-1, place)
            before, after = at[place - 1], at[place]
            share = (levels - before) / (after - before)
            share = torch.where(levels < at[0], torch.log(levels / before) / torch.log(after / before), share)
            falling = torch.log((1 - before) / (1 - levels)) / torch.log((1 - before) / (1 - after))
            share = torch.where(levels > at[-1], falling, share)
            found = low + share.to(own) * (high - low)
        return location[..., None] + scale[..., None] * found

    def probability(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The inverse of `quantiles`."""
        own = self._standard(raw).double()
        z = ((y - location) / scale).double()[..., None]
        at = own.new_tensor(self.levels)
        if self.size == 1:
            return torch.where(z[..., 0] < own[..., 0], 0.25, 0.75).to(raw)
        place = torch.searchsorted(own.contiguous(), z.contiguous()).clamp(1, self.size - 1)
        low, high = own.gather(-1, place - 1), own.gather(-1, place)
        before, after = at[place - 1], at[place]
        share = (z - low) / (high - low).clamp(min=1e-12)
        found = before + share.clamp(0, 1) * (after - before)
        found = torch.where(share < 0, before * torch.exp(share * torch.log(after / before)), found)
        rest = (1 - before) * torch.exp(-share * torch.log((1 - before) / (1 - after)))
        return torch.where(share > 1, 1 - rest, found)[..., 0].to(raw)

    def mean(self, raw: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The mean of ninety-nine evenly spread quantiles."""
        return self.quantiles(raw, torch.linspace(0.005, 0.995, 100), location, scale).mean(-1)
