"""What moved the tag of one token: the weight of every word of its sentence."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from treadle.data.tagging import TaggedSentences
from treadle.errors import InputError, counted, nearest
from treadle.evaluation.attribution import complete_gradients
from treadle.evaluation.saliency import Saliency, SaliencyPart

if TYPE_CHECKING:
    from treadle.tasks.tagging.reader import Reader

OUTSIDE = "O"
"""The tag of a token outside all spans."""


def saliency(tagger: "Reader", tokens: list[str], token: int | None, tag: str | None, steps: int | None) -> Saliency:
    """What moved the emission of a tag at one token; see `SequenceTagger.saliency`."""
    if not tokens:
        raise InputError("the sentence has no token, expected at least one")
    network, tags = tagger.network_.eval(), tagger.features_.tags
    batch = tagger.features_.encode(TaggedSentences([tokens])).batch(np.array([0]), network.head.weight.device)
    best = [tags[number] for number in network.decode(batch).tags[0].tolist()]
    if token is None:
        token = next((place for place, name in enumerate(best) if name != OUTSIDE), 0)
    if not 0 <= token < len(tokens):
        raise InputError(
            f"token is {token}, expected a number from 0 to {len(tokens) - 1} of {counted(len(tokens), 'token')}"
        )
    if tag is not None and tag not in tags:
        raise InputError(f"there is no tag {tag!r} in what the network has learnt{nearest(tag, tags)}")
    name = best[token] if tag is None else tag
    with torch.no_grad():
        x = network.embed(batch)[0]

    def score(path: Tensor) -> Tensor:
        lengths = torch.full((len(path),), path.shape[1], device=path.device)
        emissions: Tensor = network.head(network.read(path, lengths))
        return emissions[:, token, tags.index(name)]

    given, reached, neutral = complete_gradients(score, x, steps)
    part = SaliencyPart("tokens", given.sum(1).tolist(), neutral, tokens)
    return Saliency(f"{name} of {tokens[token]!r}, token {token}", reached, "logit", (part,))
