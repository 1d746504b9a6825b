"""From a fitted translator and its data to figures, a comparison with word-for-word translation, and the report."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from treadle.data.codec import TokenCodec
from treadle.data.pairs import Pairs
from treadle.data.text import words
from treadle.data.vocabulary import Vocabulary
from treadle.evaluation import Estimate, Report
from treadle.evaluation.baselines.translations import CopyBaseline, DictionaryBaseline
from treadle.evaluation.report.translation import (
    Looked,
    TranslatedSplit,
    TranslatingSystem,
    build_translation_report,
)
from treadle.evaluation.translation import signatures, translation_scores
from treadle.tasks.outcome import facts
from treadle.tasks.translate.predictions import Translation

if TYPE_CHECKING:
    from treadle.tasks.translate.estimator import Translator

SHOWN = 3
"""Sentences whose attention the page shows."""
LEGIBLE = 40
"""Symbols of a sentence, at most, whose attention can be read in a picture."""


def scores(estimator: "Translator", pairs: Pairs, beam_size: int | None = None) -> dict[str, Estimate]:
    """Every figure of the model's translations.

    Raises:
        InputError: sacrebleu is not installed, or the beam is below 1.
    """
    assert pairs.targets is not None
    said = [found[0].text for found in estimator.translate(pairs.sources, beam_size=beam_size)]
    return translation_scores(pairs.targets, said, estimator.features_.unspaced)


def fit_baselines(train: Pairs, others: Mapping[str, Pairs]) -> tuple[TranslatingSystem, TranslatingSystem]:
    """What translates without a network: by a dictionary learnt from the pairs, and not at all.

    Returns:
        What both say of every part in `others`.
    """
    since = time.monotonic()
    assert train.targets is not None
    cut = [[words(text, lowercase=False) for text in texts] for texts in (train.sources, train.targets)]
    dictionary = DictionaryBaseline().fit(*cut)
    seconds = time.monotonic() - since
    answers = {}
    for name, pairs in others.items():
        found = dictionary.predict([words(text, lowercase=False) for text in pairs.sources])
        answers[name] = joined(found)
    by_word = TranslatingSystem(dictionary.name, answers, dictionary.description, seconds)
    copied = {name: pairs.sources for name, pairs in others.items()}
    return by_word, TranslatingSystem(CopyBaseline.name, copied, CopyBaseline.description)


def joined(sentences: Sequence[Sequence[str]]) -> list[str]:
    """Words as text, with the spaces that print puts between them.

    Example:
        >>> joined([["Ja", ",", "gut", "."]])
        ['Ja, gut.']
    """
    vocabulary = Vocabulary(dict.fromkeys(word for sentence in sentences for word in sentence))
    codec = TokenCodec("word", False, False, vocabulary)
    return [codec.decode(vocabulary.encode(sentence)) for sentence in sentences]


def make_report(
    estimator: "Translator",
    title: str,
    splits: Mapping[str, Pairs],
    beside: tuple[TranslatingSystem, TranslatingSystem] | None = None,
    *,
    beam_size: int | None = None,
    data_notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; the sentences shown are those of "test", or of "dev" without one.

    Args:
        estimator: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        beside: What `fit_baselines` gave.
        beam_size: In the place of the model's own.
        data_notes: Sentences on the data.
        commands: How to get the model again.

    Raises:
        InputError: sacrebleu is not installed.
    """
    features = estimator.features_
    shown = "test" if "test" in splits else next(iter(splits))
    found = {name: estimator.translate(pairs.sources, beam_size=beam_size) for name, pairs in splits.items()}
    answers = {name: [several[0].text for several in one] for name, one in found.items()}
    best = [several[0] for several in found[shown]]
    seconds = sum(record["seconds"] for record in estimator.history_)
    width = estimator.search_settings(beam_size).beam_size
    truth = splits[shown].targets
    assert truth is not None
    return build_translation_report(
        title,
        {
            name: TranslatedSplit(
                pairs.sources, pairs.targets or [], pairs.places, features.encode_sources(pairs.sources).lengths.numpy()
            )
            for name, pairs in splits.items()
        },
        TranslatingSystem(estimator.describe(), answers, estimator.describe_size(), seconds or None),
        sentences=features.sentences,
        unspaced=features.unspaced,
        baseline=None if beside is None else beside[0],
        floor=None if beside is None else beside[1],
        looked=_looked(best, splits[shown]),
        summary=f"{estimator.describe()}: {estimator.describe_size()}.",
        history=estimator.history_,
        data_notes=data_notes,
        config=estimator.get_params(),
        commands=commands,
        facts={
            **facts(),
            "Search": "greedy" if width == 1 else f"a beam of {width}",
            **{
                name.upper() if name == "bleu" else "chrF": one
                for name, one in signatures(truth, features.unspaced).items()
            },
        },
    )


def _looked(best: Sequence[Translation], pairs: Pairs) -> list[Looked]:
    """Sentences of the usual length, as far as a picture of them can be read: one about the middle, and around it."""
    lengths = np.array([len(one.source_tokens) for one in best])
    fit = [
        row
        for row in np.argsort(lengths, kind="stable").tolist()
        if 0 < len(best[row].tokens) <= LEGIBLE and 0 < lengths[row] <= LEGIBLE
    ]
    places = sorted({len(fit) * quarter // 4 for quarter in range(1, SHOWN + 1)}) if fit else []
    return [
        Looked(best[row].source_tokens, best[row].tokens, best[row].attention, pairs.places[row])
        for row in (fit[place] for place in places)
    ]
