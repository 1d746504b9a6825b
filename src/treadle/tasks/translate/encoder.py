"""What a translator reads with: an encoder of any kind of input, and the one for symbols."""

from typing import Any

from torch import Tensor, nn

from treadle.data.vocabulary import PADDING
from treadle.nn import LockedDropout, Stack, length_mask
from treadle.nn.decoder import Encoded, final_states


class Encoder(nn.Module):
    """From the inputs of a batch to what a decoder looks at; `TextEncoder` is one.

    Attributes:
        output_size: Size of `Encoded.values`.
        summary_size: Size of `Encoded.summary`.
    """

    output_size: int
    summary_size: int

    def forward(self, inputs: Any, lengths: Tensor) -> Encoded:
        """Read inputs in whatever form the encoder takes, with `lengths [batch]` of what it gives."""
        raise NotImplementedError


class TextEncoder(Encoder):
    r"""Symbols to what recurrent layers make of them.

    $$m = \mathrm{Stack}(E_{s_1}, \dots, E_{s_n})$$

    The summary is the states of all layers and directions after the last symbol, side by side.

    Args:
        embedding: Of the symbols.
        cell: A registered name.
        hidden_size: Units of each direction.
        num_layers: Depth.
        bidirectional: Whether each layer also reads from the end.
        embedding_dropout: Share of features dropped for a whole sentence, in training.
        dropout: The same between layers, and of what is given out.
        residual: As in `Stack`.
        engine: As in `Recurrent`.
        **options: Of the cell.

    Raises:
        InputError: An argument does not fit.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        cell: str,
        hidden_size: int,
        num_layers: int,
        *,
        bidirectional: bool,
        embedding_dropout: float,
        dropout: float,
        residual: bool,
        engine: str,
        **options: Any,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.embedding_dropout = LockedDropout(embedding_dropout)
        how: dict[str, Any] = {"bidirectional": bidirectional, "residual": residual, "engine": engine, **options}
        self.stack = Stack(cell, embedding.embedding_dim, hidden_size, num_layers, dropout=dropout, **how)
        self.dropout = LockedDropout(dropout)
        self.output_size: int = self.stack.output_size
        self.summary_size = sum(sum(one.cell.state_sizes) for layer in self.stack.layers for one in layer)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Encoded:
        """Symbols `[batch, steps]`; past `lengths [batch]`, zero allowed, anything."""
        lengths = lengths.to(inputs.device)
        inputs = inputs.masked_fill(~length_mask(lengths, inputs.shape[1]), PADDING)
        return self.read(self.embedding(inputs), lengths)

    def read(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Embeddings `[batch, steps, size]` in the place of symbols."""
        y, states = self.stack(self.embedding_dropout(x), lengths=lengths)
        return Encoded(self.dropout(y), lengths, final_states(states))
