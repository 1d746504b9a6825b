"""The textbook page: its gradients against autograd and finite differences, its model on a small text."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from treadle.cells import textbook
from treadle.cells.textbook import Array, CharacterModel, Parameters, Phi, elman_backward, elman_forward
from treadle.errors import InputError

TEXT = "the cat sat on the mat. the dog sat on the log. " * 12


def elman_parameters(rng: np.random.Generator, inputs: int = 3, hidden: int = 4) -> Parameters:
    shapes = {"weight_ih": (hidden, inputs), "weight_hh": (hidden, hidden), "bias": (hidden,)}
    return {name: rng.normal(0.0, 0.6, shape) for name, shape in shapes.items()}


def autograd_elman(
    p: Parameters, x: Array, h: Array, e: Array, nonlinearity: Phi, unroll: int
) -> tuple[Array, list[Array]]:
    """The outputs, and the gradients by p, x and h of `sum(e * outputs)`, by torch; detached every `unroll` steps."""
    leaves = [torch.tensor(value, requires_grad=True) for value in (*p.values(), x, h)]
    weight_ih, weight_hh, bias, inputs, state = leaves
    outputs = []
    for t in range(x.shape[-2]):
        if t and t % unroll == 0:
            state = state.detach()
        a = torch.nn.functional.linear(inputs[..., t, :], weight_ih, bias) + state @ weight_hh.T
        state = torch.tanh(a) if nonlinearity == "tanh" else torch.relu(a)
        outputs.append(state)
    stacked = torch.stack(outputs, dim=-2)
    gradients = torch.autograd.grad((stacked * torch.tensor(e)).sum(), leaves)
    return stacked.detach().numpy(), [gradient.numpy() for gradient in gradients]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("batch", [(), (1,), (5,)])
@pytest.mark.parametrize("unroll", [1, 3, 7, 20, None])
def test_gradients_of_whole_and_truncated_sequences_equal_autograd(
    nonlinearity: Phi, batch: tuple[int, ...], unroll: int | None
) -> None:
    rng = np.random.default_rng(1)
    p, x, h = elman_parameters(rng), rng.normal(size=(*batch, 7, 3)), rng.normal(size=(*batch, 4))
    e = rng.normal(size=(*batch, 7, 4))
    outputs = elman_forward(p, x, h, nonlinearity)
    gradients, grad_x, grad_h = elman_backward(p, x, h, outputs, e, nonlinearity, unroll)
    expected_outputs, expected = autograd_elman(p, x, h, e, nonlinearity, unroll or 7)
    np.testing.assert_allclose(outputs, expected_outputs, rtol=0, atol=1e-10)
    for found, due in zip((*gradients.values(), grad_x, grad_h), expected, strict=True):
        np.testing.assert_allclose(found, due, rtol=0, atol=1e-10)


def test_truncation_forgets_what_lies_before_its_window() -> None:
    rng = np.random.default_rng(2)
    p, x, h = elman_parameters(rng), rng.normal(size=(8, 3)), rng.normal(size=4)
    e = np.zeros((8, 4))
    e[-1] = 1.0  # only the last output matters
    _, grad_x, grad_h = elman_backward(p, x, h, elman_forward(p, x, h), e, unroll=4)
    assert not grad_x[:4].any()
    assert not grad_h.any()
    assert np.abs(grad_x[4:]).min() > 0.0


def test_an_empty_sequence_leaves_the_state_alone() -> None:
    p, h = elman_parameters(np.random.default_rng(0)), np.ones((2, 4))
    outputs = elman_forward(p, np.empty((2, 0, 3)), h)
    gradients, grad_x, grad_h = elman_backward(p, np.empty((2, 0, 3)), h, outputs, np.empty((2, 0, 4)))
    assert outputs.shape == (2, 0, 4)
    assert grad_x.shape == (2, 0, 3)
    assert not any(gradient.any() for gradient in (*gradients.values(), grad_h))


def test_cross_entropy_equals_torch_even_for_huge_logits() -> None:
    rng = np.random.default_rng(3)
    z, targets = rng.normal(size=(4, 5, 6)) * 3.0, rng.integers(0, 6, (4, 5))
    z[0, 0] *= 1e3
    loss, gradient = textbook.softmax_cross_entropy(z, targets)
    logits = torch.tensor(z, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits.reshape(-1, 6), torch.tensor(targets).reshape(-1))
    expected.backward()
    assert logits.grad is not None
    assert loss == pytest.approx(expected.item(), abs=1e-10)
    np.testing.assert_allclose(gradient, logits.grad.numpy(), rtol=0, atol=1e-12)


def test_language_model_gradients_equal_central_differences() -> None:
    model = CharacterModel(TEXT, hidden_size=5, seed=4)
    ids = model.encode(TEXT[:22]).reshape(2, 11)
    h = np.random.default_rng(5).normal(size=(2, 5))
    _, gradients, _ = model.loss(ids[:, :-1], ids[:, 1:], h)
    assert gradients.keys() == model.parameters.keys()
    step = 1e-5
    for name, values in model.parameters.items():
        numeric = np.empty_like(values)
        for place in np.ndindex(values.shape):
            here = values[place]
            values[place] = here + step
            above = model.loss(ids[:, :-1], ids[:, 1:], h)[0]
            values[place] = here - step
            below = model.loss(ids[:, :-1], ids[:, 1:], h)[0]
            values[place] = here
            numeric[place] = (above - below) / (2.0 * step)
        np.testing.assert_allclose(gradients[name], numeric, rtol=0, atol=1e-9)


def test_carried_windows_read_the_text_as_one_sequence() -> None:
    model = CharacterModel(TEXT, hidden_size=6)
    ids, empty = model.encode(TEXT[:41]), np.zeros(6)
    whole, _, last = model.loss(ids[:-1], ids[1:], empty)
    losses, h = [], empty
    for start in range(0, 40, 8):
        loss, _, h = model.loss(ids[start : start + 8], ids[start + 1 : start + 9], h)
        losses.append(loss)
    assert np.mean(losses) == pytest.approx(whole, abs=1e-12)
    np.testing.assert_allclose(h, last, rtol=0, atol=1e-12)


def test_clipping_keeps_the_direction_and_leaves_short_gradients_alone() -> None:
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert textbook.clip_by_norm(gradients, 6.0) == 5.0
    np.testing.assert_array_equal(gradients["a"], [3.0, 0.0])
    assert textbook.clip_by_norm(gradients, 1.0) == 5.0
    np.testing.assert_allclose(gradients["a"], [0.6, 0.0])
    np.testing.assert_allclose(gradients["b"], [[0.8]])
    assert textbook.clip_by_norm({"a": np.zeros(2)}, 1.0) == 0.0


def test_adagrad_equals_torch() -> None:
    rng = np.random.default_rng(6)
    start = rng.normal(size=5)
    p, memory = {"a": start.copy()}, {"a": np.zeros(5)}
    parameter = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adagrad([parameter], lr=0.05, eps=0.0)
    for _ in range(4):
        gradient = rng.normal(size=5)
        textbook.adagrad(p, {"a": gradient}, memory, rate=0.05)
        parameter.grad = torch.tensor(gradient)
        optimiser.step()
    np.testing.assert_allclose(p["a"], parameter.detach().numpy(), rtol=0, atol=1e-6)  # the 1e-8 under the root


def test_language_model_learns_a_small_text() -> None:
    model = CharacterModel(TEXT, hidden_size=32)
    losses = model.fit(TEXT, updates=300, unroll=16, streams=4)
    assert losses[0] == pytest.approx(np.log(len(model.alphabet)), rel=0.05)  # it begins knowing nothing
    assert np.mean(losses[-20:]) < 0.2  # of 2.6 nats; one of two sentences follows the other, so little is left
    assert "sat on the " in model.sample("the cat ", length=60, temperature=0.3)


def test_fitting_and_sampling_are_decided_by_the_seed() -> None:
    models = [CharacterModel(TEXT, hidden_size=16, seed=seed) for seed in (7, 7, 8)]
    losses = [model.fit(TEXT, updates=30) for model in models]
    assert losses[0] == losses[1] != losses[2]
    first = models[0].sample("the ", length=40, seed=1)
    assert first == models[0].sample("the ", length=40, seed=1) == models[1].sample("the ", length=40, seed=1)
    assert first != models[0].sample("the ", length=40, seed=2)
    assert len(first) == 40


def test_a_low_temperature_is_greedy() -> None:
    model = CharacterModel(TEXT, hidden_size=16)
    model.fit(TEXT, updates=50)
    assert len({model.sample("the ", length=30, temperature=1e-4, seed=seed) for seed in range(4)}) == 1
    assert len({model.sample("the ", length=30, temperature=1.0, seed=seed) for seed in range(4)}) == 4


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda model: model.encode("the caté"), "the character 'é' is not in the alphabet"),
        (lambda model: model.fit("too short"), "201 characters are needed, and the text has 9"),
        (lambda model: model.sample("", length=3), "a prompt of one character or more"),
        (lambda model: model.sample("t", length=3, temperature=0.0), "a temperature above 0"),
    ],
)
def test_what_cannot_be_used_is_named(action: Callable[[CharacterModel], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        action(CharacterModel(TEXT, hidden_size=4))


def test_an_orthogonal_start_neither_shrinks_nor_stretches() -> None:
    singular = np.linalg.svd(CharacterModel(TEXT, hidden_size=20).parameters["weight_hh"], compute_uv=False)
    np.testing.assert_allclose(singular, 1.0, atol=1e-12)


def test_the_page_runs_on_a_file(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    run = [sys.executable, "-W", "error", "-m", "treadle.cells.textbook"]
    done = subprocess.run([*run, str(path), "--updates", "40"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:10]] == ["bits a character"] * 10
    assert float(lines[9].split()[0]) < float(lines[0].split()[0])
    missing = subprocess.run([*run, str(tmp_path / "nothing.txt")], capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "nothing.txt" in missing.stderr
    assert "Traceback" not in missing.stderr
