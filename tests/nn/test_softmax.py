"""The chunked cross-entropy beside torch's own on the whole table, its gradients and its memory."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from treadle.errors import InputError
from treadle.nn import softmax as module
from treadle.nn.softmax import ROWS, AdaptiveSoftmax, Softmax, cross_entropy, token_losses


@pytest.fixture(params=[1, 7, 1000], ids=lambda rows: f"{rows} positions a chunk")
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST", 1)
    monkeypatch.setattr(module, "CHUNK_ON_CPU", 11 * request.param)


def example(scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(2)
    hidden, weight = torch.randn(23, 5, dtype=torch.float64) * scale, torch.randn(11, 5, dtype=torch.float64)
    return (
        hidden.requires_grad_(),
        weight.requires_grad_(),
        torch.randn(11, dtype=torch.float64).requires_grad_(),
        torch.randint(11, (23,)),
    )


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 300.0])  # large logits: the likeliest symbol has all the probability
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_it_equals_torchs_cross_entropy_with_all_gradients(weighted: bool, scale: float, smoothing: float) -> None:
    hidden, weight, bias, targets = example(scale)
    importance = torch.rand(23, dtype=torch.float64) * (torch.rand(23) < 0.7) if weighted else torch.ones(23)
    found = cross_entropy(hidden, weight, bias, targets, importance if weighted else None, smoothing=smoothing)
    losses = F.cross_entropy(hidden @ weight.T + bias, targets, reduction="none", label_smoothing=smoothing)
    expected = (losses * importance).sum() / importance.sum()
    torch.testing.assert_close(found, expected)
    leaves = (hidden, weight, bias)
    for one, other in zip(
        torch.autograd.grad(3 * found, leaves), torch.autograd.grad(3 * expected, leaves), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("chunk")
def test_losses_a_token_have_the_gradient_of_any_use_that_is_made_of_them() -> None:
    hidden, weight, bias, targets = example()
    use = torch.randn(23, dtype=torch.float64)
    expected = F.cross_entropy(hidden @ weight.T + bias, targets, reduction="none")
    found = token_losses(hidden, weight, bias, targets)
    torch.testing.assert_close(found, expected)
    leaves = (hidden, weight, bias)
    for one, other in zip(
        torch.autograd.grad(found @ use, leaves), torch.autograd.grad(expected @ use, leaves), strict=True
    ):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        torch.testing.assert_close(token_losses(hidden, weight, bias, targets), expected)


def test_a_part_without_gradient_gets_none() -> None:
    hidden, weight, _, targets = example()
    loss = cross_entropy(hidden, weight.detach(), None, targets)
    loss.backward()
    torch.testing.assert_close(
        hidden.grad, torch.autograd.grad(F.cross_entropy(hidden @ weight.detach().T, targets), hidden)[0]
    )
    with pytest.raises(RuntimeError, match="compute the loss again"):
        loss.backward()


def test_no_positions_at_all_is_a_loss_of_zero() -> None:
    _, weight, bias, _ = example()
    nothing, none = torch.zeros(0, 5, dtype=torch.float64), torch.zeros(0, dtype=torch.long)
    loss = cross_entropy(nothing, weight, bias, none)
    loss.backward()
    assert loss == 0
    assert not weight.grad.any()
    assert token_losses(nothing, weight, bias, none).shape == (0,)


def peak_bytes(run: Callable[[], None]) -> int:
    """The most bytes that torch held at once beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    held = peak = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def test_memory_is_that_of_a_chunk_and_not_of_all_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    positions, symbols, size = 2_000, 1_000, 8
    monkeypatch.setattr(module, "CHUNK_ON_CPU", 100 * symbols)
    hidden = torch.randn(positions, size, requires_grad=True)
    softmax, targets = Softmax(size, symbols), torch.randint(symbols, (positions,))
    table = 4 * positions * symbols
    ours = peak_bytes(lambda: softmax.mean_loss(hidden, targets).backward())
    a_token = peak_bytes(lambda: softmax.losses(hidden, targets).sum().backward())
    whole = peak_bytes(lambda: F.cross_entropy(softmax.weight @ hidden.T, torch.zeros(symbols).long()).backward())
    assert whole > 2 * table  # what is measured does see such a table
    assert ours < 0.2 * table
    assert a_token < 0.4 * table


