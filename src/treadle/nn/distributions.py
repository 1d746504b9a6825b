r"""Output heads of forecasts: what the numbers of a network say of a value that is not known yet.

A head gives `size` raw numbers a value. Together with a location and a scale, which whoever scales the series knows,
they are a distribution of the value \(y\):

| name | \(y\), with location l and scale s | raw numbers |
|---|---|---|
| quantiles (`treadle.nn.quantiles`) | \(Q(\tau_k) = l + s\,q_k\) | the median, and the steps between quantiles |
| gaussian | \(l + s\,(\mu + \sigma\,\varepsilon),\ \varepsilon \sim N(0, 1)\) | \(\mu, \sigma\) |
| student-t | the same, \(\varepsilon \sim t_\nu\) | \(\mu, \sigma, \nu\) |
| negative-binomial | counts of mean \(m = s\,\mu\) and variance \(m + \alpha m^2\) | \(\mu, \alpha\) |

What has to be positive is the softplus of its raw number.
"""

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from scipy import special, stats
from torch import Tensor
from torch.nn import functional as F

LEAST = 1e-4
"""The smallest spread, in scales; without it a series that stands still would be infinitely likely."""
MOST_SURE = 1e-6
"""Levels are held this far from 0 and 1 where a path is drawn."""


class Distribution(ABC):
    """The meaning of the raw numbers of a head; all tensors are `[...]`, raw numbers `[..., size]`.

    Attributes:
        size: Raw numbers a value.
        counts: Whether it is one of counts, which have neither a location nor values below zero.
    """

    size: int
    counts = False

    @abstractmethod
    def start(self) -> Tensor:
        """The raw numbers of a distribution about the location, one scale wide: `[size]`."""

    @abstractmethod
    def like(self, values: Tensor) -> Tensor:
        """The raw numbers of a distribution like that of some values (of their share of the scale, for counts).

        Args:
            values: `[n]`, in scales about the location; at least one.

        Returns:
            `[size]`.
        """

    @abstractmethod
    def loss(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """What training minimises, `[...]`: does not depend on the unit of y."""

    @abstractmethod
    def log_likelihood(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The logarithm of the density (of the probability, for counts) of y, in its own unit: `[...]`, in nats.

        Raises:
            InputError: The head has none.
        """

    @abstractmethod
    def quantiles(self, raw: Tensor, levels: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The values below which y falls with given probabilities: never crossing.

        Args:
            raw: `[..., size]`.
            levels: `[levels]`, or `[..., levels]`: probabilities in (0, 1).
            location: `[...]`.
            scale: `[...]`.

        Returns:
            `[..., levels]`.
        """

    @abstractmethod
    def probability(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The probability that a value falls at y or below, `[...]`."""

    @abstractmethod
    def mean(self, raw: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The expected value, `[...]`."""

    def sample(self, raw: Tensor, location: Tensor, scale: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A value of each, drawn independently: `[...]`."""
        drawn = torch.rand(location.shape, generator=generator, dtype=torch.float64).to(location)
        return self.at(raw, drawn, location, scale)

    def at(self, raw: Tensor, level: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The quantile of each at a level of its own, all `[...]`."""
        level = level.clamp(MOST_SURE, 1 - MOST_SURE)
        return self.quantiles(raw, level[..., None], location, scale)[..., 0]


class _LocationScale(Distribution):
    r"""\(y = \mathrm{location} + \mathrm{scale}\,(\mu + \sigma\,\varepsilon)\), with \(\varepsilon\) of a known law."""

    @abstractmethod
    def _log_density(self, raw: Tensor, e: Tensor) -> Tensor:
        """Of epsilon."""

    @abstractmethod
    def _quantile(self, raw: Tensor, levels: Tensor) -> Tensor:
        """Of epsilon: `[..., levels]`."""

    @abstractmethod
    def _probability(self, raw: Tensor, e: Tensor) -> Tensor:
        """Of epsilon at e or below."""

    def _spread(self, raw: Tensor) -> Tensor:
        return F.softplus(raw[..., 1]) + LEAST

    def loss(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The negative log-likelihood of y in scales."""
        spread = self._spread(raw)
        return spread.log() - self._log_density(raw, ((y - location) / scale - raw[..., 0]) / spread)

    def log_likelihood(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """Of y in its own unit."""
        return -self.loss(raw, y, location, scale) - scale.log()

    def quantiles(self, raw: Tensor, levels: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """In closed form."""
        standard = raw[..., :1] + self._spread(raw)[..., None] * self._quantile(raw, levels)
        return location[..., None] + scale[..., None] * standard

    def probability(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """In closed form."""
        return self._probability(raw, ((y - location) / scale - raw[..., 0]) / self._spread(raw))

    def mean(self, raw: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        r"""\(\mathrm{location} + \mathrm{scale}\,\mu\)."""
        return location + scale * raw[..., 0]


def unsoftplus(positive: Tensor) -> Tensor:
    """The inverse of the softplus; what is nearly zero or less becomes the least that is worth telling from it."""
    return torch.log(torch.expm1(positive.clamp(min=10 * LEAST)))


class Gaussian(_LocationScale):
    """A normal distribution. Source: D. Salinas et al., "DeepAR", International Journal of Forecasting 36, 2020."""

    size = 2

    def start(self) -> Tensor:
        """Standard deviation one."""
        return torch.tensor([0.0, math.log(math.e - 1)])

    def like(self, values: Tensor) -> Tensor:
        """Mean and standard deviation."""
        return torch.stack([values.mean(), unsoftplus(values.std(correction=0))])

    def _log_density(self, raw: Tensor, e: Tensor) -> Tensor:  # noqa: ARG002 (raw: the law has no further number)
        return -0.5 * e.square() - 0.5 * math.log(2 * math.pi)

    def _quantile(self, raw: Tensor, levels: Tensor) -> Tensor:
        return torch.special.ndtri(levels.double()).to(raw)  # type: ignore[no-any-return]  # torch leaves it untyped

    def _probability(self, raw: Tensor, e: Tensor) -> Tensor:  # noqa: ARG002 (as above)
        return torch.special.ndtr(e)  # type: ignore[no-any-return]  # as above


class StudentT(_LocationScale):
    r"""Student's t, of \(\nu > 2\) degrees of freedom: values far out are no surprise."""

    size = 3

    def start(self) -> Tensor:
        """About ten degrees of freedom."""
        return torch.tensor([0.0, math.log(math.e - 1), 8.0])

    def like(self, values: Tensor) -> Tensor:
        """Median and the half width of the middle half, with about ten degrees of freedom."""
        edges = values.quantile(values.new_tensor([0.25, 0.75]))
        return torch.stack([values.median(), unsoftplus((edges[1] - edges[0]) / 1.4), values.new_tensor(8.0)])

    def _freedom(self, raw: Tensor) -> Tensor:
        return 2 + F.softplus(raw[..., 2])

    def _log_density(self, raw: Tensor, e: Tensor) -> Tensor:
        n = self._freedom(raw)
        constant = torch.lgamma((n + 1) / 2) - torch.lgamma(n / 2) - 0.5 * torch.log(n * math.pi)
        return constant - (n + 1) / 2 * torch.log1p(e.square() / n)

    def _quantile(self, raw: Tensor, levels: Tensor) -> Tensor:
        found = special.stdtrit(_array(self._freedom(raw)[..., None]), _array(levels))
        return torch.from_numpy(np.asarray(found)).to(raw)

    def _probability(self, raw: Tensor, e: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(special.stdtr(_array(self._freedom(raw)), _array(e)))).to(raw)


class NegativeBinomial(Distribution):
    r"""Counts of mean \(m = \mathrm{scale}\,\mathrm{softplus}(r_1)\) and variance \(m + \alpha m^2\).

    Source: D. Salinas et al., "DeepAR", International Journal of Forecasting 36, 2020, section 3.1.
    """

    size = 2
    counts = True

    def start(self) -> Tensor:
        """The mean one scale, alpha a half."""
        return torch.tensor([math.log(math.e - 1), -0.4])

    def like(self, values: Tensor) -> Tensor:
        """Their mean, with alpha a half."""
        return torch.stack([unsoftplus(values.mean()), values.new_tensor(-0.4)])

    def _parameters(self, raw: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and 1 / alpha."""
        return scale * (F.softplus(raw[..., 0]) + 1e-6), 1 / (F.softplus(raw[..., 1]) + LEAST)

    def loss(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """The negative log-likelihood."""
        return -self.log_likelihood(raw, y, location, scale)

    def log_likelihood(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        """The logarithm of the probability of a count."""
        mean, r = self._parameters(raw, scale)
        total = r + mean
        choices = torch.lgamma(y + r) - torch.lgamma(r) - torch.lgamma(y + 1)
        return choices + r * (r.log() - total.log()) + y * (mean.log() - total.log())

    def quantiles(self, raw: Tensor, levels: Tensor, location: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        """The least counts that are reached with the given probabilities."""
        mean, r = (_array(one[..., None]) for one in self._parameters(raw, scale))
        found = stats.nbinom.ppf(_array(levels), r, r / (r + mean))
        return torch.from_numpy(np.asarray(found)).to(raw)

    def probability(self, raw: Tensor, y: Tensor, location: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        """Of a count of y or fewer, less half of that of y itself, so that it is even over (0, 1)."""
        mean, r = (_array(one) for one in self._parameters(raw, scale))
        law, value = stats.nbinom(r, r / (r + mean)), _array(y)
        return torch.from_numpy(np.asarray(law.cdf(value) - 0.5 * law.pmf(value))).to(raw)

    def mean(self, raw: Tensor, location: Tensor, scale: Tensor) -> Tensor:  # noqa: ARG002
        r"""\(m\)."""
        return self._parameters(raw, scale)[0]


def _array(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return tensor.detach().cpu().double().numpy()
