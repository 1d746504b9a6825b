"""A word as its characters: what a network knows about a word that it has never seen."""

from typing import Any

import torch
from torch import Tensor, nn

from treadle.errors import InputError
from treadle.nn.dropout import LockedDropout
from treadle.nn.pooling import Pooling
from treadle.nn.sequences import length_mask
from treadle.nn.stack import Stack


class CharacterEncoder(nn.Module):
    r"""One vector a word, from a recurrent network that reads its characters in both directions.

    $$v = [\overrightarrow{h}_n; \overleftarrow{h}_1] \quad\text{or}\quad v = \max_i\,[\overrightarrow{h}_i;
    \overleftarrow{h}_i]$$

    for a word of the characters 1 to n. It reads every distinct word of a batch once, however often it stands there; a
    word without characters gives zeros.

    Args:
        characters: Numbers in the alphabet, with those for padding and the unknown.
        embedding_size: Size of a character's embedding.
        hidden_size: Units of each direction.
        cell: The registered name of a cell.
        pooling: "last" (the states at both ends, Lample et al.), "max", or another of `treadle.nn.POOLINGS`.
        dropout: Share of the embedding's features that is dropped for a whole word, in training.
        engine: As in `Recurrent`.
        **options: Further options of the cell.

    Raises:
        InputError: A size or an option lies outside its range.

    Source: G. Lample et al., "Neural architectures for named entity recognition", 2016, section 4.1.

    Example:
        >>> encoder = CharacterEncoder(10, embedding_size=4, hidden_size=3)
        >>> letters, sizes = torch.tensor([[2, 3, 4], [5, 0, 0]]), torch.tensor([3, 1])  # two distinct words
        >>> vectors = encoder(letters, sizes)
        >>> sentences = torch.tensor([[0, 1, 0], [1, 0, 0]])  # of which these two sentences are made
        >>> tuple(encoder.spread(vectors, sentences, torch.tensor([3, 1])).shape)
        (2, 3, 6)
    """

    def __init__(
        self,
        characters: int,
        *,
        embedding_size: int = 30,
        hidden_size: int = 50,
        cell: str = "lstm",
        pooling: str = "last",
        dropout: float = 0.0,
        engine: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__()
        if characters < 1 or embedding_size < 1:
            raise InputError(f"an alphabet and its embedding have a size, found {characters} and {embedding_size}")
        self.embedding = nn.Embedding(characters, embedding_size)
        self.dropout = LockedDropout(dropout)
        self.stack = Stack(cell, embedding_size, hidden_size, bidirectional=True, engine=engine, **options)
        self.pooling = Pooling(pooling, self.stack.output_size, bidirectional=True)
        self.output_size = self.pooling.output_size

    def forward(self, characters: Tensor, sizes: Tensor) -> Tensor:
        """Words to vectors.

        Args:
            characters: `[words, longest]` numbers of characters; past a word's end anything in the alphabet.
            sizes: `[words]` characters of each word, zero allowed.

        Returns:
            `[words, output_size]`.

        Raises:
            InputError: A shape or a size does not fit.
        """
        y, _ = self.stack(self.dropout(self.embedding(characters)), lengths=sizes)
        vectors: Tensor = self.pooling(y, sizes)
        return vectors

    def spread(self, vectors: Tensor, words: Tensor, lengths: Tensor) -> Tensor:
        """The vectors of distinct words to where they stand in sentences.

        Args:
            vectors: `[words, output_size]`, as `forward` gives them.
            words: `[batch, time]` the row of `vectors` of every token; past a sentence's end anything.
            lengths: `[batch]`.

        Returns:
            `[batch, time, output_size]`, zero past a length.
        """
        # Row 0 is for the padding, so that it needs no word; an embedding's gradient adds up equal words quickly.
        table = torch.cat([vectors.new_zeros(1, self.output_size), vectors])
        real = length_mask(lengths.to(words.device), words.shape[1])
        return nn.functional.embedding((words + 1).masked_fill(~real, 0), table)
