"""A stream says what its layers say of the whole sequence, survives a bad step, and goes on from a snapshot."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from treadle.cells import Cell, HiddenState, LSTMCell, RecurrentDropout, Zoneout, cell_names, make_cell
from treadle.errors import InputError
from treadle.nn import GRU, Recurrent, Stack
from treadle.streaming import Stream
from treadle.streaming.layers import LayerSteps

SINGLE = ("elman", "gru", "lstm")
"""Cells that are tried in float32, as they are used; the others in float64, where an error cannot hide in rounding."""


def drawn(layers: Any, seed: int = 0) -> Any:
    """The layers with every parameter drawn, since a bias that is zero hides what is done with it."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.uniform_(-0.7, 0.7)
    return layers.eval()


def whole(layers: Any, x: torch.Tensor) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        return layers(x[None])[0][0].numpy()


@pytest.mark.parametrize("engine", ["auto", "eager"])
@pytest.mark.parametrize("cell", list(cell_names()))
def test_every_cell_step_by_step_equals_the_whole_sequence(cell: str, engine: str) -> None:
    dtype, tolerance = (torch.float32, 1e-5) if cell in SINGLE else (torch.float64, 1e-12)
    layers = drawn(Stack(cell, 3, 5, engine=engine, dtype=dtype))
    x = torch.randn(9, 3, dtype=dtype)
    stream = Stream(layers)
    found = np.stack([stream.step(step) for step in x])
    np.testing.assert_allclose(found, whole(layers, x), rtol=0, atol=tolerance)
    assert ("compiled" in stream.explain()) == (engine == "auto")


@pytest.mark.parametrize("options", [{"residual": True}, {"highway": True}, {"zoneout": 0.3, "dropout": 0.5}])
def test_connections_between_layers_and_noise_are_as_in_evaluation(options: dict[str, Any]) -> None:
    layers = drawn(Stack("lstm", 4, 4, num_layers=3, **options))
    x = torch.randn(7, 4)
    expected = whole(layers, x)
    stream = Stream(layers.train())  # a layer that is being trained is streamed without its noise
    np.testing.assert_allclose(np.stack([stream.step(step) for step in x]), expected, rtol=0, atol=1e-5)


def test_a_reset_brings_a_stream_back_to_its_beginning() -> None:
    layer = drawn(Recurrent(Zoneout(RecurrentDropout(LSTMCell(3, 5, projection_size=2), 0.3), 0.2).eval()))
    x = torch.randn(6, 3)
    stream = Stream(layer)
    first = [stream.step(step) for step in x]
    stream.reset()
    assert stream.steps == 0
    again = [stream.step(step) for step in x]
    np.testing.assert_array_equal(np.stack(first), np.stack(again))
    np.testing.assert_allclose(np.stack(first), whole(layer, x), rtol=0, atol=1e-5)


