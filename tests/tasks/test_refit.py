"""A second training on everything: what it learns from and what it leaves alone, what is measured, and its resuming."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stop_at import StopAt

from treadle.data.tagging import TaggedSentences
from treadle.errors import InputError
from treadle.tasks.estimator import trained_by
from treadle.tasks.refit import AT_LAST
from treadle.tasks.run import start_run
from treadle.tasks.sequence import SequenceClassifier, SequenceRegressor
from treadle.tasks.source import DataSource
from treadle.tasks.tagging import SequenceTagger
from treadle.training import Interrupted

SMALL: dict[str, Any] = {"hidden_size": 5, "epochs": 3, "seed": 1, "device": "cpu", "batch_size": 4}
TEXTS = [f"{'good' if row % 2 else 'bad'} film number{row % 5}" for row in range(24)]
LABELS = ["pos" if row % 2 else "neg" for row in range(24)]
SERIES = [np.random.default_rng(row).normal(size=5) for row in range(24)]
TOKENS = [["in", ("Rome", "Oslo")[row % 2], f"w{row % 5}"] for row in range(24)]
TAGS = [["O", "B-LOC", "O"]] * 24

KINDS: dict[str, tuple[Callable[..., Any], list[Any], list[Any]]] = {
    "labels": (SequenceClassifier, TEXTS, LABELS),
    "label lists": (SequenceClassifier, TEXTS, [["film", label] for label in LABELS]),
    "numbers": (SequenceRegressor, SERIES, [float(one.sum()) for one in SERIES]),
    "numbers a step": (SequenceRegressor, SERIES, [one.cumsum() for one in SERIES]),
    "tags": (SequenceTagger, TOKENS, TAGS),
}
kinds = pytest.mark.parametrize(("make", "x", "y"), KINDS.values(), ids=KINDS)


def weights(model: Any) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in model.network_.parameters()])


@kinds
def test_it_is_a_training_on_all_rows_for_the_epochs_that_were_best_on_dev(make: Any, x: Any, y: Any) -> None:
    """With one epoch there is one to choose, whatever dev is."""
    refitted = make(**SMALL | {"epochs": 1}, refit=True).fit(x[:16], y[:16], dev=(x[16:], y[16:]))
    plain = make(**SMALL | {"epochs": 1}).fit(x, y, dev=(x[:3], y[:3]))
    assert torch.equal(weights(refitted), weights(plain))


@kinds
def test_rows_that_were_set_aside_are_learnt_behind_the_others(make: Any, x: Any, y: Any) -> None:
    refitted = make(**SMALL | {"epochs": 1}, refit=True).fit(x, y)
    order = [*refitted.train_rows_, *refitted.dev_rows_]
    assert sorted(order) == list(range(24))
    plain = make(**SMALL | {"epochs": 1}).fit([x[row] for row in order], [y[row] for row in order], dev=(x[:3], y[:3]))
    assert torch.equal(weights(refitted), weights(plain))


@kinds
def test_the_first_training_is_kept_as_it_was(make: Any, x: Any, y: Any) -> None:
    once, twice = (make(**SMALL, refit=refit).fit(x, y) for refit in (False, True))
    assert torch.equal(weights(twice.unrefit_), weights(once))
    assert [one["dev_loss"] for one in twice.history_] == [one["dev_loss"] for one in once.history_]
    assert twice.measured("dev") is twice.unrefit_
    assert twice.measured("test") is twice
    assert once.measured("dev") is once
    assert once.unrefit_ is twice.unrefit_.unrefit_ is None
    assert twice.refit_seconds_ > 0 == once.refit_seconds_


def test_words_of_dev_are_known_at_last() -> None:
    words = ["Madrid", "Madrid"]
    model = SequenceTagger(**SMALL, refit=True, min_count=2).fit(TOKENS, TAGS, dev=([words], [["B-LOC", "B-LOC"]]))
    assert "madrid" not in model.unrefit_.features_.words
    assert "madrid" in model.features_.words


def test_tags_of_dev_are_brought_into_the_scheme_of_training() -> None:
    """Spans side by side begin with B in IOB2 alone or not; BIOES has letters of its own for their ends."""
    data = TaggedSentences([["New", "York", "Rome"]] * 8, [["B-LOC", "I-LOC", "B-LOC"]] * 8).settled()
    dev = TaggedSentences([["Rome", "New", "York"]] * 4, [["S-LOC", "B-LOC", "E-LOC"]] * 4).settled()
    assert (data.scheme, dev.scheme) == ("iob2", "bioes")
    both = data.joined(dev)
    assert (both.tags or [])[-1] == ["B-LOC", "B-LOC", "I-LOC"]
    model = SequenceTagger(**SMALL, refit=True).fit_sentences(data, dev=dev)
    assert model.features_.tags == model.unrefit_.features_.tags


def test_the_score_of_outside_is_moved_as_dev_told_before_it_was_learnt() -> None:
    tags = [["O", "B-LOC" if row % 6 else "O", "O"] for row in range(24)]
    options = SMALL | {"epochs": 1, "learning_rate": 0.02}
    tuned, plain = (
        SequenceTagger(**options, refit=True, tune_outside=tune).fit(TOKENS, tags, dev=(TOKENS, TAGS))
        for tune in (True, False)
    )
    outside = tuned.features_.tags.index("O")
    assert tuned.outside_ > 0
    for one, other in ((tuned, plain), (tuned.unrefit_, plain.unrefit_)):
        moved = (other.network_.head.bias - one.network_.head.bias)[outside].item()
        assert moved == pytest.approx(tuned.outside_, abs=1e-6)


def test_what_goes_on_from_a_run_finds_the_features_that_its_weights_belong_to() -> None:
    """As `treadle compress` does: it trains once, in the place of both trainings."""
    asked: list[Any] = []
    taught, again = (SequenceClassifier(**SMALL, refit=True, min_count=1) for _ in range(2))
    taught.fit(TEXTS[:12], LABELS[:12], dev=(["a film of dev"], ["pos"]))

    def look(objective: Any, *_: Any, **__: Any) -> list[dict[str, Any]]:
        asked.append(objective)
        return []

    with trained_by(again, look):
        again.fit(TEXTS[:12], LABELS[:12], dev=(["a film of dev"], ["pos"]))
    assert len(asked) == 1
    read, reread, unread = (model.fitted_to_json()["features"] for model in (taught, again, taught.unrefit_))
    assert reread == read != unread


def test_what_goes_on_from_a_run_leaves_its_checkpoints_alone(tmp_path: Path) -> None:
    """As `treadle diagnose` does, with the run's own folder."""
    data, path = TaggedSentences(TOKENS, TAGS).settled(), tmp_path / "last.safetensors"
    SequenceTagger(**SMALL, refit=True).fit_sentences(data, checkpoint=path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert path.with_stem("last-refit") in before
    again = SequenceTagger(**SMALL, refit=True)
    with trained_by(again, lambda *_, **__: []):
        again.fit_sentences(data, checkpoint=path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_label_that_only_dev_has_is_refused_before_anything_is_learnt_twice() -> None:
    with pytest.raises(InputError, match="odd"):
        SequenceClassifier(**SMALL, refit=True).fit(TEXTS, LABELS, dev=(TEXTS[:2], ["odd", "pos"]))


@pytest.mark.parametrize("word", ["perhaps", "no", None])
def test_refit_is_true_or_false(word: Any) -> None:
    with pytest.raises(InputError, match=f"refit is {word!r}, expected True or False"):
        SequenceTagger(refit=word).fit(TOKENS, TAGS)


@pytest.mark.parametrize("kind", [int, bool])
def test_classes_stay_as_training_wrote_them(kind: type) -> None:
    y, dev = [kind(row % 2) for row in range(24)], [float(row % 2) for row in range(5)]
    model = SequenceClassifier(**SMALL, refit=True).fit(SERIES, y, dev=(SERIES[:5], dev))
    assert [type(one) for one in model.classes_.tolist()] == [kind] * 2


def test_two_forms_of_several_labels_are_refused() -> None:
    labels = [["film", label] for label in LABELS]
    with pytest.raises(InputError, match="the targets of training and dev are in two forms"):
        SequenceClassifier(**SMALL, refit=True).fit(TEXTS, labels, dev=(TEXTS[:2], np.array([[1, 0, 1], [0, 1, 1]])))


def test_the_second_training_has_as_many_epochs_as_the_first_where_they_are_left_open() -> None:
    """More rows are fewer epochs; at the same epoch the learning rate would be another."""
    open_, told = SMALL | {"epochs": None}, []

    def look(objective: Any, settings: Any, **_: Any) -> list[dict[str, Any]]:
        told.append(settings.epochs)
        return [{"epoch": 1, "best": True, "seconds": 1.0}]

    x, y = SERIES * 20, LABELS * 20
    model = SequenceClassifier(**open_, refit=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("treadle.tasks.estimator.fit", look)
        model.fit(x[:240], y[:240], dev=(x[240:], y[240:]))
        SequenceClassifier(**open_).fit(x, y, dev=(x[:5], y[:5]))
    first, second, of_all = told
    assert first == second > of_all


def test_what_another_run_left_behind_is_not_gone_on_with(tmp_path: Path) -> None:
    first, path = TaggedSentences(TOKENS, TAGS).settled(), tmp_path / "last.safetensors"
    other = TaggedSentences([[token[::-1] for token in one] for one in TOKENS], TAGS).settled()

    def train(data: TaggedSentences, **how: Any) -> SequenceTagger:
        return SequenceTagger(**SMALL, refit=True).fit_sentences(data, checkpoint=path, **how)

    train(first)
    assert path.with_stem("last-refit").exists()
    with pytest.raises(Interrupted):
        train(other, progress=StopAt(training=1, step=4))
    expected = SequenceTagger(**SMALL, refit=True).fit_sentences(other)
    assert torch.equal(weights(train(other, resume=True)), weights(expected))


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    data, dev = TaggedSentences(TOKENS, TAGS).settled(), TaggedSentences(TOKENS[:5], TAGS[:5]).settled()
    path, watch = tmp_path / "last.safetensors", StopAt(training=2, step=4)

    def model() -> SequenceTagger:
        return SequenceTagger(**SMALL, refit=True)

    expected = model().fit_sentences(data, dev=dev)
    with pytest.raises(Interrupted):
        model().fit_sentences(data, dev=dev, checkpoint=path, progress=watch)
    assert watch.records == 3, "the records of an epoch are those of the first training"
    resumed = model().fit_sentences(data, dev=dev, checkpoint=path, resume=True)
    assert torch.equal(weights(resumed), weights(expected))


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_a_run_says_so_and_measures_dev_before_it_is_learnt(tmp_path: Path, task: str) -> None:
    """On dev the first training's figures stand; on test, model and baseline have both learnt from dev."""
    rows: dict[str, list[dict[str, Any]]] = {
        "classify": [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)],
        "tag": [{"tokens": one, "tags": tags} for one, tags in zip(TOKENS, TAGS, strict=True)],
    }
    paths = [tmp_path / f"{name}.jsonl" for name in ("train", "dev", "test")]
    for path, part in zip(paths, (rows[task][:12], rows[task][12:18], rows[task][18:]), strict=True):
        path.write_text("\n".join(map(json.dumps, part)))
    source = DataSource(str(paths[0]), dev=str(paths[1]), test=str(paths[2]), task=task)
    said: list[str] = []
    for name in ("once", "twice"):
        start_run(source, SMALL | {"refit": name == "twice"}, tmp_path / name, say=said.append)
    once, twice = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("once", "twice"))
    assert once["dev"] == twice["dev"]
    assert said.count(AT_LAST) == 1
    assert AT_LAST[1:] in (tmp_path / "twice/report.html").read_text()
    assert (tmp_path / "twice/model.safetensors").read_bytes() != (tmp_path / "once/model.safetensors").read_bytes()
