"""Elman, GRU and LSTM of other libraries, with the weights of a cell of Treadle's.

Each takes the sequence in the layout that it likes best, time first, and gives it back so.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack

from treadle.cells.gated import GatedCell

TORCH = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
ONNX = {"elman": ("RNN", (0,)), "gru": ("GRU", (1, 0, 2)), "lstm": ("LSTM", (0, 3, 1, 2))}
"""The operator, and the number of each of its gates among ours."""

Peer = Callable[[], Tensor]
"""A call that gives the outputs `[time, batch, hidden]`."""


def torch_layer(name: str, cell: GatedCell) -> nn.Module:
    """torch.nn's layer."""
    layer: nn.Module = TORCH[name](cell.input_size, cell.hidden_size)
    layer.load_state_dict({f"{key}_l0": value for key, value in cell.state_dict().items()})
    return layer


def onnx_call(name: str, cell: GatedCell, x: Tensor, threads: int) -> Callable[[], list[Any]]:
    """ONNX Runtime's, with default settings but for the number of threads: `[[time, 1, batch, hidden], state...]`."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    operator, order = ONNX[name]
    steps, batch, inputs = x.shape

    def stacked(parameter: Tensor) -> Tensor:
        blocks = parameter.detach().chunk(len(order))
        return torch.cat([blocks[gate] for gate in order])

    assert cell.bias_ih is not None
    assert cell.bias_hh is not None
    weights = {
        "W": stacked(cell.weight_ih),
        "R": stacked(cell.weight_hh),
        "B": torch.cat([stacked(cell.bias_ih), stacked(cell.bias_hh)]),
    }
    outputs = ["Y", "Y_h", "Y_c"] if name == "lstm" else ["Y", "Y_h"]
    further: dict[str, Any] = {"linear_before_reset": 1} if name == "gru" else {}
    node = helper.make_node(operator, ["X", *weights], outputs, hidden_size=cell.hidden_size, **further)
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [steps, batch, inputs])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs],
        [numpy_helper.from_array(weight[None].numpy(), key) for key, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"X": x.numpy()}
    return lambda: session.run(None, feed)


def jax_call(name: str, cell: GatedCell, x: Tensor) -> Callable[[], Any]:
    """JAX's: a compiled `lax.scan` after one product of the whole input; XLA takes all cores that the process has."""
    import jax
    from jax import nn as functions
    from jax import numpy as jnp

    w, r, b, c = (jnp.asarray(parameter.detach().numpy()) for parameter in cell.parameters())
    begin = jnp.zeros((x.shape[1], cell.hidden_size), dtype=jnp.float32)

    def elman(h: Any, a: Any) -> tuple[Any, Any]:
        h = jnp.tanh(a + h @ r.T + c)
        return h, h

    def gru(h: Any, a: Any) -> tuple[Any, Any]:
        (xr, xz, xn), (hr, hz, hn) = jnp.split(a, 3, -1), jnp.split(h @ r.T + c, 3, -1)
        z = functions.sigmoid(xz + hz)
        h = (1 - z) * jnp.tanh(xn + functions.sigmoid(xr + hr) * hn) + z * h
        return h, h

    def lstm(state: Any, a: Any) -> tuple[Any, Any]:
        i, f, g, o = jnp.split(a + state[0] @ r.T + c, 4, -1)
        memory = functions.sigmoid(f) * state[1] + functions.sigmoid(i) * jnp.tanh(g)
        h = functions.sigmoid(o) * jnp.tanh(memory)
        return (h, memory), h

    step = {"elman": elman, "gru": gru, "lstm": lstm}[name]

    @jax.jit
    def unroll(sequence: Any) -> Any:
        return jax.lax.scan(step, (begin, begin) if name == "lstm" else begin, sequence @ w.T + b)[1]

    sequence = jnp.asarray(x.numpy())
    return lambda: unroll(sequence).block_until_ready()


def runtimes(name: str, cell: GatedCell, x: Tensor, threads: int) -> dict[str, Peer]:
    """What runs a trained layer without torch, of what is installed."""
    found: dict[str, Peer] = {}
    if find_spec("onnx") and find_spec("onnxruntime"):
        run = onnx_call(name, cell, x, threads)
        found["ONNX Runtime"] = lambda: torch.from_numpy(run()[0][:, 0])
    if find_spec("jax"):
        scan = jax_call(name, cell, x)
        found["JAX"] = lambda: from_dlpack(scan())
    return found


def versions() -> str:
    """Which runtimes take part, in one sentence."""
    import importlib.metadata as metadata

    packages = {"ONNX Runtime": "onnxruntime", "JAX": "jax"}
    found = [
        f"{name} {metadata.version(p)}" if find_spec(p) else f"{name} not installed" for name, p in packages.items()
    ]
    return ", ".join(found) + "."
