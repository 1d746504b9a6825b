r"""The engine "torch": torch.nn's own kernels (oneDNN on a CPU, cuDNN on a GPU) for the Elman network, LSTM and GRU.

These kernels know neither resets nor, without the slow packed form, lengths. Both are made exact around one call:

- *Resets* cut the batch into pieces, each a row of its own (`pieces`), so the recurrence never crosses one.
- *Lengths* cost nothing where the state is the last output: it is read at the last real step. An LSTM's cell state is
  no output, so it is held still over the padding: one further input, 1 in the padding and 0 elsewhere, closes the input
  gate and opens the forget gate completely, and \(c_t = 1 \cdot c_{t-1} + 0 \cdot g_t\) to the last bit.
"""

import torch
from torch import _VF, Tensor

from treadle.cells import Cell, ElmanCell, GRUCell, LSTMCell, State
from treadle.cells.gated import GatedCell
from treadle.nn.pieces import run_in_pieces
from treadle.nn.sequences import last_step, length_mask

SATURATION = 1e4
"""A preactivation at which the logistic function is exactly 0 or 1 in every floating-point type."""


def refusal(cell: Cell) -> str | None:
    """Why this engine cannot run a cell: torch has kernels for three, and a subclass may have another step."""
    if type(cell) in (ElmanCell, GRUCell, LSTMCell):
        return None
    return f"torch has no kernel for {type(cell).__name__}, only for ElmanCell, GRUCell and LSTMCell"


def run(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reset: Tensor | None) -> tuple[Tensor, State]:
    """Unroll `cell` over `x [batch, time, feature]`, forward in time."""
    if x.numel() == 0 or x.shape[1] == 0:
        return x.new_zeros(*x.shape[:2], cell.output_size), state
    if reset is None:
        return _run_whole(cell, x, state, lengths)
    return run_in_pieces(_run_whole, cell, x, state, lengths, reset)


def _run_whole(cell: Cell, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """One call of the kernel, and the state at the last real step."""
    assert isinstance(cell, GatedCell)
    weights = [cell.weight_ih, cell.weight_hh]
    column = None if lengths is None else _in_padding(cell)
    if lengths is not None and column is not None:
        padding = ~length_mask(lengths, x.shape[1])
        x = torch.cat([x, padding[..., None].to(x.dtype)], -1)
        weights[0] = torch.cat([cell.weight_ih, column], 1)
    if cell.bias_ih is not None and cell.bias_hh is not None:
        weights += [cell.bias_ih, cell.bias_hh]
    # has_biases, num_layers, dropout, train, bidirectional, batch_first; `train`: oneDNN keeps what a gradient needs
    options = (cell.bias_ih is not None, 1, 0.0, torch.is_grad_enabled(), False, True)
    hidden = state.hidden[None].contiguous()
    if isinstance(cell, LSTMCell):
        if cell.weight_hr is not None:
            weights.append(cell.weight_hr)
        y, _, c = _VF.lstm(x, (hidden, state.cell[None].contiguous()), weights, *options)
        final: tuple[Tensor, ...] = (y[:, -1], c[0])
    else:
        y, _ = _kernel(cell)(x, hidden, weights, *options)
        final = (y[:, -1],)
    if lengths is not None:
        final = (last_step(y, lengths, state.hidden), *final[1:])
    return y, type(state)(*final)


def _kernel(cell: GatedCell):  # type: ignore[no-untyped-def]  # torch's functional kernels carry no types
    """The functional kernel of a cell with one state."""
    if isinstance(cell, GRUCell):
        return _VF.gru
    return _VF.rnn_tanh if getattr(cell, "nonlinearity", "tanh") == "tanh" else _VF.rnn_relu


def _in_padding(cell: GatedCell) -> Tensor | None:
    """The column `[gates * hidden, 1]` of `weight_ih` for an input that is 1 in the padding; None where none is needed.

    An LSTM's input gate closes and its forget gate opens. A rectified unit goes to 0, since left to itself it may grow
    over the padding until it overflows, and its gradient would be 0 * inf. Other cells are bounded.
    """
    if isinstance(cell, LSTMCell):
        sign = {"input": -SATURATION, "forget": SATURATION}
    elif isinstance(cell, ElmanCell) and cell.nonlinearity == "relu":
        sign = {"hidden": torch.finfo(cell.weight_ih.dtype).min / 4}
    else:
        return None
    rows = torch.tensor([sign.get(gate, 0.0) for gate in cell.gates], device=cell.weight_ih.device, dtype=torch.float64)
    return rows.repeat_interleave(cell.hidden_size)[:, None].to(cell.weight_ih.dtype)
