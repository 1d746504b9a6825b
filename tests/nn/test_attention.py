"""Attention: the published equations in NumPy, all queries at once as one by one, coverage."""

import numpy as np
import pytest
import torch

from treadle.errors import InputError
from treadle.nn.attention import ATTENTIONS, Attention, coverage_penalty

QUERY, MEMORY, STEPS, QUERIES = 6, 6, 5, 4


def drawn(kind: str, **options) -> Attention:
    torch.manual_seed(1)
    attention = Attention(kind, QUERY, MEMORY, **options).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_()
    return attention


def parts(attention: Attention) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in attention.named_parameters()}


def published(attention: Attention, q: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row, without padding, from the equations: contexts and weights."""
    p, size = parts(attention), QUERY // attention.heads
    contexts, shown, covered = [], [], np.zeros(len(m))
    for one in q:
        heads, weights = [], []
        for head in range(attention.heads):
            own = slice(head * size, (head + 1) * size)
            if attention.kind == "additive":
                extra = np.outer(covered, p["coverage"]) if "coverage" in p else 0
                inner = p["of_query.weight"] @ one + p["of_query.bias"] + m @ p["of_memory.weight"].T + extra
                z = np.tanh(inner) @ p["score.weight"][0]
            elif attention.kind == "scaled":
                z = (m @ p["of_memory.weight"][own].T) @ (p["of_query.weight"][own] @ one) / np.sqrt(size)
            else:
                z = (m @ p["of_memory.weight"].T if attention.kind == "general" else m) @ one
            if attention.kind != "additive" and "coverage" in p:
                z = z + p["coverage"][head] * covered
            a = np.exp(z) / np.exp(z).sum()
            values = m @ p["of_value.weight"][own].T if attention.kind == "scaled" else m
            heads.append(a @ values)
            weights.append(a)
        contexts.append(np.concatenate(heads))
        shown.append(np.mean(weights, 0))
        covered = covered + shown[-1]
    return np.array(contexts), np.array(shown)


CASES = [(kind, {"coverage": coverage}) for kind in ATTENTIONS for coverage in (False, True)]
CASES += [("scaled", {"heads": 3}), ("scaled", {"heads": 2, "coverage": True})]


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_it_is_the_published_equation(kind, options):
    attention = drawn(kind, **options)
    q, m = torch.randn(1, QUERIES, QUERY).double(), torch.randn(1, STEPS, MEMORY).double()
    found = attention(q, attention.remember(m, torch.tensor([STEPS])))
    context, weights = published(attention, q[0].numpy(), m[0].numpy())
    np.testing.assert_allclose(found.context[0].detach(), context, atol=1e-12)
    np.testing.assert_allclose(found.weights[0].detach(), weights, atol=1e-12)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_queries_one_by_one_are_answered_as_all_at_once(kind, options):
    attention = drawn(kind, **options)
    memory = attention.remember(torch.randn(3, STEPS, MEMORY).double(), torch.tensor([5, 0, 2]))
    q = torch.randn(3, QUERIES, QUERY).double()
    whole = attention(q, memory)
    coverage = None
    for place in range(QUERIES):
        one = attention(q[:, place : place + 1], memory, coverage)
        coverage = one.coverage
        torch.testing.assert_close(one.context[:, 0], whole.context[:, place])
        torch.testing.assert_close(one.weights[:, 0], whole.weights[:, place])
    if whole.coverage is not None:
        torch.testing.assert_close(coverage, whole.weights.sum(1))


def test_additive_scores_in_chunks_have_the_same_gradient(monkeypatch):
    attention = drawn("additive")
    q, m = torch.randn(2, 7, QUERY).double(), torch.randn(2, STEPS, MEMORY).double().requires_grad_()

    def slopes() -> list[torch.Tensor]:
        found = attention(q, attention.remember(m, torch.tensor([5, 3]))).context.square().sum()
        return list(torch.autograd.grad(found, [m, *attention.parameters()]))

    whole = slopes()
    monkeypatch.setattr("treadle.nn.attention.CHUNK", 1)
    torch.testing.assert_close(slopes(), whole)


def test_no_query_and_no_step_are_no_error():
    for kind in ATTENTIONS:
        for coverage in (False, True):
            attention = drawn(kind, coverage=coverage)
            memory = attention.remember(torch.randn(2, STEPS, MEMORY).double(), torch.tensor([5, 2]))
            assert attention(torch.zeros(2, 0, QUERY).double(), memory).context.shape == (2, 0, MEMORY)
            nothing = attention.remember(torch.zeros(2, 0, MEMORY).double(), torch.tensor([0, 0]))
            assert not attention(torch.randn(2, 3, QUERY).double(), nothing).context.any()


def test_the_coverage_penalty_is_what_was_looked_at_twice():
    weights = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]]])
    assert coverage_penalty(weights).tolist() == [[0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "bahdanau"}, "there is no attention 'bahdanau'; valid names: additive, dot, general, scaled"),
        ({"kind": "dot", "memory_size": 7}, "needs queries and memory of one size, found 6 and 7"),
        ({"kind": "general", "heads": 2}, "'general' with 2 heads is not possible"),
        ({"kind": "scaled", "heads": 4}, "a size of 6 is not divided by 4 heads"),
    ],
)
def test_what_does_not_fit_is_said(arguments, said):
    with pytest.raises(InputError, match=said):
        Attention(**({"query_size": QUERY, "memory_size": MEMORY} | arguments))
