"""A tagger on a stream: a token in, its tag out, by all that was read so far."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.data.tagging import TaggedSentences
from treadle.data.tagging.schemes import LETTERS, OUTSIDE, Scheme, parts_in
from treadle.errors import InputError
from treadle.streaming import StreamModel
from treadle.streaming.layers import LayerSteps, settled
from treadle.streaming.model import Reads, identity
from treadle.streaming.pooling import OnlinePooling
from treadle.tasks.tagging.features import INNER, TaggerFeatures
from treadle.tasks.tagging.filtering import ChainFilter
from treadle.tasks.tagging.network import TaggerNetwork

Array = NDArray[Any]

CONTEXT, FILTERED = "context.", "tags.filtered"
"""Beside the states of the layers: those of a language model's, by this prefix, and what is known of the last tag."""
VECTORS = 4096
"""Distinct tokens whose vectors are kept at hand."""


class TagStreamModel(StreamModel):
    r"""A causal tagger that tells after every token what its tag is, given all tokens up to it.

    The answer holds `tag`, the likeliest; `confidence`, its probability; `tags`, the probability of every one; and of a
    model that labels sentences `label`, the likeliest label of what was read so far, with the `probabilities` of all.
    With a CRF these are the filtered probabilities \(p(y_t \mid x_1 \dots x_t)\) of a sentence that goes on
    (`ChainFilter`): exact, while the best sequence of a whole sentence may differ, since it also knows the words that
    follow. So tags that are put side by side need not make a legal sequence.

    Tags are written as in the training data: what the network knows of first, inner, last and single tokens is added up
    over those that the data's scheme writes alike. IOB1, where the tag depends on the one before, is written as IOB2.

    Args:
        features: The tagger's.
        network: The fitted network.
        rows: Streams at most.
        threads: Threads at most.

    Raises:
        InputError: The network also reads sentences from their end.
    """

    reads: Reads = "tokens"

    def __init__(self, features: TaggerFeatures, network: TaggerNetwork, rows: int = 1, threads: int = 1) -> None:
        if network.stack.bidirectional:
            raise InputError(
                "this tagger is bidirectional: it also reads every sentence from its end, which a stream does not "
                "have; train a causal one with bidirectional=False"
            )
        self.rows, self.features = rows, features
        self.identity = identity(network, str(features.to_json()))
        self._network: TaggerNetwork = settled(network)
        self._layers = LayerSteps(self._network.stack, rows, threads)
        self.explanation = self._layers.explanation
        self._weight, self._bias = _linear(self._network.head)
        self._filter = ChainFilter(len(features.tags), self._network.crf)
        self._names, self._sums = as_answered(features.tags, features.scheme)
        self._vector = lru_cache(VECTORS)(self._read)
        own = {FILTERED: np.repeat(self._filter.initial[None], rows, 0)}
        self.state = {**self._layers.state, **own}
        self.initial = {**self._layers.initial, FILTERED: self._filter.initial}
        self._open_context(rows, threads)
        self._open_labels(rows)

    def _open_context(self, rows: int, threads: int) -> None:
        """A language model has read what stands before a sentence, before the sentence begins."""
        self._context: LayerSteps | None = None
        context = self._network.context
        if context is None:
            return
        self._context = steps = LayerSteps(context.stack, rows, threads)
        steps.x[:] = context.embedding.weight[context.begin].numpy()
        steps.run(rows)
        self.state |= {CONTEXT + name: field for name, field in steps.state.items()}
        self.initial |= {CONTEXT + name: field[0].copy() for name, field in steps.state.items()}

    def _open_labels(self, rows: int) -> None:
        """What a label of the sentence needs of all tokens so far."""
        self._pooling: OnlinePooling | None = None
        if self._network.pooling is None:
            return
        self._pooling = OnlinePooling(self._network.pooling, self._layers.y.shape[1], rows)
        self._label_weight, self._label_bias = _linear(self._network.label_head)
        self.state |= self._pooling.state
        self.initial |= self._pooling.initial

    def read(self, step: Any) -> Array:
        """The vector of one token, `[1, features]`: its word, its characters, its word in a language model.

        Raises:
            InputError: It is no token.
        """
        token = step[0] if isinstance(step, list | tuple) and len(step) == 1 else step
        if not isinstance(token, str) or not token or any(character.isspace() for character in token):
            raise InputError(f"a step of this stream is one token without white space, found {step!r:.50}")
        return self._vector(token)

    def _read(self, token: str) -> Array:
        batch = self.features.encode(TaggedSentences([[token]])).batch([0])
        network = self._network
        with torch.no_grad():
            parts = [network.embedding(batch.words)[0]]
            if network.characters is not None:
                assert batch.characters is not None
                assert batch.sizes is not None
                parts.append(network.characters(batch.characters, batch.sizes))
            if network.context is not None:
                assert batch.context is not None
                parts.append(network.context.embedding(batch.context)[0])
        return torch.cat(parts, 1).numpy()

    def advance(self, x: Array) -> None:
        """A token of the first rows."""
        rows, layers, context = len(x), self._layers, self._context
        if context is None:
            layers.x[:rows] = x
        else:
            own = x.shape[1] - context.x.shape[1]
            context.x[:rows] = x[:, own:]
            context.run(rows)
            layers.x[:rows, :own] = x[:, :own]
            layers.x[:rows, own:] = context.y[:rows]
        layers.run(rows)
        y = layers.y[:rows]
        filtered = self.state[FILTERED][:rows]
        filtered[:] = self._filter.step(filtered, y @ self._weight + self._bias)
        if self._pooling is not None:
            self._pooling.add(y)

    def answers(self, rows: int) -> Sequence[Any]:
        """What each row's last token is, and how its sentence is labelled so far."""
        told: list[dict[str, Any]] = []
        for probable in np.exp(self.state[FILTERED][:rows, :-1]) @ self._sums:
            best = int(probable.argmax())
            tags = dict(zip(self._names, probable.tolist(), strict=True))
            told.append({"tag": self._names[best], "confidence": float(probable[best]), "tags": tags})
        if self._pooling is not None:
            labels = self.features.labels
            logits = self._pooling.vectors(rows) @ self._label_weight + self._label_bias
            for one, probable in zip(told, torch.from_numpy(logits).softmax(1).tolist(), strict=True):
                one["label"] = labels[max(range(len(labels)), key=probable.__getitem__)]
                one["probabilities"] = dict(zip(labels, probable, strict=True))
        return told


def _linear(layer: torch.nn.Linear) -> tuple[Array, Array]:
    """Weight `[in, out]` and bias."""
    return layer.weight.numpy().T.copy(), layer.bias.numpy()


def as_answered(tags: Sequence[str], scheme: Scheme | None) -> tuple[list[str], Array]:
    """The tags as the training data writes them, and `[tags, answered]`: 1 where the network's tag is written so."""
    written = list(tags) if scheme is None else [_written(tag, scheme) for tag in tags]
    names = sorted(set(written))
    return names, np.array([[own == name for name in names] for own in written], dtype=np.float64)


def _written(tag: str, scheme: Scheme) -> str:
    """One of the network's tags in another scheme, whatever stands before it."""
    letter, type_ = parts_in(tag, INNER)
    if letter == OUTSIDE:
        return OUTSIDE
    other = LETTERS[scheme][LETTERS[INNER].index(letter)]
    return f"{other}-{type_}" if type_ else other
