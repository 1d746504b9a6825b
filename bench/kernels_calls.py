"""The calls that are timed: a layer of Treadle or of torch.nn over a sequence, forward alone or with its gradient."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from treadle.cells import Cell, make_cell
from treadle.cells.gated import GatedCell
from treadle.nn import Recurrent


def sequence(steps: int, rows: int, size: int) -> tuple[Tensor, Tensor]:
    """The same numbers batch first, as Treadle takes them, and time first, as torch.nn does by default."""
    x = torch.randn(rows, steps, size)
    return x.requires_grad_(), x.detach().transpose(0, 1).contiguous().requires_grad_()


def training(module: nn.Module, outputs: Callable[[], Tensor], x: Tensor) -> Callable[[], list[Tensor]]:
    """Outputs, and the gradients by the input and all parameters of a loss to which every step contributes.

    A gradient that entered at the last step alone would fade through denormal numbers, which processors compute with
    many times slower; which library meets more of them would decide.
    """
    inputs = [x, *module.parameters()]
    gradient = torch.ones(outputs().shape)

    def call() -> list[Tensor]:
        y = outputs()
        return [y.detach(), *torch.autograd.grad(y, inputs, gradient)]

    return call


def inference(outputs: Callable[[], Tensor]) -> Callable[[], list[Tensor]]:
    """Outputs alone."""

    def call() -> list[Tensor]:
        with torch.inference_mode():
            return [outputs()]

    return call


def torch_outputs(layer: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Outputs of a layer of torch.nn, `[time, batch, hidden]`."""
    return lambda: layer(x)[0]


def standard_cell(name: str, size: int) -> GatedCell:
    """A cell that torch.nn has too."""
    cell = make_cell(name, size, size)
    assert isinstance(cell, GatedCell)
    return cell


def batch_first(results: list[Tensor], inputs: int) -> list[Tensor]:
    """Of time-first results the first `inputs` turned, so that they can be compared."""
    return [*(r.transpose(0, 1) for r in results[:inputs]), *results[inputs:]]


def engine(cell: Cell, x: Tensor, name: str = "cpu", lengths: Tensor | None = None) -> Callable[[], Tensor]:
    """A layer's outputs by one of Treadle's engines."""
    layer = Recurrent(cell, engine=name)
    return lambda: layer(x, lengths=lengths)[0]


def packed_outputs(layer: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    """Outputs with lengths by torch's packed form: `[time, batch, hidden]`, zero in the padding."""
    packed, _ = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    return pad_packed_sequence(packed, total_length=len(x))[0]
