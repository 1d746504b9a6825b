"""The CRF beside the sum over all sequences, written out."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from treadle import InputError
from treadle.nn import CRF

LABELS, STEPS = 3, 4
LENGTHS = torch.tensor([4, 0, 1, 3, 2])


def forbidding() -> Tensor:
    """Label 2 stands neither first nor after label 0; label 1 is never last."""
    allowed = torch.ones(LABELS + 1, LABELS + 1, dtype=torch.bool)
    allowed[LABELS, 2] = allowed[0, 2] = allowed[1, LABELS] = False
    return allowed


def drawn(allowed: Tensor | None = None, *, labels: int = LABELS) -> CRF:
    torch.manual_seed(3)
    crf = CRF(labels, allowed)
    with torch.no_grad():
        crf.scores.normal_()
    return crf


def paths(crf: CRF, emissions: Tensor) -> dict[tuple[int, ...], float]:
    """The score of every allowed sequence for one row of emissions `[time, labels]`, by the definition."""
    start = end = crf.labels
    found = {}
    for path in itertools.product(range(crf.labels), repeat=len(emissions)):
        moves = list(itertools.pairwise([start, *path, end]))
        if all(crf.allowed[move] for move in moves):
            given = sum(emissions[t, label].item() for t, label in enumerate(path))
            found[path] = given + sum(crf.scores[move].item() for move in moves)
    return found


def log_sum(scores: list[float]) -> float:
    top = max(scores)
    return top + math.log(math.fsum(math.exp(score - top) for score in scores))


SPREADS = pytest.mark.parametrize("spread", [1.0, 30.0, 1e4], ids=["ordinary", "wide", "adversarial"])
MASKS = pytest.mark.parametrize("allowed", [None, forbidding()], ids=["all", "forbidding"])


@SPREADS
@MASKS
def test_everything_is_what_the_sum_over_all_sequences_says(allowed: Tensor | None, spread: float) -> None:
    crf = drawn(allowed)
    emissions = spread * torch.randn(len(LENGTHS), STEPS, LABELS, dtype=torch.float64)
    log_z = crf.log_partition(emissions, LENGTHS)
    best, log_probability = crf.decode(emissions, LENGTHS)
    marginals = crf.marginals(emissions, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        if length == 0:
            assert log_z[row] == log_probability[row] == 0
            assert not best[row].any()
            assert not marginals[row].any()
            continue
        every = paths(crf, emissions[row, :length])
        total = log_sum(list(every.values()))
        assert log_z[row].item() == pytest.approx(total, rel=1e-12)
        winner = max(every, key=every.__getitem__)
        assert tuple(best[row, :length].tolist()) == winner
        assert log_probability[row].item() == pytest.approx(every[winner] - total, abs=1e-9)
        assert not best[row, length:].any()
        expected = torch.zeros(STEPS, LABELS, dtype=torch.float64)
        for path, score in every.items():
            for t, label in enumerate(path):
                expected[t, label] += math.exp(score - total)
        torch.testing.assert_close(marginals[row], expected, rtol=0, atol=1e-11)
        for path, score in every.items():
            tags = torch.tensor([[*path, *[-100] * (STEPS - length)]])
            likelihood = crf.log_likelihood(emissions[row : row + 1], tags, LENGTHS[row : row + 1])
            assert likelihood.item() == pytest.approx(score - total, rel=1e-9, abs=1e-9)


def test_numbers_of_each_row_are_exact_where_only_another_leaves_the_range_of_exponentials() -> None:
    """Label 2 leads nowhere, and is so much likelier that the others vanish beside it."""
    allowed = torch.tensor([[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0], [1, 0, 1, 1]], dtype=torch.bool)
    crf = drawn(allowed)
    emissions = torch.randn(3, 3, 3, dtype=torch.float64)
    emissions[1] = torch.tensor([[-2000.0, 0, 2000], [-2000, 0, 2000], [0, 0, 2000]])
    lengths = torch.tensor([3, 3, 2])
    together = crf.log_partition(emissions, lengths)
    for row, length in enumerate(lengths.tolist()):
        every = paths(crf, emissions[row, :length])
        assert together[row].item() == pytest.approx(log_sum(list(every.values())))
        best = max(every, key=every.__getitem__)
        assert tuple(crf.decode(emissions, lengths)[0][row, :length].tolist()) == best


@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_gradients(spread: float) -> None:
    crf = drawn(forbidding())
    emissions = (spread * torch.randn(len(LENGTHS), STEPS, LABELS, dtype=torch.float64)).requires_grad_()
    tags = crf.decode(emissions, LENGTHS)[0]

    def likelihood(emissions: Tensor, _scores: Tensor) -> Tensor:
        return crf.log_likelihood(emissions, tags, LENGTHS)

    assert torch.autograd.gradcheck(likelihood, (emissions, crf.scores), eps=1e-6 * spread, atol=1e-5)


@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_forbidden_transitions_are_never_trained_and_never_produced(spread: float) -> None:
    crf = drawn(forbidding())
    emissions = spread * torch.randn(40, 6, LABELS)
    emissions[:, 0, 2] += 3 * spread  # forbidden at the start
    emissions[:, -1, 1] += 3 * spread  # forbidden at the end
    lengths = torch.full((40,), 6)
    tags, _ = crf.decode(emissions, lengths)
    assert crf.legal(tags, lengths).all()
    crf.log_likelihood(emissions, tags, lengths).sum().backward()
    assert not crf.scores.grad[~crf.allowed].any()
    assert not crf.marginals(emissions, lengths)[:, 0, 2].any()


def test_an_illegal_sequence_has_probability_zero_and_a_finite_gradient() -> None:
    crf = drawn(forbidding())
    emissions = torch.randn(2, 2, LABELS, requires_grad=True)
    tags, lengths = torch.tensor([[0, 2], [0, 0]]), torch.tensor([2, 2])
    assert crf.legal(tags, lengths).tolist() == [False, True]
    likelihood = crf.log_likelihood(emissions, tags, lengths)
    assert torch.isfinite(likelihood).tolist() == [False, True]
    assert likelihood[0] == -math.inf
    likelihood.sum().backward()
    assert torch.isfinite(emissions.grad).all()
    assert torch.isfinite(crf.scores.grad).all()


def test_training_learns_what_follows_what() -> None:
    """Labels alternate; the emissions say nothing but who comes first."""
    torch.manual_seed(0)
    crf = CRF(2)
    emissions = torch.zeros(2, 7, 2)
    emissions[0, 0, 0] = emissions[1, 0, 1] = 2.0
    tags = torch.tensor([[0, 1] * 3 + [0], [1, 0] * 3 + [1]])
    lengths = torch.tensor([7, 7])
    optimizer = torch.optim.Adam(crf.parameters(), lr=0.3)
    for _ in range(30):
        optimizer.zero_grad()
        (-crf.log_likelihood(emissions, tags, lengths).mean()).backward()
        optimizer.step()
    best, log_probability = crf.decode(emissions, lengths)
    assert torch.equal(best, tags)
    assert log_probability.exp().min() > 0.8


def test_single_precision_in_and_out_with_a_double_precision_recursion() -> None:
    crf = drawn()
    emissions = 5 * torch.randn(4, 30, LABELS, requires_grad=True)
    lengths = torch.full((4,), 30)
    single = crf.log_partition(emissions, lengths)
    assert single.dtype == torch.float32
    assert crf.marginals(emissions.detach(), lengths).dtype == torch.float32
    torch.testing.assert_close(single.double(), crf.log_partition(emissions.double(), lengths), rtol=1e-7, atol=0)
    assert crf.log_partition(emissions.bfloat16(), lengths).dtype == torch.float32


def test_the_scores_may_be_cast_and_the_state_dict_restores_everything() -> None:
    crf = drawn(forbidding())
    emissions, lengths = torch.randn(2, 5, LABELS), torch.tensor([5, 3])
    expected = crf.log_partition(emissions, lengths)
    again = CRF(LABELS)
    again.load_state_dict(crf.state_dict())
    assert torch.equal(again.log_partition(emissions, lengths), expected)
    torch.testing.assert_close(crf.float().log_partition(emissions, lengths), expected)


def test_marginals_in_inference_mode() -> None:
    crf = drawn()
    emissions, lengths = torch.randn(2, 5, LABELS), torch.tensor([5, 3])
    with torch.inference_mode():
        inside = crf.marginals(emissions * 1, lengths * 1)
    assert torch.equal(inside, crf.marginals(emissions, lengths))


@pytest.mark.parametrize(("batch", "steps"), [(0, 3), (2, 0), (0, 0)])
def test_batches_without_anything(batch: int, steps: int) -> None:
    crf = CRF(LABELS)
    emissions, lengths = torch.zeros(batch, steps, LABELS), torch.zeros(batch, dtype=torch.long)
    tags, log_probability = crf.decode(emissions, lengths)
    assert tags.shape == (batch, steps)
    assert log_probability.tolist() == [0.0] * batch
    assert crf.log_likelihood(emissions, tags, lengths).tolist() == [0.0] * batch
    assert crf.marginals(emissions, lengths).shape == (batch, steps, LABELS)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="at least 1 label, found 0"):
        CRF(0)
    with pytest.raises(InputError, match=r"allowed is bool \[4, 4\], found torch.bool \[3, 3\]"):
        CRF(3, torch.ones(3, 3, dtype=torch.bool))
    crf, emissions, lengths = CRF(3), torch.zeros(1, 2, 3), torch.tensor([2])
    with pytest.raises(InputError, match=r"\[batch, time, 3\], found \[1, 2, 4\]"):
        crf.log_partition(torch.zeros(1, 2, 4), lengths)
    with pytest.raises(InputError, match="between 0 and the 2 steps"):
        crf.decode(emissions, torch.tensor([3]))
    with pytest.raises(InputError, match="tags lie from 0 to 2, found 1 to 3"):
        crf.log_likelihood(emissions, torch.tensor([[1, 3]]), lengths)
    with pytest.raises(InputError, match=r"tags are integers \[1, 2\], found torch.int64 \[1, 1\]"):
        crf.log_likelihood(emissions, torch.tensor([[1]]), lengths)
    pairs = torch.tensor([[0, 1, 0], [1, 0, 1], [1, 0, 0]], dtype=torch.bool)  # 0 1 0 1: sequences of even length
    assert CRF(2, pairs).decode(torch.zeros(1, 4, 2), torch.tensor([4]))[0].tolist() == [[0, 1, 0, 1]]
    with pytest.raises(InputError, match="no sequence of 3 labels is allowed"):
        CRF(2, pairs).decode(torch.zeros(2, 4, 2), torch.tensor([2, 3]))
