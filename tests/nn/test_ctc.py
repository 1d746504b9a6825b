"""CTC beside the sum over all paths: loss, greedy, alignment, prefix beam search with and without a scorer."""

import math
from collections import defaultdict
from itertools import groupby, product

import pytest
import torch
from torch import Tensor

from treadle.errors import InputError
from treadle.nn.ctc import align, ctc_loss, frames_needed, greedy, log_probabilities
from treadle.nn.prefix_beam import prefix_beam_search


def by_force(said: Tensor) -> dict[tuple[int, ...], float]:
    """The probability of every sequence of units: the sum over every path through the frames."""
    found: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(said.shape[1]), repeat=said.shape[0]):
        units = tuple(unit for unit, _ in groupby(path) if unit)
        found[units] += math.exp(sum(float(said[frame, unit]) for frame, unit in enumerate(path)))
    return found


def frames(time: int, units: int, seed: int = 0, sharp: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (sharp * torch.randn(time, units, generator=generator, dtype=torch.float64)).log_softmax(1)


class Liking:
    """A scorer that likes some units, the more the later, and ends that come after an even number."""

    def begin(self) -> int:
        return 0

    def after(self, state: int, unit: int) -> int:
        return state + 1

    def following(self, state: int) -> list[float]:
        return [99.0, 0.3 * (state + 1), -0.2, 0.1]

    def end(self, state: int) -> float:
        return 0.5 * (state % 2 == 0)

    def of(self, units: tuple[int, ...]) -> float:
        return sum(self.following(place)[unit] for place, unit in enumerate(units)) + self.end(len(units))


@pytest.mark.parametrize("time", [1, 2, 4, 5])
def test_the_loss_is_the_sum_over_all_paths(time: int) -> None:
    said = frames(time, 4)
    for units, probability in by_force(said).items():
        loss = ctc_loss(said[None], torch.tensor([time]), torch.tensor([units], dtype=torch.long).view(1, -1),
                        torch.tensor([len(units)]))  # fmt: skip
        assert loss.item() == pytest.approx(-math.log(probability), abs=1e-9)
        assert frames_needed(units) <= time


def test_padding_and_batch_mates_change_neither_loss_nor_gradient_nor_units() -> None:
    torch.manual_seed(0)
    lengths, sizes = torch.tensor([6, 3, 0, 5]), torch.tensor([2, 3, 0, 0])
    targets = torch.tensor([[1, 1, 9], [1, 2, 3], [9, 9, 9], [-1, 9, 0]])
    logits = torch.randn(4, 6, 4, dtype=torch.float64)
    logits[torch.arange(6)[None] >= lengths[:, None]] = torch.nan
    logits.requires_grad_()
    losses = ctc_loss(logits, lengths, targets, sizes)
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    said = log_probabilities(logits, lengths)
    for row in range(4):
        alone = logits[row : row + 1, : lengths[row]].detach().requires_grad_()
        loss = ctc_loss(alone, lengths[row : row + 1], targets[row : row + 1, : sizes[row]], sizes[row : row + 1])
        torch.testing.assert_close(losses[row : row + 1], loss)
        if lengths[row]:
            loss.sum().backward()
            torch.testing.assert_close(logits.grad[row, : lengths[row]], alone.grad[0])
        assert not logits.grad[row, lengths[row] :].any()
        assert greedy(said[row, : lengths[row]]) == greedy(log_probabilities(alone, lengths[row : row + 1])[0])


def test_a_transcript_longer_than_its_frames_is_infinite_and_leaves_the_others_their_gradient() -> None:
    logits = torch.randn(2, 3, 3, requires_grad=True)
    lengths, targets = torch.tensor([3, 3]), torch.tensor([[1, 1, 1], [1, 2, 1]])
    losses = ctc_loss(logits, lengths, targets, torch.tensor([3, 3]))
    assert torch.isinf(losses[0])
    assert torch.isfinite(losses[1])
    losses[1].backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("time", [1, 2, 3, 5])
@pytest.mark.parametrize("scorer", [None, Liking()], ids=["alone", "scored"])
def test_a_beam_that_drops_nothing_is_the_sum_over_all_paths(time: int, scorer: Liking | None) -> None:
    said = frames(time, 4, seed=time)
    exact = by_force(said)
    found = prefix_beam_search(said, 10_000, scorer, best=10_000)
    assert {one.units for one in found} == set(exact)
    for one in found:
        assert one.log_probability == pytest.approx(math.log(exact[one.units]), abs=1e-9)
        expected = one.log_probability + (scorer.of(one.units) if scorer else 0)
        assert one.score == pytest.approx(expected, abs=1e-9)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_narrow_beam_finds_the_best_where_frames_are_sure_and_a_beam_of_one_is_greedy_there() -> None:
    for seed in range(5):
        said = frames(6, 4, seed, sharp=6)
        best = max(by_force(said).items(), key=lambda pair: pair[1])[0]
        assert prefix_beam_search(said, 8)[0].units == best
        assert prefix_beam_search(said, 8, least=1e-6)[0].units == best
    sure = torch.nn.functional.one_hot(torch.tensor([1, 1, 0, 1, 2, 0, 0, 3]), 4).double().mul(20).log_softmax(1)
    assert prefix_beam_search(sure, 1)[0].units == (1, 1, 2, 3) == tuple(one.unit for one in greedy(sure))


def test_an_alignment_is_the_likeliest_path_that_says_the_units() -> None:
    said = frames(5, 3, seed=3)
    for units in [(1,), (1, 1), (2, 1, 2), (1, 2, 1, 2)]:
        paths = [
            path for path in product(range(3), repeat=5) if tuple(unit for unit, _ in groupby(path) if unit) == units
        ]
        best = max(paths, key=lambda path: sum(float(said[frame, unit]) for frame, unit in enumerate(path)))
        spoken = [0] * 5
        for one in align(said, units):
            spoken[one.start : one.end] = [one.unit] * (one.end - one.start)
            assert one.probability == pytest.approx(float(said[one.start : one.end, one.unit].max().exp()))
        assert tuple(spoken) == best
    assert align(said, ()) == []
    with pytest.raises(InputError, match="3 units need 5 frames, found 4"):
        align(said[:4], (1, 1, 1))


def test_the_greedy_path_of_units_is_their_own_alignment() -> None:
    said = frames(30, 5, seed=4, sharp=3)
    emitted = greedy(said)
    assert align(said, [one.unit for one in emitted]) == emitted


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (torch.tensor([[0]]), "units from 1 to 2"),
        (torch.tensor([[3]]), "units from 1 to 2"),
        (torch.tensor([1]), "longest"),
    ],
)
def test_targets_that_are_no_units_are_refused(targets: Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ctc_loss(torch.randn(1, 4, 3), torch.tensor([4]), targets, torch.tensor([1]))
    with pytest.raises(InputError, match="beam_size"):
        prefix_beam_search(torch.zeros(1, 2), 0)
