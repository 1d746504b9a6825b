"""What a language model says of texts: the surprise of every token, and the probabilities of the next."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from treadle.data import Ragged
from treadle.data.codec import TokenCodec
from treadle.data.streams import START
from treadle.errors import InputError
from treadle.evaluation.saliency import Saliency
from treadle.tasks.language.explanation import saliency
from treadle.tasks.language.network import LanguageNetwork, States
from treadle.tasks.language.objective import surprises


class Surprise(NamedTuple):
    """What every token of a text cost.

    Attributes:
        tokens: As they are shown.
        nats: The negative logarithm of each one's probability after all before it, `[length]`.
    """

    tokens: list[str]
    nats: NDArray[np.float64]


class Reader(ABC):
    """A language model as far as it reads.

    Attributes:
        codec_: From text to tokens and back.
        network_: The trained network.
    """

    codec_: TokenCodec
    network_: LanguageNetwork

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Ragged:
        """The numbers of the tokens of documents."""

    def log_losses(self, texts: str | Sequence[str]) -> list[Surprise]:
        """What every token of every document costs, read from the document's beginning.

        Raises:
            InputError: There is no document, or one is no text.
        """
        check_is_fitted(self, "network_")
        documents = self.encode(as_documents(texts))
        found = surprises(self.network_.eval(), documents)
        return [
            Surprise(self.codec_.spell(ids.tolist()), nats.double().numpy())
            for ids, nats in zip(documents, found, strict=True)
        ]

    def score(self, texts: str | Sequence[str]) -> float:
        """The mean log-probability of a token, in nats: the larger the better.

        Raises:
            InputError: There is no token.
        """
        nats = np.concatenate([document.nats for document in self.log_losses(texts)])
        if nats.size == 0:
            raise InputError("the text has no token, expected at least one")
        return -float(nats.mean())

    def perplexity(self, texts: str | Sequence[str]) -> float:
        r"""\(e\) to the mean surprise of a token: among how many equally likely ones the model chooses, as it were.

        Raises:
            InputError: There is no token.
        """
        return float(np.exp(-self.score(texts)))

    def start(self) -> tuple[Tensor, States]:
        """The log-probabilities of the first token of a document, `[vocabulary]`, and the state before it."""
        check_is_fitted(self, "network_")
        return self._read([START], None)

    def feed(self, ids: ArrayLike, state: States) -> tuple[Tensor, States]:
        """Read on: the log-probabilities after the last of these tokens, `[vocabulary]`, and the state there.

        Args:
            ids: Numbers of tokens, at least one, as `codec_` gives them.
            state: From `start` or from the call before.

        Raises:
            InputError: There is no number, or one is none of the vocabulary.
        """
        numbers = np.atleast_1d(np.asarray(ids))
        if numbers.size == 0 or numbers.min() < 0 or numbers.max() >= len(self.codec_):
            last = len(self.codec_) - 1
            raise InputError(f"expected numbers from 0 to {last}, at least one, found {numbers.tolist()}")
        return self._read(numbers.tolist(), state)

    def next_log_probabilities(self, text: str = "") -> NDArray[np.float64]:
        """The logarithm of every token's probability to follow a text, `[vocabulary]`, by the numbers of `codec_`."""
        found, state = self.start()
        if len(ids := self.codec_.encode(text)):
            found, _ = self.feed(ids, state)
        return found.double().numpy()

    def saliency(self, text: str, following: str | None = None, *, steps: int | None = None) -> Saliency:
        """What moved the probability of the next token: a weight for every token of a text, by integrated gradients.

        Args:
            text: What is read; of a long one, its end is explained.
            following: The token whose log-probability is explained; by default the likeliest.
            steps: Points on the path of the integral; None takes as many as the weights need to add up.

        Raises:
            InputError: The text has no token, or `following` is not one token.
        """
        check_is_fitted(self, "network_")
        return saliency(self, text, following, steps)

    def _read(self, ids: list[int], state: States | None) -> tuple[Tensor, States]:
        network = self.network_.eval()
        with torch.no_grad():
            hidden, after = network(torch.tensor([ids], device=network.embedding.weight.device), state)
            return network.log_probabilities(hidden[0, -1]).cpu(), after


def as_documents(texts: str | Sequence[str]) -> list[str]:
    """Texts as a list.

    Raises:
        InputError: One is no text, or there is none.
    """
    found = [texts] if isinstance(texts, str) else list(texts)
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"document {number} is {type(text).__name__}, expected a text")
    if not found:
        raise InputError("there is no document, expected at least one")
    return found
