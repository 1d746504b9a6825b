"""From a fitted language model and texts to metrics, a comparison with an n-gram model, and the report."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from treadle.data import Ragged
from treadle.data.codec import TokenCodec
from treadle.data.vocabulary import PADDING, UNKNOWN
from treadle.errors import InputError, counted
from treadle.evaluation import Comparison, Estimate, Report, SystemScores, compare_figures
from treadle.evaluation.baselines.ngram import KneserNey
from treadle.evaluation.intervals import Interval
from treadle.evaluation.language import language_difference, language_metrics
from treadle.evaluation.report.language import language_sections
from treadle.tasks.language.adapt import Adaptation, adapted_losses
from treadle.tasks.language.estimator import LanguageModel
from treadle.tasks.language.findings import Read, findings
from treadle.tasks.language.places import NOUNS, places
from treadle.tasks.language.reading import Surprise
from treadle.tasks.outcome import facts

ORDERS = {"word": 5, "subword": 5, "char": 7, "byte": 7}
"""Length of the longest n-gram of the baseline, by unit."""


@dataclass(frozen=True)
class Scored:
    """Texts and what every token of them cost.

    Attributes:
        texts: The documents.
        ids: Numbers of their tokens.
        surprises: Of every document.
    """

    texts: Sequence[str]
    ids: Ragged
    surprises: Sequence[Surprise]

    @property
    def tokens(self) -> int:
        """How many tokens all documents have."""
        return len(self.ids.values)

    @property
    def nats(self) -> list[npt.NDArray[np.float64]]:
        """What every token cost, `[length]` a document."""
        return [one.nats for one in self.surprises]

    @property
    def characters(self) -> list[int]:
        """How many characters every document has."""
        return [TokenCodec.characters(text) for text in self.texts]

    def metrics(self) -> dict[str, Estimate]:
        """Every metric, with its interval."""
        return language_metrics(self.nats, self.characters)

    def covered(self, codec: TokenCodec) -> str:
        """How much of the texts the vocabulary holds, in one phrase, and what of them the model need not tell."""
        unknown = int((self.ids.values == UNKNOWN).sum())
        known = f"{unknown / self.tokens:.2%} of them unknown" if unknown else "all known"
        untold = ["what spelling them would cost"] if unknown and codec.unit == "word" else []
        untold += ["upper case"] if codec.lowercase else []
        untold += ["line ends and repeated spaces"] if codec.unit == "subword" else []
        note = f" ({', '.join(untold)}: not in any figure)" if untold else ""
        return f"{counted(self.tokens, NOUNS[codec.unit])}, {known}{note}"


def scored(
    model: LanguageModel, texts: Sequence[str], how: Adaptation | None = None, *, train: Ragged | None = None
) -> Scored:
    """Read texts with a model.

    Args:
        model: The fitted model.
        texts: Documents.
        how: Whether and how it adapts to them.
        train: As `adapted_losses` needs it.

    Raises:
        InputError: They have no token, or as `adapted_losses` does.
    """
    ids = model.encode(texts)
    if len(ids.values) == 0:
        raise InputError("the text has no token, expected at least one")
    return Scored(texts, ids, adapted_losses(model, texts, how, train=train) if how else model.log_losses(texts))


def headline(model: LanguageModel) -> str:
    """The metric that a model is judged by: perplexity of words and pieces of words, bits of characters and bytes."""
    return "perplexity" if model.codec_.unit in ("word", "subword") else "bits_per_character"


def fit_baseline(
    model: LanguageModel, train: Ragged, splits: Mapping[str, Scored]
) -> tuple[SystemScores, dict[str, list[npt.NDArray[np.float64]]]]:
    """An n-gram model of the same symbols, measured where the model was.

    Returns:
        Its scores of every split, and what every token cost it.
    """
    since = time.monotonic()
    order = ORDERS[model.codec_.unit]
    ngram = KneserNey(len(model.codec_), order, padding=PADDING).fit([ids.numpy() for ids in train])
    seconds = time.monotonic() - since
    nats = {name: [-row for row in ngram.score([ids.numpy() for ids in split.ids])] for name, split in splits.items()}
    scores = {name: language_metrics(nats[name], split.characters) for name, split in splits.items()}
    description = (
        f"an interpolated n-gram model with modified Kneser-Ney smoothing, of the same {NOUNS[model.codec_.unit]}s"
    )
    return SystemScores(f"{order}-gram Kneser-Ney", scores, description, seconds), nats


def make_report(
    model: LanguageModel,
    title: str,
    splits: Mapping[str, Scored],
    baseline: tuple[SystemScores, dict[str, list[npt.NDArray[np.float64]]]] | None = None,
    *,
    counts: npt.NDArray[np.int64] | None = None,
    data_notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; passage and figures at the top are of "test", or of "dev" without one.

    Args:
        model: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        baseline: What `fit_baseline` gave.
        counts: How often training holds every symbol, `[vocabulary]`.
        data_notes: Sentences on the data.
        commands: How to get the model again.
    """
    shown = "test" if "test" in splits else next(iter(splits))
    metric = headline(model)
    scores = {name: split.metrics() for name, split in splits.items()}
    beside = [None] * len(splits[shown].texts) if baseline is None else baseline[1][shown]
    documents = [
        Read(text, ids.numpy(), nats, other)
        for text, ids, nats, other in zip(
            splits[shown].texts, splits[shown].ids, splits[shown].nats, beside, strict=True
        )
    ]
    seconds = sum(record["seconds"] for record in model.history_)
    return Report(
        title=title,
        kind="Language model",
        metric=metric,
        model=SystemScores(model.describe(), scores, model.describe_size(), seconds or None),
        split=shown,
        baseline=None if baseline is None else baseline[0],
        comparison=None if baseline is None else _compared(metric, splits[shown], shown, scores, baseline),
        summary=f"{model.describe()}: {model.describe_size()}.",
        history=model.history_,
        unit=NOUNS[model.codec_.unit],
        sections=language_sections(findings(model, documents, counts)),
        data_notes=data_notes,
        config=model.get_params(),
        commands=commands,
        facts=facts(),
    )


