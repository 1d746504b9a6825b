"""Optimisers and schedules by name, against textbook formulas in float64 and hand-computed steps."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from toy import ROWS, STEPS_AN_EPOCH, make_objective, settings, train, weights

from treadle.training import fit
from treadle.training.optimisation import LearningRate, make_optimizer
from treadle.training.settings import TrainingSettings

STEPS = 200
PEAK = 0.05
OPTIMIZERS = ["adamw", "adam", "rmsprop", "sgd"]


def rates(told: TrainingSettings, steps: int, dev_losses: list[float]) -> list[float]:
    """The learning rate of every step of a run; `dev_losses` has one for each epoch."""
    optimizer = make_optimizer(nn.Linear(2, 2), told)
    rate = LearningRate(optimizer, told, steps)
    found = []
    for dev_loss in dev_losses:
        for _ in range(steps // len(dev_losses)):
            found.append(rate.value)
            assert {group["lr"] for group in optimizer.param_groups} == {rate.value}
            optimizer.step()
            rate.after_step()
        rate.after_epoch(dev_loss)
    return found


def test_one_cycle_rises_in_a_line_over_a_tenth_and_falls_along_half_a_cosine() -> None:
    found = np.array(rates(settings(schedule="one-cycle", learning_rate=PEAK), STEPS, [1.0] * 10))
    rise = STEPS // 10
    assert found.argmax() == rise
    np.testing.assert_allclose(found[: rise + 1], PEAK * np.arange(1, rise + 2) / (rise + 1))
    fall = np.arange(STEPS - rise) / (STEPS - rise)
    np.testing.assert_allclose(found[rise:], PEAK * np.maximum(1e-3, np.cos(np.pi * fall / 2) ** 2), rtol=1e-9)


def test_cosine_falls_from_the_first_step_and_to_nearly_nothing() -> None:
    found = np.array(rates(settings(schedule="cosine", learning_rate=PEAK), STEPS, [1.0] * 10))
    expected = PEAK * np.cos(np.pi * np.arange(STEPS) / STEPS / 2) ** 2
    np.testing.assert_allclose(found, np.maximum(expected, PEAK * 1e-3), rtol=1e-9)
    assert (np.diff(found) <= 0).all()
    assert found[-1] <= PEAK * 1e-3


def test_step_falls_to_a_tenth_after_half_and_after_three_quarters_of_the_epochs() -> None:
    found = np.array(rates(settings(schedule="step", learning_rate=PEAK, epochs=8), 80, [1.0] * 8))
    expected = np.repeat(PEAK * 0.1 ** np.array([0, 0, 0, 0, 1, 1, 2, 2]), 10)
    np.testing.assert_allclose(found, expected)


def test_plateau_halves_when_the_dev_loss_has_stood_still_for_two_epochs() -> None:
    losses = [1.0, 0.9, 0.9, 0.9, 0.5, 0.6, 0.7, 0.4]
    found = rates(settings(schedule="plateau", learning_rate=PEAK, epochs=8), 8, losses)
    # Best after epoch 2; epochs 3 and 4 do not better it. Best again after 5; epochs 6 and 7 do not.
    np.testing.assert_allclose(found, [PEAK] * 4 + [PEAK / 2] * 3 + [PEAK / 4])


def test_constant_stays() -> None:
    assert set(rates(settings(schedule="constant", learning_rate=PEAK), STEPS, [1.0, 9.0])) == {PEAK}


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
@pytest.mark.parametrize("epochs", [1, 3, 12])
def test_the_schedule_ends_with_the_run(schedule: str, epochs: int) -> None:
    """However short the epochs, the last steps are made at the least learning rate, not on the way to it."""
    _, history = train(schedule=schedule, epochs=epochs)
    assert history[-1]["learning_rate"] == pytest.approx(0.01 * 1e-3)


def test_a_run_of_a_single_step_has_a_learning_rate() -> None:
    objective = make_objective(batch=ROWS)
    before = weights(objective.model)
    fit(objective, settings(epochs=1))
    assert not torch.equal(before, weights(objective.model))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_shrinks_matrices_and_leaves_biases_alone(name: str) -> None:
    """With no gradient but that of the penalty, only matrices move, and towards zero."""
    model = nn.GRU(3, 4)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    optimizer = make_optimizer(model, settings(optimizer=name, weight_decay=0.1))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert {n for n, p in model.named_parameters() if p.dim() == 1} == {"bias_ih_l0", "bias_hh_l0"}
    for name_, parameter in model.named_parameters():
        if parameter.dim() == 1:
            assert torch.equal(parameter, before[name_])
        else:
            large = before[name_].abs() > 0.05
            assert (parameter.abs() < before[name_].abs())[large].all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_parameters_are_not_given_to_the_optimizer(name: str) -> None:
    model = nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    optimizer = make_optimizer(model, settings(optimizer=name))
    assert [p for group in optimizer.param_groups for p in group["params"]] == [model.bias]


def l2_step(w: np.ndarray, g: np.ndarray, v: np.ndarray, *, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Gradient descent with momentum on loss + decay/2 |w|^2: v <- 0.9 v + g + decay w; w <- w - rate v."""
    v = 0.9 * v + g + decay * w
    return w - 0.1 * v, v


