"""Zeros: exactly as many as are asked for, the smallest, and kept while the others learn."""

import pytest
import torch
from torch import nn

from treadle.data import BucketBatches
from treadle.errors import InputError
from treadle.training import Objective, TrainingSettings, fit
from treadle.training.pruning import Pruner, pruned


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 30), nn.Tanh(), nn.Linear(30, 3))


def zeros(network: nn.Module) -> list[int]:
    return [int((p == 0).sum()) for p in network.parameters() if p.dim() == 2]


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.97])
def test_the_share_is_exact_and_the_smallest_go(sparsity):
    network = net()
    sizes = torch.cat([p.detach().abs().flatten() for p in network.parameters() if p.dim() == 2])
    Pruner(network, sparsity, "global").apply()
    assert sum(zeros(network)) == round(sparsity * (360 + 90))
    kept = torch.cat([p.detach().abs().flatten() for p in network.parameters() if p.dim() == 2])
    assert kept[kept > 0].min() >= sizes.sort().values[sum(zeros(network)) - 1]


def test_by_layer_every_matrix_has_the_share():
    network = net()
    with torch.no_grad():
        network[2].weight.mul_(1e-3)
    Pruner(network, 0.5).apply()
    assert zeros(network) == [180, 45]
    again = net()
    with torch.no_grad():
        again[2].weight.mul_(1e-3)
    Pruner(again, 0.5, "global").apply()
    assert zeros(again)[1] == 90


def test_the_schedule_is_the_cubic_of_the_paper():
    pruner = Pruner(net(), 0.8, steps=10)
    shares = [pruner.share]
    for _ in range(12):
        pruner.advance()
        shares.append(pruner.share)
    assert shares[0] == 0
    assert shares[5] == pytest.approx(0.8 * (1 - 0.5**3))
    assert shares[10:] == [0.8, 0.8, 0.8]


def test_fine_tuning_keeps_the_zeros_and_learns():
    network = net()
    x = torch.randn(64, 12, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()

    def loss(model, rows):
        return nn.functional.cross_entropy(model(x[rows]), y[rows])

    def evaluate(model):
        with torch.no_grad():
            return {"loss": float(nn.functional.cross_entropy(model(x), y))}

    batches = BucketBatches(torch.ones(64, dtype=torch.int64), max_rows=16)
    objective = Objective(network, batches, loss, evaluate, lambda dev: [-dev["loss"]])
    untrained = evaluate(network)["loss"]
    pruner = Pruner(network, 0.75, steps=24)
    settings = TrainingSettings(epochs=15, learning_rate=0.02, device="cpu", averaging=0.9)
    history = fit(pruned(objective, pruner), settings)
    assert sum(zeros(network)) >= round(0.75 * 360) + round(0.75 * 90)
    assert sum(zeros(network)) <= round(0.75 * 360) + round(0.75 * 90) + 2
    assert evaluate(network)["loss"] < 0.6 * untrained
    best = max(record["epoch"] for record in history if record["best"])
    assert best * 4 >= 24


@pytest.mark.parametrize(("arguments", "message"), [((1.0,), "found 1"), ((0.5, "row"), "'layer' or 'global'")])
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Pruner(net(), *arguments)
