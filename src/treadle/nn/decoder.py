"""A decoder: recurrent layers that begin from what an encoder gave, and look back at it through attention.

What the encoder read, words, frames or regions of a picture, the decoder does not know: all it takes is `Encoded`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from treadle.cells import State
from treadle.errors import InputError
from treadle.nn.attention import Attention, Memory
from treadle.nn.engines import Explanation
from treadle.nn.sequences import clear_padding
from treadle.nn.stack import Stack


class Encoded(NamedTuple):
    """What an encoder made of its input.

    Attributes:
        values: `[batch, steps, size]`, what attention looks at; past a length anything.
        lengths: `[batch]`.
        summary: `[batch, summary_size]`, what the decoder begins from.
    """

    values: Tensor
    lengths: Tensor
    summary: Tensor


class DecoderState(NamedTuple):
    """Where a decoder stands between two steps.

    Attributes:
        layers: The state of every layer, from the lowest.
        fed: `[batch, hidden_size]`, the features of the last step, where they are fed back.
        coverage: `[batch, steps]`, where attention has coverage.
    """

    layers: tuple[State, ...]
    fed: Tensor | None = None
    coverage: Tensor | None = None

    def take(self, rows: Tensor) -> "DecoderState":
        """Some rows, each as often as it is named."""
        return DecoderState(
            tuple(type(state)(*(field[rows] for field in state)) for state in self.layers),
            None if self.fed is None else self.fed[rows],
            None if self.coverage is None else self.coverage[rows],
        )


class Decoder(nn.Module):
    r"""Recurrent layers with attention.

    $$s_t = \mathrm{Stack}(x_1, \dots, x_t), \qquad c_t = \mathrm{attention}(s_t), \qquad
    \tilde h_t = \tanh(W [c_t; s_t])$$

    The layers begin with states that a bridge makes of the encoder's summary, \(\tanh(B e + b)\) for every vector of
    every layer's state. As attention has no part in the recurrence, all steps of a known target run in one call of the
    layers, and attention follows for all of them at once.

    With `input_feeding`, \([x_t; \tilde h_{t-1}]\) takes the place of \(x_t\), so that what was looked at is known when
    the next place is chosen. Then attention is in the recurrence, and a target is run step by step, many times slower.

    Args:
        cell: A registered name.
        input_size: Size of `x_t`.
        hidden_size: Units of each layer, and the size of the features.
        num_layers: Depth.
        memory_size: Size of the encoder's values.
        summary_size: Size of its summary.
        attention: A kind of `Attention`.
        attention_size: Its `size`.
        heads: Likewise.
        coverage: Likewise.
        input_feeding: See above.
        dropout: Share of features dropped between layers and before attention's mean is joined, in training.
        residual: As in `Stack`.
        engine: As in `Recurrent`.
        **options: Of the cell.

    Attributes:
        output_size: Size of the features, `hidden_size`.

    Raises:
        InputError: A size or an argument does not fit.

    Sources: Luong, Pham & Manning 2015, sections 3 and 3.3; the bridge, Bahdanau, Cho & Bengio 2015, appendix A.2.2.

    Example:
        >>> decoder = Decoder("gru", 3, 8, memory_size=4, summary_size=5)
        >>> encoded = Encoded(torch.randn(2, 6, 4), torch.tensor([6, 2]), torch.randn(2, 5))
        >>> memory, state = decoder.begin(encoded)
        >>> features, weights, _ = decoder(torch.randn(2, 7, 3), memory, state)
        >>> tuple(features.shape), tuple(weights.shape)
        ((2, 7, 8), (2, 7, 6))
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        memory_size: int,
        summary_size: int,
        attention: str = "general",
        attention_size: int | None = None,
        heads: int = 1,
        coverage: bool = False,
        input_feeding: bool = False,
        dropout: float = 0.0,
        residual: bool = False,
        engine: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, hidden_size
        self.input_feeding = input_feeding
        reads = input_size + (hidden_size if input_feeding else 0)
        how: dict[str, Any] = {"dropout": dropout, "residual": residual, "engine": engine}
        self.stack = Stack(cell, reads, hidden_size, num_layers, **how, **options)
        self.attention = Attention(
            attention, self.stack.output_size, memory_size, size=attention_size, heads=heads, coverage=coverage
        )
        self.dropout = nn.Dropout(dropout)
        self.join = nn.Linear(self.attention.output_size + self.stack.output_size, hidden_size, bias=False)
        cells = [layer[0].cell for layer in self.stack.layers]
        self._kinds = [cell.state_type for cell in cells]
        self._sizes = [list(cell.state_sizes) for cell in cells]
        self.bridge = nn.Linear(summary_size, sum(map(sum, self._sizes)))

    def begin(self, encoded: Encoded) -> tuple[Memory, DecoderState]:
        """What attention looks at, and the state before the first step."""
        memory = self.attention.remember(encoded.values, encoded.lengths)
        parts = iter(torch.tanh(self.bridge(encoded.summary)).split([size for one in self._sizes for size in one], 1))
        layers = tuple(
            kind(*(next(parts) for _ in sizes)) for kind, sizes in zip(self._kinds, self._sizes, strict=True)
        )
        rows = len(encoded.summary)
        fed = encoded.summary.new_zeros(rows, self.output_size) if self.input_feeding else None
        covered = None
        if self.attention.coverage is not None:
            covered = encoded.values.new_zeros(rows, encoded.values.shape[1])
        return memory, DecoderState(layers, fed, covered)

    def forward(
        self, x: Tensor, memory: Memory, state: DecoderState, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Run a known target.

        Args:
            x: `[batch, time, input_size]`.
            memory: As `begin` gave it.
            state: That before the first step.
            lengths: `[batch]`; past them the features mean nothing.

        Returns:
            The features `[batch, time, hidden_size]`, attention's weights `[batch, time, steps]`, and the state after
            the last step, which with `lengths` is of use for the layers only.

        Raises:
            InputError: A shape does not fit.
        """
        if x.dim() != 3 or x.shape[2] != self.input_size:
            raise InputError(f"x is [batch, time, {self.input_size}], found {list(x.shape)}")
        if not self.input_feeding:
            y, layers = self.stack(x, state.layers, lengths=lengths)
            features, weights, coverage = self._look(y, memory, state.coverage)
            return features, weights, DecoderState(layers, None, coverage)
        found, shown = [], []
        for one in clear_padding(x, lengths).unbind(1):
            features, weights, state = self.step(one, memory, state)
            found.append(features)
            shown.append(weights)
        if not found:
            return x.new_zeros(len(x), 0, self.output_size), x.new_zeros(len(x), 0, memory.real.shape[1]), state
        return torch.stack(found, 1), torch.stack(shown, 1), state

    def step(self, x: Tensor, memory: Memory, state: DecoderState) -> tuple[Tensor, Tensor, DecoderState]:
        """The same weights, one step: `x [batch, input_size]` to features, weights `[batch, steps]` and next state."""
        if state.fed is not None:
            x = torch.cat([x, state.fed], 1)
        y, layers = self.stack.step(x, state.layers)
        features, weights, coverage = self._look(y[:, None], memory, state.coverage)
        fed = features[:, 0] if self.input_feeding else None
        return features[:, 0], weights[:, 0], DecoderState(layers, fed, coverage)

    def _look(self, y: Tensor, memory: Memory, coverage: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        context, weights, coverage = self.attention(y, memory, coverage)
        return torch.tanh(self.join(self.dropout(torch.cat([context, y], 2)))), weights, coverage

    def explain(self) -> Explanation:
        """Which engine runs the layers over a whole target, and why not the others."""
        return self.stack.explain()


def final_states(states: Sequence[State]) -> Tensor:
    """The states of layers side by side, `[batch, size]`: a summary of what they read."""
    return torch.cat([field for state in states for field in state], 1)
