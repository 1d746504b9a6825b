r"""The engine "torch": torch.nn's own kernels (oneDNN on a CPU, cuDNN on a GPU) for the Elman network, LSTM and GRU.

These kernels know neither resets nor, without the slow packed form, lengths. Both are made exact around one call:

- *Resets* cut the batch into pieces, each a row of its own (`Segments`), so the recurrence never crosses one.
- *Lengths* cost nothing where the state is the last output: it is read at the last real step. An LSTM's cell state is
  no output, so it is held still over the padding: one further input, 1 in the padding and 0 elsewhere, closes the input
  gate and opens the forget gate completely, and \(c_t = 1 \cdot c_{t-1} + 0 \cdot g_t\) to the last bit.
"""

import torch
from torch import _VF, Tensor

from treadle.cells import Cell, ElmanCell, GRUCell, LSTMCell, State
from treadle.cells.gated import GatedCell
from treadle.nn.sequences import Segments, clear_padding, last_step, length_mask

SATURATION = 1e4
"""A preactivation at which the logistic function is exactly 0 or 1 in every floating-point type."""


def refusal(cell: Cell) -> str | None:
    """Why this engine cannot run a cell: torch has kernels for three, and a subclass may have another step."""
    if type(cell) in (ElmanCell, GRUCell, LSTMCell):
        return None
    return f"torch has no kernel for {type(cell).__name__}, only for ElmanCell, GRUCell and LSTMCell"


def run(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reset: Tensor | None) -> tuple[Tensor, State]:
    """Unroll `cell` over `x [batch, time, feature]`, forward in time."""
    assert isinstance(cell, GatedCell)
    if x.numel() == 0 or x.shape[1] == 0:
        return x.new_zeros(*x.shape[:2], cell.output_size), state
    if reset is None:
        return _run_whole(cell, x, state, lengths)
    return _run_pieces(cell, x, state, Segments.cut(reset, lengths))


def _run_pieces(cell: GatedCell, x: Tensor, state: State, pieces: Segments) -> tuple[Tensor, State]:
    """Run every piece as a row, then put outputs and last states back."""
    fresh = cell.initial_state(len(pieces.row), device=x.device, dtype=x.dtype)
    carries = pieces.carries[:, None]
    begin = type(state)(*(torch.where(carries, s[pieces.row], f) for s, f in zip(state, fresh, strict=True)))
    flat = x.flatten(0, 1)
    if pieces.source.shape[1] == 0:
        y = x.new_zeros(*x.shape[:2], cell.output_size)
        return y, type(state)(*(s[pieces.last] for s in begin))
    cut = flat.index_select(0, pieces.source.flatten()).view(*pieces.source.shape, -1)
    cut = clear_padding(cut, pieces.lengths)  # past its end a piece would read what follows, another row even
    y, end = _run_whole(cell, cut, begin, pieces.lengths)
    y = y.flatten(0, 1).index_select(0, pieces.place).view(*x.shape[:2], -1)
    return y, type(state)(*(s[pieces.last] for s in end))


def _run_whole(cell: GatedCell, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """One call of the kernel, and the state at the last real step."""
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
