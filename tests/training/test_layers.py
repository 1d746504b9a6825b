"""Layers with learning rates of their own, which thaw one after the other."""

from pathlib import Path

import pytest
import torch
from torch import nn
from toy import STEPS_AN_EPOCH, Watch, make_model, make_objective, settings, weights

from treadle.training import Objective, fit
from treadle.training.layers import layer_parameters
from treadle.training.optimisation import make_optimizer


def layered() -> Objective:
    objective = make_objective()
    objective.layers = [[objective.model[3]], [objective.model[0]]]
    return objective


def test_each_group_learns_at_a_share_of_the_rate_of_the_one_above_it() -> None:
    model = make_model()
    optimizer = make_optimizer(model, settings(learning_rate=0.1, layer_decay=0.5), [[model[3]], [model[0]]])
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert [rates[id(p)] for p in model.parameters()] == [0.05, 0.05, 0.1, 0.1]


def test_a_group_stays_as_it_is_until_its_epoch() -> None:
    objective = layered()
    below, above = objective.model[0].weight, objective.model[3].weight
    begin = below.detach().clone(), above.detach().clone()
    seen: list[tuple[bool, bool]] = []

    def look(step: int) -> None:
        if step % STEPS_AN_EPOCH == 0:
            seen.append((torch.equal(below, begin[0]), torch.equal(above, begin[1])))

    fit(objective, settings(epochs=3, unfreeze_epochs=2, weight_decay=0.1), progress=Watch(look))
    assert seen == [(True, False), (True, False), (False, False)]
    assert all(parameter.requires_grad for parameter in objective.model.parameters())


def test_what_was_frozen_for_good_stays_frozen() -> None:
    objective = layered()
    frozen = objective.model[0].weight.requires_grad_(False)
    before = frozen.detach().clone()
    fit(objective, settings(epochs=3, unfreeze_epochs=1))
    assert torch.equal(frozen, before)
    assert not frozen.requires_grad


def test_what_never_thawed_is_free_again_after_training() -> None:
    objective = layered()
    fit(objective, settings(epochs=1, unfreeze_epochs=5))
    assert all(parameter.requires_grad for parameter in objective.model.parameters())


@pytest.mark.parametrize("stop", [2, STEPS_AN_EPOCH, STEPS_AN_EPOCH + 2])
def test_a_resumed_run_thaws_as_an_uninterrupted_one(tmp_path: Path, stop: int) -> None:
    told = settings(epochs=3, unfreeze_epochs=1, layer_decay=0.4, checkpoint_seconds=0)
    whole = layered()
    fit(whole, told)

    def break_off(step: int) -> None:
        if step == stop + 1:
            raise EOFError

    with pytest.raises(EOFError):
        fit(layered(), told, checkpoint=tmp_path / "last", progress=Watch(break_off))
    resumed = layered()
    fit(resumed, told, checkpoint=tmp_path / "last", resume=True)
    assert torch.equal(weights(resumed.model), weights(whole.model))


def test_a_shared_parameter_belongs_to_its_first_group_and_none_may_be_forgotten() -> None:
    shared = nn.Linear(2, 2)
    model = nn.ModuleList([shared, nn.Linear(2, 1)])
    assert [len(group) for group in layer_parameters(model, [[shared], [shared, model[1]]])] == [2, 2]
    with pytest.raises(ValueError, match=r"1\.weight"):
        layer_parameters(model, [[shared]])
