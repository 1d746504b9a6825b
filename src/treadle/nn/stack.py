"""Depth: recurrent layers on top of each other, in one or both directions."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from treadle.cells import Cell, RecurrentDropout, State, Zoneout, make_cell
from treadle.errors import InputError
from treadle.nn.dropout import LockedDropout
from treadle.nn.engines import Explanation
from treadle.nn.recurrent import Recurrent
from treadle.nn.sequences import check_sequence, clear_padding

HIGHWAY_BIAS = -2.0
"""Where the gates of highway connections begin: open by 12 %."""


class Stack(nn.Module):
    r"""Recurrent layers of one kind of cell: deep, bidirectional, residual, with dropout between them.

    Layer \(l\) reads what layer \(l - 1\) gave. With two directions, its outputs are joined,
    \(y_t = [\overrightarrow{y}_t; \overleftarrow{y}_t]\); with `residual`, the layer's input is added to its output
    wherever the two have the same size. With `highway`, a gate decides there between the two, for every feature,

    $$y'_t = u_t \odot y_t + (1 - u_t) \odot x_t, \qquad u_t = \sigma(W x_t + b)$$

    with b at -2 in the beginning, where most of the input passes.

    Args:
        cell: A registered name (docs/cells.md has them all) or a function `(input_size) -> Cell`, which may return a
            cell wrapped in anything.
        input_size: Size of `x_t`.
        hidden_size: Size of the hidden state of each direction; not used where `cell` is a function.
        num_layers: Depth.
        bidirectional: Whether each layer has a second direction, from the last real step to the first.
        dropout: Probability of dropout on the input of every layer but the first.
        locked: Whether a dropout mask is constant over time (`LockedDropout`) or drawn anew at every step.
        residual: Whether a layer's input is added to its output.
        highway: Whether a gate mixes a layer's input into its output.
        zoneout: Probability with which every cell is wrapped in `treadle.cells.Zoneout`; 0 for not at all.
        recurrent_dropout: The same for `treadle.cells.RecurrentDropout`.
        engine: As in `Recurrent`.
        checkpoint: Likewise, of every layer.
        **options: Further options of the cell, such as `bias`, `init`, `projection_size`.

    Raises:
        InputError: An argument lies outside its range, or both `residual` and `highway` are asked for.

    Sources: R. Srivastava, K. Greff & J. Schmidhuber, "Training very deep networks", 2015, and Y. Zhang et al.,
    "Highway long short-term memory RNNs for distant speech recognition", 2016, for gates between layers.

    Example:
        >>> stack = Stack("lstm", 3, 4, num_layers=2, bidirectional=True)
        >>> y, states = stack(torch.randn(2, 5, 3), lengths=torch.tensor([5, 0]))
        >>> tuple(y.shape), len(states)
        ((2, 5, 8), 4)
    """

    def __init__(
        self,
        cell: str | Callable[[int], Cell],
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        locked: bool = True,
        residual: bool = False,
        highway: bool = False,
        zoneout: float = 0.0,
        recurrent_dropout: float = 0.0,
        engine: str = "auto",
        checkpoint: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise InputError(f"num_layers is at least 1, found {num_layers}")
        if residual and highway:
            raise InputError("a stack has residual or highway connections, not both")
        self.bidirectional = bidirectional
        self.residual = residual
        self.dropout = LockedDropout(dropout) if locked else nn.Dropout(dropout)
        self.layers: Any = nn.ModuleList()  # of a ModuleList of Recurrent for each layer: one or two directions
        self.highway = nn.ModuleDict()  # the gate W x + b of a layer, by its number
        size = input_size
        for number in range(num_layers):
            directions = []
            for backwards in (False, True)[: 1 + bidirectional]:
                made = make_cell(cell, size, hidden_size, **options) if isinstance(cell, str) else cell(size)
                made = RecurrentDropout(made, recurrent_dropout) if recurrent_dropout else made
                made = Zoneout(made, zoneout) if zoneout else made
                directions.append(Recurrent(made, reverse=backwards, engine=engine, checkpoint=checkpoint))
            self.layers.append(nn.ModuleList(directions))
            read, size = size, sum(direction.cell.output_size for direction in directions)
            if highway and read == size:
                self.highway[str(number)] = _highway_gate(size, like=next(directions[0].parameters(), None))
        self.input_size = input_size
        self.output_size: int = size

    def forward(
        self,
        x: Tensor,
        state: Sequence[State] | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Run whole sequences.

        Args:
            x: `[batch, time, input_size]`.
            state: A state for every layer and direction, in the order layer 0 forward, layer 0 backward, layer 1
                forward and so on; by default the initial ones.
            lengths: As in `Recurrent`.
            reset: As in `Recurrent`.

        Returns:
            The last layer's outputs `[batch, time, output_size]`, zero past a length, and the states in the same order.

        Raises:
            InputError: A shape, a type, a length or the number of states does not fit.
        """
        if lengths is not None and (self.residual or self.highway):  # these carry the input to the output
            lengths = check_sequence(x, self.input_size, lengths, reset)
            x = clear_padding(x, lengths)
        return self._climb(x, state, lambda layer, x, before: layer(x, before, lengths=lengths, reset=reset))

    def step(self, x: Tensor, state: Sequence[State] | None = None) -> tuple[Tensor, tuple[State, ...]]:
        """The same weights, one step: `x [batch, input_size]` to `y [batch, output_size]` and the next states.

        Raises:
            InputError: The stack is bidirectional; or the number of states does not fit.
        """
        if self.bidirectional:
            raise InputError("a bidirectional stack has no single step: it must see the end first; use a causal one")
        y, after = self._climb(x[:, None], state, _one_step)
        return y[:, 0], after

    def explain(self) -> Explanation:
        """Which engine runs these layers, and why not the others; all layers have the same kind of cell."""
        layer: Recurrent = self.layers[0][0]
        return layer.explain()

    def _climb(
        self, x: Tensor, state: Sequence[State] | None, run: Callable[[Recurrent, Tensor, State], tuple[Tensor, State]]
    ) -> tuple[Tensor, tuple[State, ...]]:
        """From the input through all layers to the output, each direction run by `run`."""
        parts: Any = self._modules  # `self.layers` takes longer
        layers, gates = parts["layers"], parts["highway"]
        count = len(layers) * (1 + self.bidirectional)
        if state is not None and len(state) != count:
            raise InputError(f"a state for each of {count} layers and directions is expected, found {len(state)}")
        after: list[State] = []
        for number, layer in enumerate(layers):
            if number:
                x = self.dropout(x)
            outputs = []
            for direction in layer:
                y, end = run(direction, x, None if state is None else state[len(after)])
                outputs.append(y)
                after.append(end)
            y = torch.cat(outputs, -1) if len(outputs) > 1 else outputs[0]
            if str(number) in gates:
                opened = torch.sigmoid(gates[str(number)](x))
                y = opened * y + (1 - opened) * x
            x = x + y if self.residual and x.shape == y.shape else y
        return x, tuple(after)


def _one_step(layer: Recurrent, x: Tensor, before: State) -> tuple[Tensor, State]:
    y, after = layer.step(x[:, 0], before)
    return y[:, None], after


def _highway_gate(size: int, like: Tensor | None) -> nn.Linear:
    """The gate between a layer's input and its output, where and in the numbers that the layer's cell is."""
    gate = nn.Linear(size, size)
    nn.init.constant_(gate.bias, HIGHWAY_BIAS)
    return gate if like is None else gate.to(device=like.device, dtype=like.dtype)
