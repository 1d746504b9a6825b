import numpy as np
import pytest
import torch

from treadle.evaluation.attribution import integrated_gradients


def test_completeness_for_a_recurrent_net():
    torch.manual_seed(0)
    net, head = torch.nn.GRU(3, 8, batch_first=True).double(), torch.nn.Linear(8, 1).double()

    def score(batch):
        return head(net(batch)[0][:, -1]).squeeze(1)

    x = torch.randn(11, 3, dtype=torch.float64)
    total = (score(x[None]) - score(torch.zeros_like(x)[None])).item()
    few = abs(integrated_gradients(score, x, steps=8).sum().item() - total)
    many = abs(integrated_gradients(score, x, steps=64).sum().item() - total)
    assert many < 1e-3 * abs(total)
    assert many < few / 16  # the midpoint rule: eight times the points, about 1/64 of the error


def test_a_quadratic_by_hand():
    # The integral of 2 a x from 0 to 1, times x, is x squared; the midpoint rule is exact for a linear gradient.
    x = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    found = integrated_gradients(lambda batch: (batch**2).sum((1, 2)), x, steps=1)
    np.testing.assert_allclose(found.numpy(), [5.0, 9.25], rtol=1e-6)


def test_steps_that_the_score_ignores_get_nothing():
    found = integrated_gradients(lambda batch: torch.tanh(batch[:, 1]).sum(1), torch.ones(4, 2))
    assert found[[0, 2, 3]].tolist() == [0, 0, 0]
    assert found[1] > 0


def test_the_neutral_input_can_be_chosen():
    x, reference = torch.full((3, 1), 5.0), torch.full((3, 1), 4.0)
    found = integrated_gradients(lambda batch: batch.sum((1, 2)), x, reference=reference)
    assert found.tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_it_works_where_gradients_are_off_and_leaves_no_gradient_behind():
    weight = torch.nn.Parameter(torch.ones(2))
    with torch.no_grad():
        found = integrated_gradients(lambda batch: (batch * weight).sum((1, 2)), torch.ones(3, 2))
    assert found.tolist() == [2.0, 2.0, 2.0]
    assert weight.grad is None
    assert not found.requires_grad


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"expected \[time, feature\]"):
        integrated_gradients(lambda batch: batch.sum(), torch.ones(3))
    with pytest.raises(ValueError, match="one number for each point"):
        integrated_gradients(lambda batch: batch.sum(), torch.ones(3, 2))
