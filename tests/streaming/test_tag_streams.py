"""A tagger on a stream: after every token, what the network and its chain know of it by then."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from treadle import LanguageModel, SequenceTagger
from treadle.data.tagging import TaggedSentences, convert
from treadle.errors import InputError
from treadle.nn import CRF
from treadle.streaming import Stream, StreamPool
from treadle.tasks import load
from treadle.tasks.tagging.filtering import ChainFilter

SENTENCES = ["we saw New York", "from Rome to Oslo", "they left", "in New York they saw Rome"]
PLACES = {"New": "B-LOC", "York": "I-LOC", "Rome": "B-LOC", "Oslo": "B-LOC"}
X = [sentence.split() for sentence in SENTENCES] * 4
Y = [[PLACES.get(token, "O") for token in tokens] for tokens in X]
SMALL: dict[str, Any] = {
    "bidirectional": False, "hidden_size": 6, "embedding_size": 5, "character_hidden_size": 3,
    "character_embedding_size": 4, "epochs": 2, "learning_rate": 0.05, "seed": 1,
}  # fmt: skip


def tagger(y: list[list[str]] = Y, labels: Any = None, **options: Any) -> SequenceTagger:
    return SequenceTagger(**(SMALL | options)).fit(X, y, labels=labels)


def filtered(model: SequenceTagger, tokens: list[str]) -> dict[str, float]:
    """Of the last token: the marginals of a chain whose end is free, over the emissions of the whole so far."""
    network, features = model.network_, model.features_
    batch = features.encode(TaggedSentences([tokens])).batch([0])
    with torch.no_grad():
        emissions, _ = network(batch)
    if network.crf is None:
        probable = emissions[0, -1].softmax(0)
    else:
        allowed = network.crf.allowed.clone()
        allowed[:, -1] = True
        free = CRF(network.crf.labels, allowed)
        with torch.no_grad():
            free.scores.copy_(network.crf.scores)
            free.scores[:, -1] = 0
        probable = free.marginals(emissions, batch.lengths)[0, -1]
    return dict(zip(features.tags, probable.tolist(), strict=True))


def in_iob2(inner: dict[str, float]) -> dict[str, float]:
    """Letters B and S are written B, letters I and E are written I."""
    found: dict[str, float] = {}
    for tag, probable in inner.items():
        name = tag.replace("S-", "B-").replace("E-", "I-")
        found[name] = found.get(name, 0.0) + probable
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decoder": "softmax", "cell": "gru"},
        {"layers": 2, "residual": True, "character_hidden_size": 0},
        {"engine": "eager"},
    ],
    ids=str,
)
def test_a_tag_is_that_of_the_whole_sentence_so_far(options: dict[str, Any]) -> None:
    model = tagger(**options)
    for tokens in (["in", "New", "York", "they", "Unheard-of", "Rome"], ["Oslo"]):
        stream = model.stream()
        for count, token in enumerate(tokens, 1):
            answer = stream.step(token if count % 2 else [token])
            expected = in_iob2(filtered(model, tokens[:count]))
            assert set(answer["tags"]) == {"O", "B-LOC", "I-LOC"} == set(expected)
            for tag, probable in expected.items():
                assert answer["tags"][tag] == pytest.approx(probable, abs=1e-5)
            assert answer["tag"] == max(expected, key=expected.__getitem__)
            assert answer["confidence"] == max(answer["tags"].values())


def test_labels_of_the_sentence_so_far_and_parts_of_speech() -> None:
    speech = [["NAME" if tag != "O" else "word" for tag in tags] for tags in Y]
    model = tagger(speech, ["place" if set(PLACES) & set(tokens) else "none" for tokens in X], pooling="attention")
    stream = model.stream()
    for count in range(1, 6):
        answer = stream.step(X[3][count - 1])
        assert answer["tags"] == pytest.approx(filtered(model, X[3][:count]), abs=1e-5)
        expected = model.tag(TaggedSentences([X[3][:count]])).labels
        assert expected is not None
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected[0], rtol=0, atol=1e-5)
        assert answer["label"] == model.predict_labels([X[3][:count]])[0]


def test_what_a_language_model_reads_goes_on_with_the_sentence(tmp_path: Any) -> None:
    language = LanguageModel(unit="word", hidden_size=5, layers=1, epochs=1, batch_size=2, bptt=8)
    language.fit("\n".join(SENTENCES * 8)).save(tmp_path / "language")
    model = tagger(init_from=str(tmp_path / "language"))
    stream = model.stream()
    for _ in range(2):  # the second time after a reset
        for count, token in enumerate(X[3], 1):
            assert stream.step(token)["tags"] == pytest.approx(in_iob2(filtered(model, X[3][:count])), abs=1e-5)
        stream.reset()


@pytest.mark.parametrize(("scheme", "inner"), [("bilou", "L"), ("bmewo", "M"), ("iob1", "B")])
def test_tags_are_written_as_the_training_data_writes_them(scheme: Any, inner: str) -> None:
    model = tagger([convert(tags, "iob2", scheme) for tags in Y])
    names = set(model.stream().step("Rome")["tags"])
    assert f"{inner}-LOC" in names
    assert names <= {*model.features_.answers}


def test_the_filter_is_the_sum_over_all_sequences() -> None:
    """Also where emissions are so far apart that exponentials vanish."""
    random = np.random.default_rng(0)
    allowed = torch.ones(4, 4, dtype=torch.bool)
    allowed[0, 1] = allowed[3, 2] = allowed[1, 1] = False
    crf = CRF(3, allowed)
    with torch.no_grad():
        crf.scores.copy_(torch.from_numpy(random.normal(size=(4, 4))))
    scores = np.where(allowed.numpy(), crf.scores.detach().numpy(), -np.inf)
    for size in (1.0, 400.0):
        emissions = random.normal(size=(5, 3)) * size
        chain = ChainFilter(3, crf)
        state = chain.initial[None]
        for count in range(1, 6):
            state = chain.step(state, emissions[None, count - 1])
            totals = [[], [], []]  # type: list[list[float]]
            for path in product(range(3), repeat=count):
                moves = sum(scores[a, b] for a, b in zip((3, *path), path, strict=False))
                totals[path[-1]].append(moves + sum(emissions[t, label] for t, label in enumerate(path)))
            logs = np.array([np.logaddexp.reduce(some) for some in totals])
            np.testing.assert_allclose(state[0, :3], logs - np.logaddexp.reduce(logs), rtol=1e-9, atol=1e-9)


def test_streams_are_alike_in_a_pool_after_a_snapshot_and_after_a_step_that_cannot_be_used(tmp_path: Any) -> None:
    model = tagger()
    model.save(tmp_path / "model")
    alone = [Stream(model) for _ in range(3)]
    pool = StreamPool(model)
    for tokens in zip(*(sentence[:2] for sentence in X[:3]), strict=True):
        expected = [stream.step(token) for stream, token in zip(alone, tokens, strict=True)]
        for answer, one in zip(pool.step(["a", "b", "c"], list(tokens)), expected, strict=True):
            assert answer["tags"] == pytest.approx(one["tags"], abs=1e-6)
    snapshot = alone[0].snapshot()
    for wrong in ("", "two words", ["New", "York"], [], 3):
        with pytest.raises(InputError, match="a step of this stream is one token without white space, found"):
            alone[0].step(wrong)
    assert alone[0].snapshot() == snapshot
    again = load(tmp_path / "model").stream()
    again.restore(snapshot)
    assert [again.step(token) for token in X[0][2:]] == [alone[0].step(token) for token in X[0][2:]]


def test_a_bidirectional_tagger_is_refused_with_what_to_train_instead() -> None:
    with pytest.raises(InputError, match=r"this tagger is bidirectional.*train a causal one with bidirectional=False"):
        tagger(bidirectional=True, epochs=1).stream()
