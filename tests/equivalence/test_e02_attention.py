"""E2 for attention and coverage: padding and batch mates change nothing. E12: a memory without steps."""

import pytest
import torch
from cases import Result, assert_same, gradients, with_gradients
from torch import Tensor

from treadle.nn import length_mask
from treadle.nn.attention import ATTENTIONS, Attention, coverage_penalty

SIZE, STEPS, QUERIES = 4, 6, 3
LENGTHS = torch.tensor([6, 2, 0, 1, 4])
PADDING = ~length_mask(LENGTHS, STEPS)
KINDS = pytest.mark.parametrize("kind", ATTENTIONS)
COVERAGE = pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])


def drawn(kind: str, coverage: bool) -> Attention:
    attention = Attention(kind, SIZE, SIZE, heads=2 if kind == "scaled" else 1, coverage=coverage).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.uniform_(-0.7, 0.7)
    return attention


def outcome(attention: Attention, query: Tensor, memory: Tensor, lengths: Tensor, aim: Tensor) -> Result:
    query, memory = with_gradients(query), with_gradients(memory)
    found = attention(query, attention.remember(memory, lengths))
    loss = (found.context * aim).sum() + coverage_penalty(found.weights).sum()
    leaves = {"query": query, "memory": memory, **dict(attention.named_parameters())}
    return {"context": found.context, "weights": found.weights, **gradients(loss, leaves)}


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    rows = len(LENGTHS)
    shape = (rows, QUERIES, SIZE)
    return torch.randn(shape).double(), torch.randn(rows, STEPS, SIZE).double(), torch.randn(shape).double()


@KINDS
@COVERAGE
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30], ids=["nan", "inf", "huge"])
def test_padding_is_never_looked_at(kind: str, coverage: bool, value: float) -> None:
    attention, (query, memory, aim) = drawn(kind, coverage), inputs()
    clean = outcome(attention, query, memory.masked_fill(PADDING[..., None], 0), LENGTHS, aim)
    dirty = outcome(attention, query, memory.masked_fill(PADDING[..., None], value), LENGTHS, aim)
    assert_same(dirty, clean, tolerance=0)
    assert not dirty["d memory"][PADDING].any()


@KINDS
@COVERAGE
def test_weights_sum_to_one_over_real_steps_only(kind: str, coverage: bool) -> None:
    attention, (query, memory, aim) = drawn(kind, coverage), inputs()
    weights = outcome(attention, 9 * query, memory, LENGTHS, aim)["weights"]
    assert not weights.transpose(1, 2)[PADDING].any()
    expected = (LENGTHS > 0).double()[:, None].expand(-1, QUERIES)
    torch.testing.assert_close(weights.sum(2), expected, rtol=0, atol=1e-12)


@KINDS
@COVERAGE
def test_a_row_is_what_it_would_be_alone(kind: str, coverage: bool) -> None:
    attention, (query, memory, aim) = drawn(kind, coverage), inputs()
    together = outcome(attention, query, memory, LENGTHS, aim)
    shared = {f"d {name}" for name, _ in attention.named_parameters()}
    sums = {name: torch.zeros_like(together[name]) for name in shared}
    for row, length in enumerate(LENGTHS.tolist()):
        only = slice(row, row + 1)
        alone = outcome(attention, query[only], memory[only, :length], LENGTHS[only], aim[only])
        for name in shared:
            sums[name] += alone.pop(name)
        mine = {name: together[name][only] for name in alone}
        mine |= {"weights": mine["weights"][..., :length], "d memory": mine["d memory"][:, :length]}
        assert_same(mine, alone, tolerance=1e-9)
    assert_same({name: together[name] for name in shared}, sums, tolerance=1e-9)


@KINDS
@COVERAGE
def test_a_mate_that_is_not_a_number_stays_alone_with_it(kind: str, coverage: bool) -> None:
    attention, (query, memory, _) = drawn(kind, coverage), inputs()
    others, found = [0, 2, 3, 4], []
    for value in (0.0, float("nan")):
        memory[1], query[1] = value, value
        answer = attention(query, attention.remember(memory, LENGTHS))
        found.append({"context": answer.context[others], "weights": answer.weights[others]})
    assert_same(found[1], found[0], tolerance=0)
