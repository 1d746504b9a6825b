"""A network that begins as a language model: its symbols, its embedding and its recurrent layers.

What the language model has learnt of words, and of how they follow each other, is the beginning; the head is new. Fresh
layers and old ones want different treatment (Howard & Ruder 2018, "Universal language model fine-tuning for text
classification"): the learning rate falls from each layer to the one below it, and a layer waits until those above it
have settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import nn

from treadle.data import Vocabulary
from treadle.data.codec import UNKNOWN_WORD, TokenCodec
from treadle.errors import InputError
from treadle.nn import Stack
from treadle.tasks.folder import load
from treadle.tasks.language.network import LanguageNetwork
from treadle.tasks.language.settings import LanguageSettings

SHAPE = ("cell", "hidden_size", "layers", "residual", "embedding_size")
"""Arguments that the language model decides."""


@dataclass(frozen=True)
class Pretrained:
    """A language model as the beginning of another network.

    Attributes:
        folder: Where it was opened from.
        codec: From text to its symbols.
        settings: Its shape.
        network: Its weights.
    """

    folder: str
    codec: TokenCodec
    settings: LanguageSettings
    network: LanguageNetwork

    @classmethod
    def open(cls, folder: str) -> Self:
        """Read a model folder.

        Raises:
            InputError: It is missing or damaged, or holds no language model.
        """
        model = load(folder)
        if model.task != "language-model":
            raise InputError(f"{folder}: holds a {type(model).__name__}, expected a LanguageModel to begin from")
        return cls(folder, model.codec_, model.settings_, model.network_)

    def shape(self, arguments: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """The arguments that the language model decides.

        Args:
            arguments: Those of the estimator that is to begin from it.
            defaults: Theirs, of those that were not given in so many words.

        Raises:
            InputError: One was given, and says something else.
        """
        return self._decided(SHAPE, arguments, defaults, {"bidirectional": False})

    def _decided(
        self, names: Sequence[str], arguments: dict[str, Any], defaults: dict[str, Any], fixed: dict[str, Any]
    ) -> dict[str, Any]:
        decided = {name: getattr(self.settings, name) for name in names} | fixed
        for name, value in decided.items():
            if arguments[name] not in (value, defaults.get(name, value)):
                found = f"{name} is {arguments[name]!r}, but the language model in {self.folder} has {value!r}"
                raise InputError(f"{found}; leave it out")
        return decided

    def whole_shape(self, arguments: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """`shape`, and what else another language model takes over with every weight: its softmax.

        Raises:
            InputError: An argument says something else.
        """
        return self._decided((*SHAPE, "tied", "softmax"), arguments, defaults, {})

    def text_codec(self, texts: Sequence[str]) -> TokenCodec:
        """What cuts texts just as the language model's were cut, with its symbols and, behind them, further ones.

        Args:
            texts: Of training; tokens that they have twice and the language model does not know get numbers.

        Raises:
            InputError: Its symbols are bytes.
        """
        known = self.codec.vocabulary
        if known is None:
            raise InputError(f"{self.folder}: is a language model of bytes, expected one of words or characters")
        if not isinstance(known, Vocabulary):
            return self.codec
        unknown = UNKNOWN_WORD if self.codec.tokenised else None
        rows = ([token for token in self.codec.tokens(text) if token != unknown] for text in texts)
        return replace(self.codec, vocabulary=self.vocabulary(rows))

    def words(self) -> Vocabulary:
        """The language model's own vocabulary, if its symbols are words.

        Raises:
            InputError: They are others.
        """
        known = self.codec.vocabulary
        if self.codec.unit != "word" or not isinstance(known, Vocabulary):
            units = {"char": "characters", "subword": "pieces of words", "byte": "bytes"}[self.codec.unit]
            raise InputError(f"{self.folder}: is a language model of {units}, expected one of words for a tagger")
        return known

    def vocabulary(self, rows: Any) -> Vocabulary:
        """The language model's words, and behind them those of training rows that it does not know.

        Raises:
            InputError: Its symbols are pieces of words, or bytes.
        """
        known = self.codec.vocabulary
        if not isinstance(known, Vocabulary):
            raise InputError(f"{self.folder}: is a language model of pieces of words, which are no tokens of a list")
        return Vocabulary([*known.tokens, *(t for t in Vocabulary.fit(rows, min_count=2).tokens if t not in known)])

    @torch.no_grad()
    def begin(self, embedding: nn.Embedding, stack: Stack) -> None:
        """Give a fresh embedding and fresh layers of the same shape the language model's weights.

        Words that it does not know begin as what it knows least about: its unknown symbol.
        """
        table = self.network.embedding.weight
        embedding.weight[: len(table)] = table
        embedding.weight[len(table) :] = table[1]
        if embedding.padding_idx is not None:
            embedding.weight[embedding.padding_idx] = 0
        stack.load_state_dict(self.network.stack.state_dict())
