"""From a fitted tagger and its data to figures, a comparison with the baseline, and the report."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from treadle.data.tagging import TaggedSentences, to_spans
from treadle.evaluation import Report, baseline
from treadle.evaluation.baselines.tags import FrequentTagBaseline
from treadle.evaluation.report.sentences import TaggedSplit
from treadle.evaluation.report.tagging import TaggingSystem, build_tagging_report
from treadle.evaluation.tagging import Tagging
from treadle.tasks.outcome import facts
from treadle.tasks.tagging.features import INNER, TaggerFeatures
from treadle.tasks.tagging.measure import of_same_kind

if TYPE_CHECKING:
    from treadle.tasks.tagging.estimator import SequenceTagger


def gold(features: TaggerFeatures, data: TaggedSentences) -> Tagging:
    """What is true of sentences, in the scheme of the model.

    Raises:
        InputError: Their tags are of another kind than the model's: parts of speech for spans, or the reverse.
    """
    data = of_same_kind(features, data)
    assert data.tags is not None
    labels = data.labels if features.labels else None
    if features.scheme is None:
        return Tagging(data.tags, None, labels)
    inner = features.inner(data)
    return Tagging([features.outer(tags) for tags in inner], [to_spans(tags, INNER) for tags in inner], labels)


def said(estimator: "SequenceTagger", data: TaggedSentences) -> Tagging:
    """What the model says of them."""
    tagged, names = estimator.tag(data), estimator.features_.labels
    labels = None if tagged.labels is None else [names[best] for best in tagged.labels.argmax(1)]
    return Tagging(tagged.tags, tagged.spans, labels)


def fit_baseline(
    features: TaggerFeatures, train: TaggedSentences, others: Mapping[str, TaggedSentences]
) -> TaggingSystem:
    """The baseline, trained on `train`: the most frequent tag of the token; and of labels, a linear model of the words.

    Returns:
        What it says of every part in `others`.
    """
    since = time.monotonic()
    truth = gold(features, train)
    tagger = FrequentTagBaseline().fit(train.tokens, truth.tags)
    name, description, labels = tagger.name, tagger.description, None
    if truth.labels is not None:
        classes = sorted(set(truth.labels))
        labels = baseline("classify").fit({"tokens": ("tokens", train.tokens)}, truth.labels, classes)
        name = f"{name}; {labels.name} for labels"
        description = f"{description}; of labels, {labels.description}"
    seconds = time.monotonic() - since
    answers = {}
    for split, data in others.items():
        tags = tagger.predict(data.tokens)
        spans = None if features.scheme is None else [to_spans(row, features.scheme) for row in tags]
        given = None
        if labels is not None:
            probable = labels.predict({"tokens": ("tokens", data.tokens)}).argmax(1)
            given = [classes[best] for best in probable]
        answers[split] = Tagging(tags, spans, given)
    return TaggingSystem(name, answers, description, seconds)


def make_report(
    estimator: "SequenceTagger",
    title: str,
    splits: Mapping[str, TaggedSentences],
    beside: TaggingSystem | None = None,
    *,
    data_notes: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> Report:
    """Everything that the page says; the sentences shown are those of "test", or of "dev" without one.

    Args:
        estimator: The fitted model.
        title: Headline.
        splits: "dev", "test" or both.
        beside: What `fit_baseline` gave.
        data_notes: Sentences on the data.
        commands: How to get the model again.
    """
    answers = {name: said(estimator.measured(name), data) for name, data in splits.items()}
    seconds = estimator.training_seconds()
    split = "test" if "test" in splits else next(iter(splits))
    asked, shown = estimator.measured(split), splits[split]

    def moved(row: int, token: int) -> Sequence[float]:
        return asked.saliency(shown.tokens[row], token).parts[0].weights

    return build_tagging_report(
        title,
        {
            name: TaggedSplit(
                data.tokens, gold(estimator.features_, data), [data.where(row) for row in range(len(data))]
            )
            for name, data in splits.items()
        },
        TaggingSystem(estimator.describe(), answers, estimator.describe_size(), seconds or None),
        baseline=beside,
        moved=moved,
        summary=f"{estimator.describe()}: {estimator.describe_size()}.{estimator.remark()}",
        history=estimator.history_,
        data_notes=data_notes,
        config=estimator.get_params(),
        commands=commands,
        facts=facts(),
    )
