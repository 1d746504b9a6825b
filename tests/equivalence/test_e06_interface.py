"""E6: RNN, GRU and LSTM take torch.nn's place in a program: arguments, weights, names and refusals are its own."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch_pairs import BATCH, HIDDEN, INPUT, STEPS, TOLERANCE, engines, fields, initial, kinds, options, pair

import treadle.nn
from treadle.errors import InputError


@kinds
@options
def test_state_dict_goes_both_ways_unchanged(name: str, extra: dict[str, Any], given: dict[str, Any]) -> None:
    reference = getattr(nn, name)(INPUT, HIDDEN, **given, **extra)
    own = getattr(treadle.nn, name)(INPUT, HIDDEN, **given, **extra)
    theirs = reference.state_dict()
    before = list(theirs)
    own.load_state_dict(theirs)
    assert list(theirs) == before  # the caller's dictionary stays as it was
    ours = own.state_dict()
    assert list(ours) == before
    assert all(torch.equal(ours[key], theirs[key]) for key in before)
    with torch.no_grad():
        for key in before:
            getattr(own, key).mul_(2.0)
    reference.load_state_dict(own.state_dict())
    assert all(torch.equal(value, getattr(own, key)) for key, value in reference.state_dict().items())


def test_state_dict_inside_a_larger_model() -> None:
    def model(library: Any) -> nn.ModuleDict:
        inner = nn.ModuleDict({"encoder": library.LSTM(3, 4, 2, bidirectional=True), "head": nn.Linear(8, 2)})
        return nn.ModuleDict({"a": inner, "b": library.GRU(3, 4)})

    reference, own = model(nn), model(treadle.nn)
    own.load_state_dict(reference.state_dict())
    assert list(own.state_dict()) == list(reference.state_dict())
    reference.load_state_dict(own.state_dict())


def test_a_state_dict_that_does_not_fit_is_refused() -> None:
    own = treadle.nn.GRU(3, 4)
    weights = nn.GRU(3, 4).state_dict()
    with pytest.raises(RuntimeError, match=r"(?s)Missing key.*bias_hh"):
        own.load_state_dict({key: value for key, value in weights.items() if key != "bias_hh_l0"})
    with pytest.raises(RuntimeError, match="size mismatch"):
        own.load_state_dict(nn.GRU(3, 5).state_dict())
    with pytest.raises(RuntimeError, match="Unexpected key"):
        own.load_state_dict(nn.GRU(3, 4, num_layers=2).state_dict() | weights)


@kinds
@options
def test_the_same_seed_draws_the_same_weights(name: str, extra: dict[str, Any], given: dict[str, Any]) -> None:
    torch.manual_seed(5)
    reference = getattr(nn, name)(INPUT, HIDDEN, **given, **extra)
    torch.manual_seed(5)
    own = getattr(treadle.nn, name)(INPUT, HIDDEN, **given, **extra)
    assert all(torch.equal(getattr(own, key), value) for key, value in reference.state_dict().items())
    torch.manual_seed(5)
    getattr(nn, name)(INPUT, HIDDEN, **given, **extra)
    following = torch.rand(3)
    torch.manual_seed(5)
    getattr(treadle.nn, name)(INPUT, HIDDEN, **given, **extra)
    assert torch.equal(torch.rand(3), following)  # nothing more was drawn


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RNN", (3, 4, 2, "relu", False, True, 0.1, True)),
        ("GRU", (3, 4, 2, False, True, 0.1, True)),
        ("LSTM", (3, 4, 2, False, True, 0.1, True, 2)),
        ("LSTM", (3, 4, 1, True, False, 0.0, False, 0, "cpu", torch.float64)),
    ],
)
def test_arguments_have_torch_s_order_and_are_attributes(name: str, arguments: tuple[Any, ...]) -> None:
    reference, own = getattr(nn, name)(*arguments), getattr(treadle.nn, name)(*arguments)
    own.load_state_dict(reference.state_dict())
    named = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size"]
    for attribute in [*named, *(["nonlinearity"] if name == "RNN" else [])]:
        assert getattr(own, attribute) == getattr(reference, attribute), attribute
    x = torch.randn(2, 5, 3, dtype=reference.weight_ih_l0.dtype)
    torch.testing.assert_close(own.eval()(x)[0], reference.eval()(x)[0])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RNN", {"nonlinearity": "gelu"}),
        ("LSTM", {"num_layers": 0}),
        ("LSTM", {"hidden_size": 0}),
        ("LSTM", {"proj_size": 4}),
        ("LSTM", {"proj_size": -1}),
        ("LSTM", {"dropout": 1.5}),
        ("LSTM", {"dropout": -0.1}),
        ("GRU", {"proj_size": 2}),
        ("RNN", {"proj_size": 2}),
    ],
)
def test_what_torch_refuses_is_refused(name: str, arguments: dict[str, Any]) -> None:
    sizes = {"input_size": 3, "hidden_size": 4}
    with pytest.raises(ValueError):  # noqa: PT011  # torch's own words are its own affair
        getattr(nn, name)(**{**sizes, **arguments})
    with pytest.raises(InputError):
        getattr(treadle.nn, name)(**{**sizes, **arguments})


@pytest.mark.parametrize("steps", [0, STEPS])
@pytest.mark.parametrize("engine", ["cpu", "torch", "eager"])
def test_the_last_state_is_not_the_one_that_was_given(engine: str, steps: int) -> None:
    layer, h = treadle.nn.GRU(INPUT, HIDDEN, engine=engine), torch.zeros(1, BATCH, HIDDEN)
    with torch.no_grad():
        _, last = layer(torch.zeros(steps, BATCH, INPUT), h)
        last += 1
    assert not h.any()


@kinds
@engines
@pytest.mark.parametrize("wrong", ["batch", "layers", "size", "dimensions"])
def test_an_initial_state_that_does_not_fit_is_refused(
    name: str, extra: dict[str, Any], engine: str, wrong: str
) -> None:
    """torch refuses it; above all, one row of state must not be spread over a batch in silence."""
    reference, own = pair(name, engine, num_layers=2, **extra)
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64)
    spoil = {
        "batch": lambda h: h[:, :1],
        "layers": lambda h: h[:1],
        "size": lambda h: h[..., :1],
        "dimensions": lambda h: h[:, 0],
    }[wrong]
    hx = tuple(spoil(h) for h in fields(initial(reference)))
    given = hx if isinstance(reference, nn.LSTM) else hx[0]
    with pytest.raises(RuntimeError):
        reference(x, given)
    with pytest.raises(InputError):
        own(x, given)


@kinds
def test_parameters_answer_to_torch_s_names(name: str, extra: dict[str, Any]) -> None:
    reference, own = pair(name, num_layers=2, bidirectional=True, **extra)
    nn.init.constant_(own.weight_hh_l1_reverse, 0.25)
    assert (own.state_dict()["weight_hh_l1_reverse"] == 0.25).all()
    assert {id(parameter) for parameter in own.parameters()} == {id(getattr(own, key)) for key in own.state_dict()}
    for stranger in ("weight_hh_l2", "weight_hx_l0", "weight_hh_l0_backwards"):
        with pytest.raises(AttributeError):
            getattr(reference, stranger)
        with pytest.raises(AttributeError):
            getattr(own, stranger)
    assert not hasattr(pair(name, **extra)[1], "weight_hh_l0_reverse")


@kinds
def test_what_programs_do_to_a_layer(name: str, extra: dict[str, Any]) -> None:
    """Copy it, change its numbers' type, flatten its parameters, and train it."""
    reference, own = pair(name, **extra)
    twin = copy.deepcopy(own).to(torch.float32)
    twin.flatten_parameters()
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64)
    torch.testing.assert_close(twin(x.float())[0].double(), reference(x)[0].detach(), rtol=1e-5, atol=1e-5)
    for layer in (reference, own):
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
        layer(x)[0].square().sum().backward()
        optimiser.step()
    for key, value in reference.state_dict().items():
        torch.testing.assert_close(own.state_dict()[key], value, rtol=TOLERANCE, atol=TOLERANCE)