class Learned(Cell):
    """A cell that does not begin at zero and that the compiler has no rule for."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.mix = torch.nn.Linear(input_size, hidden_size)
        self.start = torch.nn.Parameter(torch.ones(hidden_size))

    def initial_state(self, batch_size: int, **options: Any) -> HiddenState:
        return HiddenState(self.start.expand(batch_size, -1))

    def step(self, x: torch.Tensor, state: HiddenState) -> tuple[torch.Tensor, HiddenState]:
        h = state.hidden.sort(-1).values * 0.5 + self.mix(x)
        return h, HiddenState(h)


def test_a_cell_of_ones_own_without_a_compiled_form() -> None:
    layer = drawn(Recurrent(Learned(3, 4)))
    x = torch.randn(5, 3)
    stream = Stream(layer)
    np.testing.assert_allclose(np.stack([stream.step(step) for step in x]), whole(layer, x), rtol=0, atol=1e-5)
    assert "torch" in stream.explain()


def test_the_state_passes_between_a_call_and_a_stream_at_any_step() -> None:
    layers = drawn(Stack("lstm", 3, 5, num_layers=2))
    x = torch.randn(10, 3)
    expected = whole(layers, x)
    for cut in (0, 1, 4, 9):
        with torch.no_grad():
            _, states = layers(x[None, :cut])
        stream = Stream(layers)
        named = {f"{i}.{name}": field[0] for i, s in enumerate(states) for name, field in s._asdict().items()}
        stream.state = {name: field.numpy() for name, field in named.items()}
        found = [stream.step(step) for step in x[cut:]]
        np.testing.assert_allclose(np.stack(found), expected[cut:], rtol=0, atol=1e-5)


def test_weights_are_those_of_the_moment_when_the_stream_was_made() -> None:
    layers = drawn(Stack("gru", 3, 4))
    x = torch.randn(6, 3)
    expected = whole(layers, x)
    stream = Stream(layers)
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.zero_()
    np.testing.assert_allclose(np.stack([stream.step(step) for step in x]), expected, rtol=0, atol=1e-5)


BAD = {
    "too few": ([1.0, 2.0], "a step of this stream is 3 numbers, found 2 numbers"),
    "a number": (1.0, "a step of this stream is 3 numbers, found one number"),
    "two steps": (np.zeros((2, 3)), "layers take one step at a time, found 2"),
    "three axes": (np.zeros((1, 1, 3)), r"found an array of shape \[1, 1, 3\]"),
    "text": ("abc", "found 'abc'"),
    "text of numbers": (["1", "2", "3"], "found '1' in place 1"),
    "a text among numbers": ([1.0, "x", 2.0], "found 'x' in place 2"),
    "nothing": (None, "found nothing"),
    "none among numbers": ([1.0, None, 2.0], "channel 2 of the step holds no number"),
    "not a number": ([1.0, float("nan"), 2.0], "channel 2 of the step holds no number"),
    "infinite": ([1.0, 2.0, float("-inf")], "channel 3 of the step holds an infinite value"),
    "beyond float32": ([1e39, 2.0, 3.0], "channel 1 of the step holds 1e\\+39"),
    "nested": ([1.0, [2.0], 3.0], r"found \[2.0\] in place 2"),
    "dates": (np.array(["2020-01-01"] * 3, dtype="datetime64[D]"), "found array"),
    "an object": ({"x": 1}, "found {'x': 1}"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_step_is_one_sentence_and_the_stream_goes_on_as_if_it_had_not_been(name: str) -> None:
    bad, sentence = BAD[name]
    layers = drawn(Stack("gru", 3, 4))
    x = torch.randn(4, 3)
    stream = Stream(layers)
    found = [stream.step(step) for step in x[:2]]
    with pytest.raises(InputError, match=sentence) as caught:
        stream.step(bad)
    assert "\n" not in str(caught.value)
    found += [stream.step(step) for step in x[2:]]
    assert stream.steps == 4
    np.testing.assert_allclose(np.stack(found), whole(layers, x), rtol=0, atol=1e-5)


def test_what_begins_at_the_end_is_refused() -> None:
    with pytest.raises(InputError, match="begins at the end; use a causal one"):
        Stream(Stack("gru", 3, 4, bidirectional=True))
    with pytest.raises(InputError, match="begins at the end; use a causal one"):
        Stream(Recurrent(make_cell("gru", 3, 4), reverse=True))


def test_layers_with_torchs_interface_are_streamed_and_others_refused() -> None:
    layer = drawn(GRU(3, 4, num_layers=2, batch_first=True))
    x = torch.randn(5, 3)
    stream = Stream(layer)
    np.testing.assert_allclose(np.stack([stream.step(step) for step in x]), whole(layer, x), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="Linear cannot be streamed; layers of treadle"):
        Stream(torch.nn.Linear(3, 4))


GO_ON = """
import sys, torch, numpy as np
from treadle.nn import Stack
from treadle.streaming import Stream
from treadle.streaming.layers import LayerSteps
torch.manual_seed(0)
layers = Stack("lstm", 3, 5, num_layers=2)
x = np.random.default_rng(0).normal(size=(12, 3))
stream = Stream(layers)
stream.restore(open(sys.argv[1], "rb").read())
print(stream.steps, np.stack([stream.step(step) for step in x[stream.steps:]]).tobytes().hex())
"""


def test_a_snapshot_goes_on_bit_for_bit_in_a_new_process(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = Stack("lstm", 3, 5, num_layers=2)
    x = np.random.default_rng(0).normal(size=(12, 3))
    stream = Stream(layers)
    snapshots, outputs = [stream.snapshot()], []
    for step in x:
        outputs.append(stream.step(step))
        snapshots.append(stream.snapshot())
    for cut, snapshot in enumerate(snapshots[:-1]):  # at any step
        other = Stream(layers)
        other.restore(snapshot)
        np.testing.assert_array_equal(np.stack([other.step(step) for step in x[cut:]]), np.stack(outputs[cut:]))
    path = tmp_path / "snapshot"
    path.write_bytes(snapshots[5])
    ran = subprocess.run([sys.executable, "-c", GO_ON, str(path)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["5", np.stack(outputs[5:]).tobytes().hex()]


def test_a_snapshot_that_cannot_be_used_leaves_the_stream_as_it_is() -> None:
    layers = drawn(Stack("gru", 3, 4))
    x = torch.randn(3, 3)
    stream = Stream(layers)
    stream.step(x[0])
    before, snapshot = stream.state, stream.snapshot()
    other = Stream(drawn(Stack("gru", 3, 4), seed=1)).snapshot()
    changed = bytearray(snapshot)
    changed[-1] ^= 1
    for content, sentence in (
        (other, "belongs to another model"),
        (snapshot[:-3], "damaged"),
        (bytes(changed), "checksum"),
        (b"", "damaged"),
        (b"\x80\x04\x95" + bytes(40), "damaged"),
    ):
        with pytest.raises(InputError, match=sentence):
            stream.restore(content)
        assert all((stream.state[name] == field).all() for name, field in before.items())
    with pytest.raises(InputError, match=r"the field '0.hidden' of the state is float32"):
        stream.state = {"0.hidden": np.zeros(5, dtype=np.float32)}
    with pytest.raises(InputError, match="the state has the fields"):
        stream.state = {}
    with pytest.raises(InputError, match=r"the state is 5, expected arrays by name: \['0.hidden'\]"):
        stream.state = 5
    with pytest.raises(
        InputError, match=r"the field '0.hidden' of the state is \[0, 0\], expected an array float32 \[4\]"
    ):
        stream.state = {"0.hidden": [0, 0]}


@pytest.mark.parametrize(("cell", "engine"), [("lstm", "auto"), ("gru", "eager"), ("min-gru", "auto")])
def test_steps_take_up_the_weights_that_layers_have_learnt_meanwhile(cell: str, engine: str) -> None:
    layers = drawn(Stack(cell, 3, 5, num_layers=2, highway=True, engine=engine))
    steps = LayerSteps(layers)
    x = torch.randn(6, 3)
    for step in x[:3]:
        steps.x[0] = step
        steps.run(1)
    with torch.no_grad():
        _, states = layers(x[None, :3])
    drawn(layers, seed=1)
    steps.renew(layers)
    with torch.no_grad():
        expected = layers(x[None, 3:], states)[0][0].numpy()
    for step, y in zip(x[3:], expected, strict=True):
        steps.x[0] = step
        steps.run(1)
        np.testing.assert_allclose(steps.y[0], y, rtol=0, atol=1e-5)
