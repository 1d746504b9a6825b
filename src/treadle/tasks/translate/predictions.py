"""From sources to translations: batches of similar length, a search, and text again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data import BucketBatches
from treadle.errors import InputError
from treadle.tasks.language.sampling import Sampling, generators
from treadle.tasks.search import (
    BeamSettings,
    Ensemble,
    Hypothesis,
    beam_search,
    greedy_search,
    sample_search,
)
from treadle.tasks.translate.features import PairFeatures
from treadle.tasks.translate.network import TranslationNetwork
from treadle.tasks.translate.searching import SearchedNetwork

ROWS, TOKENS = 128, 4096
"""Hypotheses of a batch, at most, by inputs and by steps of the source; a beam counts as often as it is wide."""


@dataclass(frozen=True)
class Drawing:
    """Translations that are drawn at random, not searched for.

    Attributes:
        sampling: How the next symbol is drawn.
        seed: The same gives the same translations.
    """

    sampling: Sampling
    seed: int = 0


@dataclass(frozen=True)
class Translation:
    """One translation of one source.

    Attributes:
        text: As it reads.
        score: By which translations of one source are ranked, the higher the better.
        log_probability: In nats.
        tokens: Its symbols, spelt.
        source_tokens: Those of the source, as they stand in it.
        attention: `[tokens, source_tokens]`: where the model looked when it wrote each; a row sums to one.
    """

    text: str
    score: float
    log_probability: float
    tokens: list[str]
    source_tokens: list[str]
    attention: NDArray[np.float32]

    @property
    def alignment(self) -> list[tuple[int, int]]:
        """For every token, with the source's token that it looked at most: `(source, target)`, from 0."""
        return [(int(row.argmax()), place) for place, row in enumerate(self.attention) if len(row)]


@dataclass(frozen=True)
class Voice:
    """A model as far as it translates: what it reads through, and its network."""

    features: PairFeatures
    network: TranslationNetwork


def translate(
    voices: Sequence[Voice],
    texts: Sequence[str],
    how: BeamSettings,
    *,
    drawing: Drawing | None = None,
    copy_unknown: bool = True,
) -> list[list[Translation]]:
    """The best translations of every text, the best first; of an empty text, the empty one.

    Args:
        voices: One model, or several that write together: then attention is the first's.
        texts: Sources.
        how: The search; a beam of one is greedy.
        drawing: Draw `n_best` translations instead, by the model's probabilities.
        copy_unknown: Whether the source's token that was looked at most takes the place of an unknown symbol.

    Raises:
        InputError: Models with different target symbols are to write together.
    """
    first = voices[0].features
    if any(voice.features.target.to_json() != first.target.to_json() for voice in voices[1:]):
        raise InputError(
            "models with different target symbols cannot write together, expected those of one training set"
        )
    sources = [voice.features.encode_sources(texts) for voice in voices]
    shortest = torch.stack([source.lengths for source in sources]).amin(0)
    answers: list[list[Translation]] = [[]] * len(texts)
    found = searched(
        [voice.network for voice in voices],
        sources[0].lengths.masked_fill(shortest == 0, 0).numpy(),
        lambda rows: [source.pad(rows) for source in sources],
        first.limits(sources[0].lengths),
        how,
        drawing=drawing,
    )
    for row, several in found:
        tokens = first.source.tokens(texts[row])
        answers[row] = [_written(first, one, tokens, copy_unknown) for one in several]
    nothing = np.zeros((0, 0), dtype=np.float32)
    return [one or [Translation("", 0.0, 0.0, [], [], nothing)] for one in answers]


def searched(
    networks: Sequence[TranslationNetwork],
    lengths: NDArray[np.int64],
    inputs: Callable[[NDArray[np.int64]], Sequence[tuple[Any, Tensor]]],
    limits: Tensor,
    how: BeamSettings,
    *,
    drawing: Drawing | None = None,
) -> Iterator[tuple[int, list[Hypothesis]]]:
    """Search for every input that has a step, in batches of similar length.

    Args:
        networks: One, or several that write together.
        lengths: `[inputs]` steps of each.
        inputs: What the encoder of every network takes of some of them, with its lengths.
        limits: `[inputs]` symbols at most, the end among them.
        how: The search; a beam of one is greedy.
        drawing: Draw instead.

    Yields:
        The number of an input, and its hypotheses, the best first.
    """
    models = [SearchedNetwork(network) for network in networks]
    model: Any = models[0] if len(models) == 1 else Ensemble(models)
    device = networks[0].embedding.weight.device
    filled = lengths.nonzero()[0]
    width = how.n_best if drawing is not None else how.beam_size
    batches = BucketBatches(lengths[filled], tokens=TOKENS, max_rows=max(1, 2 * ROWS // width), shuffle=False)
    random = None if drawing is None else generators(drawing.seed, len(lengths) * how.n_best)
    for picked in batches.epoch(0):
        rows = filled[picked]
        padded = [tuple(part.to(device) for part in own) for own in inputs(rows)]
        some = padded[0] if len(models) == 1 else padded
        found = _search(model, some, limits[torch.from_numpy(rows)].to(device), how, rows, drawing, random)
        yield from zip(rows.tolist(), found, strict=True)


def _search(
    model: Any,
    inputs: Any,
    limits: Tensor,
    how: BeamSettings,
    rows: NDArray[np.int64],
    drawing: Drawing | None,
    random: Sequence[torch.Generator] | None,
) -> list[list[Hypothesis]]:
    if drawing is not None and random is not None:
        drawn = []
        for number in range(how.n_best):
            own = [random[row * how.n_best + number] for row in rows.tolist()]
            drawn.append(
                sample_search(
                    model,
                    inputs,
                    limits,
                    random=own,
                    sampling=drawing.sampling,
                    no_repeat_ngram=how.no_repeat_ngram,
                )
            )
        return [_ranked(several, how) for several in zip(*drawn, strict=True)]
    if how.beam_size == 1:
        found = greedy_search(model, inputs, limits, no_repeat_ngram=how.no_repeat_ngram)
        return [_ranked([one], how) for one in found]
    return beam_search(model, inputs, limits, how)


def _ranked(found: Sequence[Hypothesis], how: BeamSettings) -> list[Hypothesis]:
    """Hypotheses with the scores that a beam gives them, the best first."""
    scored = [replace(one, score=one.log_probability / how.divisor(len(one.symbols) + 1)) for one in found]
    return sorted(scored, key=lambda one: -one.score)


def _written(features: PairFeatures, found: Hypothesis, source: list[str], copy_unknown: bool) -> Translation:
    looked = found.attention[:, : len(source)].float().cpu().numpy() if found.symbols else np.zeros((0, len(source)))
    copies = [source[int(row.argmax())] for row in looked] if copy_unknown and source else None
    return Translation(
        features.write(found.symbols, copies),
        found.score,
        found.log_probability,
        features.target.spell(found.symbols),
        source,
        looked.astype(np.float32),
    )
