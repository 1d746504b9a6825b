"""E2 for the CRF: what the padding holds and who shares the batch change nothing. E12: lengths 0 and 1."""

import pytest
import torch
from cases import Result, assert_same, gradients, with_gradients
from torch import Tensor, nn

from treadle.nn import CRF, length_mask

LABELS, STEPS = 4, 7
LENGTHS = torch.tensor([7, 3, 0, 1, 5])
PADDING = ~length_mask(LENGTHS, STEPS)
AIM = torch.tensor([1.0, -0.5, 2.0, 0.7, -1.3], dtype=torch.float64)
SPREADS = pytest.mark.parametrize("spread", [1.0, 1e4], ids=["exponentials", "logarithms"])


def drawn() -> CRF:
    allowed = torch.ones(LABELS + 1, LABELS + 1, dtype=torch.bool)
    allowed[LABELS, 3] = allowed[0, 3] = allowed[1, 2] = False
    crf = CRF(LABELS, allowed)
    nn.init.normal_(crf.scores)
    return crf


def legal_tags(crf: CRF) -> Tensor:
    return crf.decode(torch.randn(len(LENGTHS), STEPS, LABELS), LENGTHS)[0]


def outcome(crf: CRF, emissions: Tensor, tags: Tensor, lengths: Tensor, aim: Tensor) -> Result:
    """All that a CRF says: likelihood, the best sequence, marginals, and the gradients of the likelihood."""
    emissions = with_gradients(emissions)
    likelihood = crf.log_likelihood(emissions, tags, lengths)
    best, probability = crf.decode(emissions, lengths)
    slopes = gradients((likelihood * aim).sum(), {"emissions": emissions, "scores": crf.scores})
    return {
        "likelihood": likelihood,
        "best": best,
        "probability": probability,
        "marginals": crf.marginals(emissions, lengths),
        **slopes,
    }


@SPREADS
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30], ids=["nan", "inf", "huge"])
def test_padding_is_never_read(spread: float, value: float) -> None:
    crf = drawn()
    tags, emissions = legal_tags(crf), spread * torch.randn(len(LENGTHS), STEPS, LABELS, dtype=torch.float64)
    clean = outcome(crf, emissions.masked_fill(PADDING[..., None], 0), tags, LENGTHS, AIM)
    nonsense = tags.masked_fill(PADDING, -100)
    dirty = outcome(crf, emissions.masked_fill(PADDING[..., None], value), nonsense, LENGTHS, AIM)
    assert_same(dirty, clean, tolerance=0)
    for name in ("best", "marginals", "d emissions"):
        assert not dirty[name][PADDING].any()


@SPREADS
def test_a_row_is_what_it_would_be_alone(spread: float) -> None:
    crf = drawn()
    tags, emissions = legal_tags(crf), torch.randn(len(LENGTHS), STEPS, LABELS, dtype=torch.float64)
    emissions[1] *= spread  # only this row needs logarithms
    together = outcome(crf, emissions.masked_fill(PADDING[..., None], float("nan")), tags, LENGTHS, AIM)
    slope = torch.zeros_like(crf.scores)
    for row, length in enumerate(LENGTHS.tolist()):
        only = slice(row, row + 1)
        alone = outcome(crf, emissions[only, :length], tags[only, :length], LENGTHS[only], AIM[only])
        slope += alone.pop("d scores")
        mine = {name: together[name][only] for name in alone}
        assert_same({n: v[:, :length] if v.dim() > 1 else v for n, v in mine.items()}, alone, tolerance=1e-9)
    assert_same({"d scores": together["d scores"]}, {"d scores": slope}, tolerance=1e-9)


def test_more_padding_and_another_order_of_rows_change_nothing() -> None:
    crf = drawn()
    tags, emissions = legal_tags(crf), torch.randn(len(LENGTHS), STEPS, LABELS, dtype=torch.float64)
    order = torch.tensor([3, 0, 4, 2, 1])
    longer = nn.functional.pad(emissions, (0, 0, 0, 6), value=float("nan"))[order]
    moved = outcome(crf, longer, nn.functional.pad(tags, (0, 6))[order], LENGTHS[order].to(torch.int32), AIM[order])
    back = order.argsort()
    moved = {name: value if name == "d scores" else value[back] for name, value in moved.items()}
    moved |= {name: moved[name][:, :STEPS] for name in ("best", "marginals", "d emissions")}
    assert_same(moved, outcome(crf, emissions, tags, LENGTHS, AIM), tolerance=1e-9)


def test_a_mate_that_is_not_a_number_stays_alone_with_it() -> None:
    crf = drawn()
    tags, emissions = legal_tags(crf), torch.randn(len(LENGTHS), STEPS, LABELS, dtype=torch.float64)
    others = torch.tensor([0, 2, 3, 4])
    found = []
    for value in (0.0, float("nan")):
        emissions[1] = value
        e = with_gradients(emissions)
        likelihood = crf.log_likelihood(e, tags, LENGTHS)[others]
        slope = gradients(likelihood.sum(), {"emissions": e})["d emissions"][others]
        best = crf.decode(e, LENGTHS)[0][others]
        marginals = crf.marginals(e, LENGTHS)[others]
        found.append({"likelihood": likelihood, "slope": slope, "best": best, "marginals": marginals})
    assert_same(found[1], found[0], tolerance=1e-12)


def test_lengths_zero_and_one_have_finite_gradients() -> None:
    crf = drawn()
    emissions = torch.randn(2, 1, LABELS, requires_grad=True)
    likelihood = crf.log_likelihood(emissions, torch.zeros(2, 1, dtype=torch.long), torch.tensor([0, 1]))
    slope = gradients(likelihood.sum(), {"emissions": emissions, "scores": crf.scores})
    ends = crf.scores[-1, :-1].masked_fill(~crf.allowed[-1, :-1], -torch.inf) + crf.scores[:-1, -1]
    expected = torch.log_softmax(emissions[1, 0] + ends, 0)[0]
    assert likelihood[0] == 0
    torch.testing.assert_close(likelihood[1].double(), expected)
    assert not slope["d emissions"][0].any()
    assert all(torch.isfinite(value).all() for value in slope.values())