def _compared(
    metric: str,
    split: Scored,
    name: str,
    scores: Mapping[str, Mapping[str, Estimate]],
    baseline: tuple[SystemScores, dict[str, list[npt.NDArray[np.float64]]]],
) -> Comparison:
    """The verdict. The interval is that of the difference in nats a token, in the metric's own unit.

    Of perplexities, the baseline's stays as it is while the ratio varies.
    """
    ours, theirs = scores[name][metric].value, baseline[0].scores[name][metric].value
    gap = language_difference(split.nats, baseline[1][name])
    ends = [gap.value if end is None else end for end in gap[1:]]
    if metric == "perplexity":
        low, high = (theirs * math.expm1(end) for end in ends)
    else:
        low, high = (end * split.tokens / sum(split.characters) / math.log(2) for end in ends)
    return compare_figures(metric, ours, theirs, Interval(low, high), baseline[0].name)


def answer(model: LanguageModel, text: str) -> dict[str, Any]:
    """The surprise of one text: its figures (None where there is no token), and every token with its nats."""
    (surprise,) = model.log_losses([text])
    total, count = float(surprise.nats.sum()), len(surprise.nats)
    figures = {
        "perplexity": math.exp(min(total / count, 709.0)) if count else None,
        "nats_per_token": total / count if count else None,
        "bits_per_token": total / count / math.log(2) if count else None,
        "bits_per_character": total / math.log(2) / len(text) if text and count else None,
    }
    tokens: list[dict[str, Any]] = [
        {"token": token, "nats": round(nats, 6)}
        for token, nats in zip(surprise.tokens, surprise.nats.tolist(), strict=True)
    ]
    for token, place in zip(tokens, places(model.codec_, text) or (), strict=False):  # of sub-words there are none
        token |= {"start": place[0], "end": place[1]}
    return {**figures, "tokens": tokens}
