"""What moved the probability of the next symbol: the weight of every symbol before it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from treadle.data.streams import START
from treadle.errors import InputError
from treadle.evaluation.attribution import complete_gradients
from treadle.evaluation.saliency import Saliency, SaliencyPart

if TYPE_CHECKING:
    from treadle.tasks.language.reading import Reader

LONGEST_EXPLAINED = 400
"""Last symbols of a text that are explained; those before are in the state that they begin from."""


def saliency(model: "Reader", text: str, following: str | None, steps: int | None) -> Saliency:
    """What moved the probability of what follows a text; see `LanguageModel.saliency`."""
    codec, network = model.codec_, model.network_.eval()
    ids = codec.encode(text).tolist()
    if not ids:
        raise InputError("the text has no token, expected at least one")
    wanted: int | None = None
    if following is not None:
        found = codec.encode(following).tolist()
        if len(found) != 1:
            raise InputError(f"{following!r} is {len(found)} tokens, expected one that may follow the text")
        wanted = found[0]
    device = network.embedding.weight.device
    first = max(0, len(ids) - LONGEST_EXPLAINED)
    with torch.no_grad():
        _, before = network(torch.tensor([[START, *ids[:first]]], device=device))
        x = network.embedding(torch.tensor(ids[first:], device=device))

    def told(path: Tensor) -> Tensor:
        """The logarithm of every symbol's probability after points on the path, `[points, vocabulary]`."""
        state = tuple(type(layer)(*(field.expand(len(path), -1) for field in layer)) for layer in before)
        y, _ = network.stack(path, state)
        last = y[:, -1]
        return network.log_probabilities(last if network.projection is None else network.projection(last))

    number = wanted
    if number is None:
        with torch.no_grad():
            number = int(told(x[None])[0].argmax())
    given, reached, neutral = complete_gradients(lambda path: told(path)[:, number], x, steps)
    joiner = " " if codec.unit == "word" else ""
    part = SaliencyPart("text", given.sum(1).tolist(), neutral, codec.spell(ids[first:]), joiner, first)
    return Saliency(codec.spell([number])[0], reached, "log-probability", (part,))