def test_tied_weights_get_the_gradient_of_both_uses_and_are_saved_once() -> None:
    embedding = nn.Embedding(9, 4).double()
    softmax = Softmax(4, 9, tied_to=embedding).double()
    tokens, targets = torch.randint(9, (3, 5)), torch.randint(9, (3, 5))
    softmax.mean_loss(embedding(tokens), targets).backward()
    weight = embedding.weight.detach().clone().requires_grad_()
    logits = F.embedding(tokens, weight) @ weight.T + softmax.bias.detach()
    F.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    torch.testing.assert_close(embedding.weight.grad, weight.grad)
    assert list(softmax.state_dict()) == ["bias"]
    with pytest.raises(InputError, match=r"a tied embedding is \[9, 5\], found \[9, 4\]"):
        Softmax(5, 9, tied_to=embedding)


@pytest.mark.parametrize("make", [Softmax, AdaptiveSoftmax])
@pytest.mark.parametrize("symbols", [3, 50])
def test_losses_are_the_negative_log_probabilities_which_sum_to_one(
    make: type[Softmax | AdaptiveSoftmax], symbols: int
) -> None:
    softmax = make(6, symbols).double()
    hidden, targets = torch.randn(2, 5, 6, dtype=torch.float64), torch.randint(symbols, (2, 5))
    every = softmax.log_probabilities(hidden)
    torch.testing.assert_close(every.exp().sum(-1), torch.ones(2, 5, dtype=torch.float64))
    expected = -every.gather(-1, targets[..., None]).squeeze(-1)
    torch.testing.assert_close(softmax.losses(hidden, targets), expected)
    importance = torch.rand(2, 5, dtype=torch.float64)
    torch.testing.assert_close(softmax.mean_loss(hidden, targets), expected.mean())
    torch.testing.assert_close(
        softmax.mean_loss(hidden, targets, importance), (expected * importance).sum() / importance.sum()
    )


@pytest.mark.parametrize("cutoffs", [[5, 5], [0, 3], [10]])
def test_cutoffs_that_do_not_rise_within_the_vocabulary_are_refused(cutoffs: list[int]) -> None:
    with pytest.raises(InputError, match="cutoffs rise from 1 to below the vocabulary of 10"):
        AdaptiveSoftmax(4, 10, cutoffs)


def test_a_cluster_without_a_number_to_tell_its_symbols_apart_by_is_refused() -> None:
    """torch would give all of them the same probability for ever."""
    with pytest.raises(InputError, match="a feature vector of 63 leaves no number for the rarest of 3 clusters"):
        AdaptiveSoftmax(63, 60_000)
    assert all(parameter.numel() for parameter in AdaptiveSoftmax(64, 60_000).parameters())


@pytest.mark.parametrize(("symbols", "cutoffs", "rows"), [(30, [5, 12], 50), (30, [5, 12], 3), (12_000, None, 7)])
def test_the_adaptive_softmax_is_that_of_torch(symbols: int, cutoffs: list[int] | None, rows: int) -> None:
    torch.manual_seed(0)
    softmax = AdaptiveSoftmax(16, symbols, cutoffs).double()
    hidden = torch.randn(rows, 16, dtype=torch.double, requires_grad=True)
    targets = torch.randint(0, symbols, (rows,))
    ours, theirs = softmax.losses(hidden, targets), -softmax.clusters(hidden, targets).output
    torch.testing.assert_close(ours, theirs)
    found, expected = (torch.autograd.grad(losses.sum(), hidden)[0] for losses in (ours, theirs))
    torch.testing.assert_close(found, expected)


def test_products_with_rare_symbols_have_few_shapes() -> None:
    """Else each would leave a program of its own in memory."""
    torch.manual_seed(0)
    softmax, rows = AdaptiveSoftmax(16, 30, [5, 12]), set()
    for tail in softmax.clusters.tail:
        tail.register_forward_pre_hook(lambda _, args: rows.add(len(args[0])))
    for count in range(1, 60):
        softmax.losses(torch.randn(count, 16), torch.randint(0, 30, (count,)))
    assert rows == {0, ROWS}


def test_no_positions_have_no_probabilities_of_all_symbols() -> None:
    assert AdaptiveSoftmax(8, 50, [20]).log_probabilities(torch.zeros(2, 0, 8)).shape == (2, 0, 50)
