"""A step of a stream beside ONNX Runtime's single-step session, keyed streams, and memory over a million steps.

python bench/streams.py
"""

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kernels_peers import ONNX
from record import record, table
from treadle.cells.gated import GatedCell
from treadle.nn import Stack
from treadle.streaming import Stream, StreamPool

INPUTS, HIDDEN = 8, 64
ROUNDS, STEPS = 101, 200
STREAMS, BATCHES = 10_000, 31
LONG = 1_000_000


def onnx_step(name: str, cell: GatedCell) -> Callable[[Any], Any]:
    """ONNX Runtime's session of one step on one thread; the state that a step gives is fed to the next."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    operator, order = ONNX[name]

    def stacked(parameter: Tensor | None) -> Tensor:
        assert parameter is not None
        blocks = parameter.detach().chunk(len(order))
        return torch.cat([blocks[gate] for gate in order])

    weights = {
        "W": stacked(cell.weight_ih),
        "R": stacked(cell.weight_hh),
        "B": torch.cat([stacked(cell.bias_ih), stacked(cell.bias_hh)]),
    }
    states = ["H", "C"] if name == "lstm" else ["H"]
    after = [f"Y_{state.lower()}" for state in states]
    further: dict[str, Any] = {"linear_before_reset": 1} if name == "gru" else {}
    inputs = ["X", "W", "R", "B", "", *states]
    node = helper.make_node(operator, inputs, ["", *after], hidden_size=HIDDEN, **further)
    shapes = {"X": [1, 1, INPUTS], **{state: [1, 1, HIDDEN] for state in states}}
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in shapes.items()],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, [1, 1, HIDDEN]) for key in after],
        [numpy_helper.from_array(weight[None].numpy(), key) for key, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}

    def step(x: Any) -> Any:
        feed["X"] = x.reshape(1, 1, INPUTS)
        found = session.run(None, feed)
        feed.update(zip(states, found, strict=True))
        return found[0][0, 0]

    return step


def microseconds(step: Callable[[Any], Any], x: Any) -> float:
    """Of one step, over all of `x`."""
    since = time.perf_counter()
    for one in x:
        step(one)
    return (time.perf_counter() - since) / len(x) * 1e6


def one_stream(name: str) -> list[str]:
    """A row: a step of each, in turn."""
    layers = Stack(name, INPUTS, HIDDEN)
    stream, peer = Stream(layers), onnx_step(name, layers.layers[0][0].cell)
    x = np.random.default_rng(0).normal(size=(STEPS, INPUTS)).astype(np.float32)
    for one in x:
        ours, theirs = stream.step(one), peer(one)
    assert np.allclose(ours, theirs, atol=1e-5)
    pairs = [(microseconds(stream.step, x), microseconds(peer, x)) for _ in range(ROUNDS)]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return [name, f"{a:.1f} µs", f"{b:.1f} µs", f"{ratio:.2f}"]


def many_streams(name: str) -> list[str]:
    """A row: steps a second of keyed streams, a batch of all of them at a time."""
    pool = StreamPool(Stack(name, INPUTS, HIDDEN))
    keys = [f"stream {number}" for number in range(STREAMS)]
    x = np.random.default_rng(0).normal(size=(STREAMS, INPUTS)).astype(np.float32)
    seconds = []
    for _ in range(BATCHES):
        since = time.perf_counter()
        pool.step(keys, x)
        seconds.append(time.perf_counter() - since)
    return [name, f"{STREAMS / statistics.median(seconds):,.0f}", f"{pool.bytes_per_stream}"]


def long_stream() -> str:
    """How memory grew over a million steps."""
    stream = Stream(Stack("lstm", INPUTS, HIDDEN))
    x = np.random.default_rng(0).normal(size=(1000, INPUTS)).astype(np.float32)
    for one in x:
        stream.step(one)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(LONG // len(x)):
        for one in x:
            stream.step(one)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return f"{LONG:,} steps of one stream made the process {grown} KiB larger than its first 1,000 had."


def main() -> None:
    """Measure and record."""
    long = long_stream()  # first, while nothing else has been in memory
    single = table(["cell", "Stream.step", "ONNX Runtime", "ratio"], [one_stream(name) for name in ("lstm", "gru")])
    pool = table(
        ["cell", "steps a second", "bytes of state a stream"], [many_streams(name) for name in ("lstm", "gru")]
    )
    body = (
        f"One layer, {INPUTS} inputs, hidden {HIDDEN}, float32. A single step, the two in turn, {STEPS} steps at a "
        f"time, medians of {ROUNDS} rounds; ONNX Runtime's session has one thread and gets its state back:\n\n{single}"
        f"\n\n{STREAMS:,} keyed streams, one batch with a step of each, medians of {BATCHES} batches on "
        f"{torch.get_num_threads()} threads:\n\n{pool}\n\n{long}"
    )
    record("python bench/streams.py", "Streams", body)


if __name__ == "__main__":
    main()
