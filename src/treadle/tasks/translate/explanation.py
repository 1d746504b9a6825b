"""What moved a symbol of a translation: the weight of every symbol of the source, beside where attention looked."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from treadle.errors import InputError, counted
from treadle.evaluation.attribution import complete_gradients
from treadle.evaluation.saliency import Saliency, SaliencyPart
from treadle.tasks.translate.encoder import TextEncoder
from treadle.tasks.translate.network import BOUNDARY
from treadle.tasks.translate.predictions import searched

if TYPE_CHECKING:
    from treadle.tasks.translate.reader import Reader


def saliency(translator: "Reader", text: str, token: int, steps: int | None) -> Saliency:
    """What moved the probability of one symbol of the translation; see `Translator.saliency`."""
    features, network = translator.features_, translator.network_.eval()
    encoder = network.encoder
    sources = features.encode_sources([text])
    if not len(sources.values):
        raise InputError("the text has no token, expected at least one")
    assert isinstance(encoder, TextEncoder)
    lengths, limits = sources.lengths.numpy(), features.limits(sources.lengths)
    found = searched([network], lengths, lambda rows: [sources.pad(rows)], limits, translator.search_settings())
    symbols = next(several[0].symbols for _, several in found)
    if not 0 <= token < len(symbols):
        said = counted(len(symbols), "symbol")
        raise InputError(f"token is {token}, expected one of the translation's {said}, counted from 0")
    device = network.embedding.weight.device
    read = torch.tensor([BOUNDARY, *symbols[:token]], device=device)
    with torch.no_grad():
        x = encoder.embedding(sources.pad(np.array([0]))[0].to(device))[0]

    def score(path: Tensor) -> Tensor:
        points = len(path)
        encoded = encoder.read(path, torch.full((points,), path.shape[1], device=device))
        inputs = read.expand(points, -1)
        told, _ = network.read(encoded, inputs, torch.ones_like(inputs, dtype=torch.bool))
        return network.softmax.log_probabilities(network.project(told[:, -1]))[:, symbols[token]]

    given, reached, neutral = complete_gradients(score, x, steps)
    spelt = features.source.tokens(text)
    part = SaliencyPart("source", given.sum(1).tolist(), neutral, spelt, " " if features.source.unit == "word" else "")
    return Saliency(f"{features.target.spell([symbols[token]])[0]}, token {token}", reached, "log-probability", (part,))
