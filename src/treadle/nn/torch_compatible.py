"""`RNN`, `GRU` and `LSTM` that take torch.nn's arguments, return its shapes and load its `state_dict` unchanged.

Change `torch.nn.LSTM` to `treadle.nn.LSTM` and a program runs as before, with two more arguments to a call: `lengths`
and `reset`. The parameters live in the cells of a `Stack`; under torch's names (`weight_ih_l0`, `bias_hh_l1_reverse`)
they are found as attributes and in the `state_dict`.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from treadle.cells import ElmanCell, GRUCell, LSTMCell, State
from treadle.cells.gated import GatedCell
from treadle.errors import InputError
from treadle.nn.engines import Explanation
from treadle.nn.stack import Stack

_TORCH_NAME = re.compile(r"(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(\d+)(_reverse)?")
_OWN_NAME = re.compile(r"stack\.layers\.(\d+)\.(\d)\.cell\.(\w+)")


class _TorchRecurrent(nn.Module):
    """What the three share; the arguments are documented in `RNN`, `GRU` and `LSTM`."""

    cell_type: type[GatedCell]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: str = "torch",
        engine: str = "auto",
        **cell_options: Any,
    ) -> None:
        super().__init__()
        if not 0 <= dropout <= 1:
            raise InputError(f"a dropout probability lies between 0 and 1, found {dropout}")
        if proj_size and self.cell_type is not LSTMCell:
            raise InputError(f"proj_size belongs to LSTM only, found {proj_size}")
        self.dropout = dropout
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        options = {"bias": bias, "init": init, "device": device, "dtype": dtype, **cell_options}
        if proj_size:
            options["projection_size"] = proj_size
        self.stack = Stack(
            lambda size: self.cell_type(size, hidden_size, **options),
            input_size,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            locked=False,
            engine=engine,
        )
        self.register_state_dict_post_hook(_to_torch_names)
        self.register_load_state_dict_pre_hook(_from_torch_names)

    def explain(self) -> Explanation:
        """Which engine runs this layer, and why not the others."""
        return self.stack.explain()

    def flatten_parameters(self) -> None:
        """Nothing to do: kept so that a program written for torch.nn runs unchanged."""

    def __getattr__(self, name: str) -> Any:
        """Parameters by torch's names, such as `weight_hh_l0_reverse`."""
        found = _TORCH_NAME.fullmatch(name)
        if found is None:
            return super().__getattr__(name)
        kind, layer, backwards = found[1], int(found[2]), found[3] is not None
        if layer >= self.num_layers or backwards > self.bidirectional:
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")
        return getattr(self.stack.layers[layer][backwards].cell, kind)

    def _run(
        self,
        sequence: Tensor | PackedSequence,
        hx: tuple[Tensor, ...] | None,
        lengths: Tensor | Sequence[int] | None,
        reset: Tensor | None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, ...]]:
        """The call that the three share: `hx` and what is returned are the fields of the state, stacked by layer."""
        if isinstance(sequence, PackedSequence):
            if lengths is not None or reset is not None:
                raise InputError("a PackedSequence has its own lengths; give a padded tensor with lengths and reset")
            return self._run_packed(sequence, hx)
        if not isinstance(sequence, Tensor):
            raise InputError(f"input is a tensor, found a {type(sequence).__name__}; see torch.as_tensor")
        if sequence.dim() not in (2, 3):
            raise InputError(f"input has 2 or 3 dimensions, found {list(sequence.shape)}")
        unbatched = sequence.dim() == 2
        x = sequence[None] if unbatched else sequence if self.batch_first else sequence.transpose(0, 1)
        if unbatched and hx is not None:
            hx = tuple(h[:, None] for h in hx)
        stack: Any = self._modules["stack"]  # `self.stack` takes longer
        y, after = stack(x, self._unstack(hx), lengths=lengths, reset=reset)
        final = _by_field(after)
        if unbatched:
            return y[0], tuple(h[:, 0] for h in final)
        return (y if self.batch_first else y.transpose(0, 1)), final

    def _run_packed(
        self, packed: PackedSequence, hx: tuple[Tensor, ...] | None
    ) -> tuple[PackedSequence, tuple[Tensor, ...]]:
        x, lengths = pad_packed_sequence(packed, batch_first=True)
        y, after = self.stack(x, self._unstack(hx), lengths=lengths)
        final = _by_field(after)
        if packed.sorted_indices is not None:
            y, lengths = y[packed.sorted_indices], lengths[packed.sorted_indices.cpu()]
        data = pack_padded_sequence(y, lengths, batch_first=True).data
        return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices), final

    def _unstack(self, hx: tuple[Tensor, ...] | None) -> list[Any] | None:
        if hx is None:
            return None
        return [self.cell_type.state_type(*fields) for fields in zip(*hx, strict=True)]

    def extra_repr(self) -> str:
        """Sizes, as `repr` shows them."""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, batch_first={self.batch_first}"