def test_sgd_with_momentum_and_l2_is_the_textbook_step() -> None:
    model = nn.Linear(3, 2).double()
    told = settings(optimizer="sgd", weight_decay=0.3, momentum=0.9, learning_rate=0.1)
    optimizer = make_optimizer(model, told)
    rng = np.random.default_rng(0)
    w, b = (p.detach().numpy().copy() for p in (model.weight, model.bias))
    velocity_w, velocity_b = np.zeros_like(w), np.zeros_like(b)
    for _ in range(4):
        gw, gb = rng.standard_normal((2, 3)), rng.standard_normal(2)
        model.weight.grad, model.bias.grad = torch.from_numpy(gw), torch.from_numpy(gb)
        optimizer.step()
        w, velocity_w = l2_step(w, gw, velocity_w, decay=0.3)
        b, velocity_b = l2_step(b, gb, velocity_b, decay=0.0)
    np.testing.assert_allclose(model.weight.detach().numpy(), w, rtol=1e-12)
    np.testing.assert_allclose(model.bias.detach().numpy(), b, rtol=1e-12)


def adam_path(w: float, gradients: list[float], *, decoupled: bool, rate: float, decay: float) -> float:
    """Kingma & Ba 2015, algorithm 1, and Loshchilov & Hutter 2019, algorithm 2, for one number."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        if decoupled:
            w -= rate * decay * w
        else:
            g += decay * w
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= rate * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.99**t)) + 1e-8)
    return w


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_and_adamw_are_the_algorithms_of_their_papers(name: str) -> None:
    model = nn.Linear(1, 1, bias=False).double()
    optimizer = make_optimizer(model, settings(optimizer=name, weight_decay=0.5, learning_rate=0.1))
    gradients = [0.3, -1.0, 0.5, 0.05]
    expected = adam_path(model.weight.item(), gradients, decoupled=name == "adamw", rate=0.1, decay=0.5)
    for gradient in gradients:
        model.weight.grad = torch.full((1, 1), gradient, dtype=torch.float64)
        optimizer.step()
    assert model.weight.item() == pytest.approx(expected, rel=1e-10)


def test_rmsprop_is_the_textbook_step() -> None:
    """Hinton's lecture: the gradient over the root of its running mean square, here with momentum."""
    model = nn.Linear(1, 1, bias=False).double()
    told = settings(optimizer="rmsprop", weight_decay=0.0, momentum=0.5, learning_rate=0.1)
    optimizer = make_optimizer(model, told)
    w, square, velocity = model.weight.item(), 0.0, 0.0
    for g in [0.3, -1.0, 0.5]:
        model.weight.grad = torch.full((1, 1), g, dtype=torch.float64)
        optimizer.step()
        square = 0.99 * square + 0.01 * g * g
        velocity = 0.5 * velocity + g / (math.sqrt(square) + 1e-8)
        w -= 0.1 * velocity
    assert model.weight.item() == pytest.approx(w, rel=1e-10)


@pytest.mark.parametrize("clip_norm", [0.0, 0.05, 1e6])
def test_gradients_are_clipped_as_by_torch(clip_norm: float) -> None:
    """One epoch of plain gradient descent, beside the same loop written with torch alone."""
    changes = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "epochs": 1}
    objective, beside = make_objective(), make_objective()
    history = fit(objective, settings(**changes, clip_norm=clip_norm, learning_rate=0.5))
    norms = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        beside.model.train()
        for rows in beside.batches.epoch(0):
            beside.model.zero_grad()
            beside.loss(beside.model, rows).backward()
            parameters = list(beside.model.parameters())
            norms.append(float(nn.utils.clip_grad_norm_(parameters, clip_norm or math.inf)))
            with torch.no_grad():
                for parameter in parameters:
                    assert parameter.grad is not None
                    parameter.sub_(0.5 * parameter.grad)
    assert len(norms) == STEPS_AN_EPOCH
    assert (np.array(norms) > 0.05).all(), "the smaller limit must bite at every step"
    for name, value in objective.model.state_dict().items():
        torch.testing.assert_close(value, beside.model.state_dict()[name], rtol=1e-6, atol=1e-7)
    assert history[0]["gradient_norm"] == pytest.approx(np.mean(norms), rel=1e-5)
    assert history[0]["gradient_norm_max"] == pytest.approx(max(norms), rel=1e-5)
