"""Output heads: their distributions are those of SciPy, and their quantiles never cross."""

import numpy as np
import pytest
import torch
from scipy import stats

from treadle.errors import InputError
from treadle.nn.distributions import Distribution, Gaussian, NegativeBinomial, StudentT
from treadle.nn.quantiles import Quantiles

LEVELS = torch.tensor([0.01, 0.1, 0.25, 0.5, 0.9, 0.999], dtype=torch.float64)
HEADS: list[Distribution] = [
    Quantiles([0.1, 0.3, 0.5, 0.9]),
    Quantiles([0.5]),
    Gaussian(),
    StudentT(),
    NegativeBinomial(),
]


def raw_numbers(head: Distribution, rows: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    raw = torch.randn(rows, head.size, generator=generator, dtype=torch.float64) + head.start()
    location = torch.zeros(rows) if head.counts else torch.randn(rows, generator=generator)
    return raw, location.double(), torch.rand(rows, generator=generator).double() * 5 + 1


def softplus(x: float) -> float:
    return float(np.log1p(np.exp(x)))


@pytest.mark.parametrize("row", range(3))
def test_laws_are_those_of_scipy(row: int) -> None:
    for head in (Gaussian(), StudentT(), NegativeBinomial()):
        raw, location, scale = raw_numbers(head)
        r, loc, s = raw[row].tolist(), float(location[row]), float(scale[row])
        if isinstance(head, NegativeBinomial):
            alpha, mean = softplus(r[1]) + 1e-4, s * (softplus(r[0]) + 1e-6)
            law, y = stats.nbinom(1 / alpha, 1 / (1 + alpha * mean)), 4.0
            assert law.var() == pytest.approx(mean + alpha * mean**2)
            nats = law.logpmf(y)
        else:
            spread, centre = s * (softplus(r[1]) + 1e-4), loc + s * r[0]
            law = (
                stats.norm(centre, spread)
                if isinstance(head, Gaussian)
                else stats.t(2 + softplus(r[2]), centre, spread)
            )
            y = centre + 1.3
            nats = law.logpdf(y)
        parts = raw[row], torch.tensor(y, dtype=torch.float64), location[row], scale[row]
        assert float(head.log_likelihood(*parts)) == pytest.approx(nats, rel=1e-6)
        np.testing.assert_allclose(
            head.quantiles(raw[row], LEVELS, location[row], scale[row]), law.ppf(LEVELS), rtol=1e-6
        )
        assert float(head.mean(raw[row], location[row], scale[row])) == pytest.approx(law.mean(), rel=1e-6)
        if not head.counts:
            assert float(head.probability(*parts)) == pytest.approx(law.cdf(y), rel=1e-6)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: type(head).__name__)
def test_quantiles_rise_and_probability_is_their_inverse(head: Distribution) -> None:
    raw, location, scale = raw_numbers(head, 50)
    found = head.quantiles(raw, LEVELS, location, scale)
    assert bool((found.diff() >= 0).all())
    if head.size > 1 and not head.counts:
        for place, level in enumerate(LEVELS.tolist()):
            np.testing.assert_allclose(head.probability(raw, found[:, place], location, scale), level, rtol=1e-5)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: type(head).__name__)
def test_drawn_values_fall_below_a_quantile_as_often_as_it_says(head: Distribution) -> None:
    raw, location, scale = raw_numbers(head, 1)
    many = [one.expand(20_000, *one.shape[1:]) for one in (raw, location, scale)]
    drawn = head.sample(*many, torch.Generator().manual_seed(0))
    at = head.quantiles(raw, torch.tensor([0.3, 0.9], dtype=torch.float64), location, scale)[0]
    for level, edge in zip((0.3, 0.9), at, strict=True):
        if head.counts:
            assert float((drawn < edge).double().mean()) - 0.01 < level < float((drawn <= edge).double().mean()) + 0.01
        elif head.size > 1:
            assert float((drawn <= edge).double().mean()) == pytest.approx(level, abs=0.015)


def test_the_least_pinball_loss_is_at_the_quantiles_of_the_data() -> None:
    """Trained on many draws of one law, the head finds its quantiles."""
    y = torch.randn(4000, generator=torch.Generator().manual_seed(0)).exp()
    head = Quantiles([0.1, 0.5, 0.9])
    raw = head.start().requires_grad_()
    adam = torch.optim.Adam([raw], lr=0.05)
    for _ in range(300):
        adam.zero_grad()
        head.loss(raw.expand(len(y), -1), y, torch.zeros_like(y), torch.ones_like(y)).mean().backward()
        adam.step()
    found = head.quantiles(raw.detach(), torch.tensor([0.1, 0.5, 0.9]), torch.tensor(0.0), torch.tensor(1.0))
    np.testing.assert_allclose(found, np.quantile(y.numpy(), [0.1, 0.5, 0.9]), rtol=0.05)


def test_levels_without_a_median_or_out_of_order_are_refused() -> None:
    for levels in ([0.1, 0.9], [0.5, 0.2], [0.5, 1.0]):
        with pytest.raises(InputError, match=r"expected rising probabilities in \(0, 1\) with the median 0\.5"):
            Quantiles(levels)
    with pytest.raises(InputError, match="quantiles have no likelihood, expected output 'gaussian'"):
        Quantiles([0.5]).log_likelihood(*[torch.zeros(1)] * 4)