class RNN(_TorchRecurrent):
    r"""Elman network, in place of `torch.nn.RNN`: the same arguments, shapes, parameters and results.

    The equations are those of `treadle.cells.ElmanCell`.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        num_layers: Depth.
        nonlinearity: "tanh" or "relu".
        *args: `bias`, `batch_first`, `dropout`, `bidirectional`, in torch's order.
        **options: The same by name; `device`, `dtype`; and of Treadle's own `init` (a name of
            `treadle.cells.SCHEMES`, by default "torch") and `engine`.

    Source: the interface of torch.nn.RNN, PyTorch 2.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **options: Any,
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, *args, nonlinearity=nonlinearity, **options)

    cell_type = ElmanCell

    def forward(
        self,
        input: Tensor | PackedSequence,  # noqa: A002 (torch.nn's name)
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run whole sequences.

        Args:
            input: `[time, batch, input_size]`, `[batch, time, input_size]` with `batch_first`, `[time, input_size]`, or
                a `PackedSequence`.
            hx: `[num_layers * directions, batch, hidden_size]`.
            lengths: As in `Recurrent`.
            reset: As in `Recurrent`, `[batch, time]`.

        Returns:
            The outputs, laid out as the input, and the last states, laid out as `hx`.

        Raises:
            InputError: A shape, a type or a length does not fit.
        """
        y, (h,) = self._run(input, None if hx is None else (hx,), lengths, reset)
        return y, h


class GRU(_TorchRecurrent):
    r"""Gated recurrent unit, in place of `torch.nn.GRU`: the same arguments, shapes, parameters and results.

    The equations are those of `treadle.cells.GRUCell`.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `h_t`.
        *args: `num_layers`, `bias`, `batch_first`, `dropout`, `bidirectional`, in torch's order.
        **options: The same by name, and those of `RNN`.

    Source: the interface of torch.nn.GRU, PyTorch 2.
    """

    cell_type = GRUCell

    forward = RNN.forward


class LSTM(_TorchRecurrent):
    r"""Long short-term memory, in place of `torch.nn.LSTM`: the same arguments, shapes, parameters and results.

    The equations are those of `treadle.cells.LSTMCell`.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of `c_t`.
        *args: `num_layers`, `bias`, `batch_first`, `dropout`, `bidirectional`, `proj_size`, in torch's order.
        **options: The same by name, and those of `RNN`.

    Source: the interface of torch.nn.LSTM, PyTorch 2.
    """

    cell_type = LSTMCell

    def forward(
        self,
        input: Tensor | PackedSequence,  # noqa: A002 (torch.nn's name)
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """As `RNN.forward`, with a pair `(h, c)` for the state."""
        y, (h, c) = self._run(input, hx, lengths, reset)
        return y, (h, c)


def _by_field(states: Sequence[State]) -> tuple[Tensor, ...]:
    """Every field of all layers and directions, one above the other; copied, for a state may be the caller's."""
    return tuple(torch.stack(field) for field in zip(*states, strict=True))


def _to_torch_names(module: nn.Module, state: dict[str, Any], prefix: str, _metadata: object) -> None:
    """Rename the parameters in a `state_dict` as torch.nn names them."""
    for key in [key for key in state if key.startswith(prefix + "stack.")]:
        found = _OWN_NAME.fullmatch(key[len(prefix) :])
        assert found is not None, f"{type(module).__name__} holds nothing but cells, found {key}"
        suffix = "_reverse" if found[2] == "1" else ""
        state[f"{prefix}{found[3]}_l{found[1]}{suffix}"] = state.pop(key)


def _from_torch_names(_module: nn.Module, state: dict[str, Any], prefix: str, *_rest: object) -> None:
    """The other way, before loading."""
    for key in [key for key in state if key.startswith(prefix)]:
        found = _TORCH_NAME.fullmatch(key[len(prefix) :])
        if found is not None:
            state[f"{prefix}stack.layers.{found[2]}.{int(found[3] is not None)}.cell.{found[1]}"] = state.pop(key)
