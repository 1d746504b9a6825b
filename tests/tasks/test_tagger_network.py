"""The tagger's network: what it says of a sentence depends on that sentence alone, and characters carry new words."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from treadle import InputError
from treadle.data.vocabulary import PADDING, UNKNOWN
from treadle.tasks.settings import check
from treadle.tasks.tagging.network import TaggerBatch, TaggerNetwork
from treadle.tasks.tagging.settings import TaggerSettings

WORDS, LETTERS, TAGS, LABELS = 12, 9, 4, 3
LENGTHS = [5, 0, 1, 3]


def settings(**changed: Any) -> TaggerSettings:
    values = {
        "cell": "lstm",
        "hidden_size": 4,
        "layers": 2,
        "residual": False,
        "dropout": 0.3,
        "init": "recommended",
        "engine": "auto",
        "bidirectional": True,
        "decoder": "crf",
        "embedding_size": 5,
        "train_embedding": True,
        "embedding_dropout": 0.2,
        "word_dropout": 0.1,
        "character_cell": "gru",
        "character_embedding_size": 3,
        "character_hidden_size": 3,
        "character_pooling": "last",
        "pooling": "max",
        "label_weight": 0.5,
    }
    return check(TaggerSettings, values | changed)


def network(*, labels: int = LABELS, vectors: Tensor | None = None, **changed: Any) -> TaggerNetwork:
    torch.manual_seed(5)
    sizes = {"words": WORDS, "characters": LETTERS, "tags": TAGS, "labels": labels}
    return TaggerNetwork(settings(**changed), **sizes, vectors=vectors).double()


def batch_of(*rows: int, longer: int = 0, nonsense: int = 0) -> TaggerBatch:
    """Some of four sentences, padded with a number that is no word, no spelling and no tag."""
    draw = torch.Generator().manual_seed(7)
    words = torch.randint(1, WORDS, (4, 5), generator=draw)
    tags = torch.randint(TAGS, (4, 5), generator=draw)
    letters = torch.randint(1, LETTERS, (WORDS, 4), generator=draw)
    sizes = torch.randint(0, 5, (WORDS,), generator=draw)
    labels = torch.tensor([0, 2, 1, 1])
    chosen = list(rows)
    lengths = torch.tensor(LENGTHS)[chosen]
    steps = int(lengths.max()) + longer
    real = torch.arange(steps) < lengths[:, None]

    def cut(x: Tensor) -> Tensor:
        return nn.functional.pad(x[chosen], (0, max(0, steps - 5)))[:, :steps].masked_fill(~real, nonsense)

    distinct, spellings = words[chosen].unique(return_inverse=True)
    spread = torch.zeros(4, 5, dtype=torch.long).index_copy(0, torch.tensor(chosen), spellings)
    return TaggerBatch(cut(words), lengths, letters[distinct], sizes[distinct], cut(spread), cut(tags), labels[chosen])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_a_sentence_is_what_it_would_be_alone(decoder: str, pooling: str) -> None:
    model = network(decoder=decoder, pooling=pooling).eval()
    together = batch_of(3, 0, 1, 2, longer=2, nonsense=-100)
    emissions, _ = model(together)
    decoded = model.decode(together)
    of_tags, of_labels = model.losses(together)
    for place, row in enumerate((3, 0, 1, 2)):
        alone, length = batch_of(row), LENGTHS[row]
        only = model.decode(alone)
        for whole, mine in [
            (emissions, model(alone)[0]),
            (decoded.tags, only.tags),
            (decoded.marginals, only.marginals),
            (decoded.confidence, only.confidence),
        ]:
            torch.testing.assert_close(whole[place, :length], mine[0])
            assert not whole[place, length:].any()
        torch.testing.assert_close(decoded.log_probability[place], only.log_probability[0])
        torch.testing.assert_close(decoded.label_probabilities[place], only.label_probabilities[0])
        torch.testing.assert_close(of_tags[place], model.losses(alone)[0][0])
        torch.testing.assert_close(of_labels[place], model.losses(alone)[1][0])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_the_loss_is_that_of_the_sentences_by_tokens_and_of_their_labels(decoder: str) -> None:
    model = network(decoder=decoder).eval()
    pairs = [model.losses(batch_of(row)) for row in range(4)]
    tags = sum(of_tags.item() for of_tags, _ in pairs) / sum(LENGTHS)
    labels = sum(of_labels.item() for _, of_labels in pairs) / 4
    assert model.loss(batch_of(0, 1, 2, 3)).item() == pytest.approx(tags + 0.5 * labels)


def test_the_softmax_is_the_probability_of_each_tag_alone() -> None:
    model, batch = network(decoder="softmax", labels=0).eval(), batch_of(0)
    decoded = model.decode(batch)
    probability = model(batch)[0][0].softmax(1)
    torch.testing.assert_close(decoded.marginals[0].double(), probability, atol=1e-6, rtol=0)
    assert torch.equal(decoded.tags[0], probability.argmax(1))
    torch.testing.assert_close(decoded.log_probability[0].double(), probability.amax(1).log().sum(), atol=1e-5, rtol=0)
    assert decoded.label_probabilities is None
    expected = -probability[torch.arange(5), batch.tags[0]].log().sum()
    torch.testing.assert_close(model.losses(batch)[0][0].double(), expected, atol=1e-5, rtol=0)


def test_training_reaches_every_parameter() -> None:
    model = network(pooling="attention").train()
    model.loss(batch_of(0, 1, 2, 3)).backward()
    untouched = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not untouched
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def spelt(letters: list[int], word: int = UNKNOWN) -> TaggerBatch:
    return TaggerBatch(
        words=torch.tensor([[word]]),
        lengths=torch.tensor([1]),
        characters=torch.tensor([letters]),
        sizes=torch.tensor([len(letters)]),
        spellings=torch.tensor([[0]]),
    )


def test_words_that_training_did_not_hold_differ_by_their_characters() -> None:
    with_characters, without = network().eval(), network(character_hidden_size=0).eval()
    seen = [model.encode(spelt(letters)) for model in (with_characters, without) for letters in ([2, 3], [2, 4])]
    assert not torch.allclose(seen[0], seen[1], atol=1e-4)
    assert torch.equal(seen[2], seen[3])


def test_a_rule_about_last_letters_holds_for_words_that_were_never_seen() -> None:
    """A word's tag is its last letter's parity; half of all words are in training, each under a number of its own."""
    torch.manual_seed(2)
    spellings = torch.cartesian_prod(torch.arange(2, 8), torch.arange(2, 8), torch.arange(2, 8))
    spellings = spellings[torch.randperm(len(spellings))]
    model = TaggerNetwork(
        settings(hidden_size=8, layers=1, character_hidden_size=8, character_embedding_size=8, word_dropout=0.5),
        words=110,
        characters=8,
        tags=2,
    )
    known, new = spellings[:108], spellings[108:]
    numbers = torch.arange(2, 110)

    def batch(rows: Tensor, numbers: Tensor) -> TaggerBatch:
        places = torch.arange(len(rows)).view(-1, 4)
        lengths = torch.full((len(places),), 4)
        return TaggerBatch(
            numbers[places], lengths, rows, torch.full((len(rows),), 3), places, rows[places][..., 2] % 2
        )

    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        order = torch.randperm(108)
        optimizer.zero_grad()
        model.loss(batch(known[order], numbers[order])).backward()
        optimizer.step()
    unseen = batch(new, torch.full((108,), UNKNOWN))
    found = model.eval().decode(unseen)
    assert (found.tags == unseen.tags).float().mean() > 0.95
    assert found.confidence.mean() > 0.8


def test_word_dropout_makes_words_unknown_in_training_alone() -> None:
    quiet = {"dropout": 0.0, "embedding_dropout": 0.0}
    model, batch = network(word_dropout=0.999999, **quiet).train(), batch_of(0, 2)
    real = torch.arange(5) < batch.lengths[:, None]
    unknown = replace(batch, words=torch.where(real, UNKNOWN, PADDING))
    torch.testing.assert_close(model.encode(batch), model.encode(unknown))
    model.eval()
    assert not torch.allclose(model.encode(batch), model.encode(unknown), atol=1e-3)
    half = network(word_dropout=0.5, **quiet).train()
    assert not torch.equal(half.encode(batch), half.encode(batch))


def test_given_vectors_are_where_words_begin_and_may_be_frozen() -> None:
    vectors = torch.randn(WORDS, 5)
    for trained in (False, True):
        model = network(vectors=vectors, train_embedding=trained)
        assert torch.equal(model.embedding.weight[1:], vectors[1:].double())
        assert not model.embedding.weight[PADDING].any()
        model.loss(batch_of(0, 3)).backward()
        assert (model.embedding.weight.grad is not None) == trained
    assert network(train_embedding=False).embedding.weight.requires_grad  # fresh ones would never become anything


def test_forbidden_tags_are_not_given() -> None:
    allowed = torch.ones(TAGS + 1, TAGS + 1, dtype=torch.bool)
    allowed[:, 2] = allowed[0, 0] = False
    model = TaggerNetwork(settings(), words=WORDS, characters=LETTERS, tags=TAGS, allowed=allowed).eval()
    with torch.no_grad():
        model.head.bias[2] = model.head.bias[0] = 50.0
    decoded = model.decode(batch_of(0, 1, 2, 3))
    assert not (decoded.tags == 2).any()
    assert not decoded.marginals[..., 2].any()
    assert decoded.tags[0].tolist().count(0) == 3  # every other one, at most


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_sentences_without_tokens(decoder: str) -> None:
    model, batch = network(decoder=decoder), batch_of(1)
    decoded = model.eval().decode(batch)
    assert decoded.tags.shape == (1, 0)
    assert decoded.log_probability.tolist() == [0.0]
    assert decoded.label_probabilities.sum().item() == pytest.approx(1)
    model.train().loss(batch).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="decoder is 'viterbi', expected 'crf' or 'softmax'"):
        settings(decoder="viterbi")
    with pytest.raises(InputError, match=r"word vectors are \[12, 5\], found \[12, 4\]"):
        network(vectors=torch.zeros(WORDS, 4))
    batch = batch_of(0)
    with pytest.raises(InputError, match="the batch has none"):
        network()(replace(batch, characters=None))
    with pytest.raises(InputError, match="a loss needs the gold tags"):
        network().loss(replace(batch, labels=None))


def test_a_batch_moves_as_a_whole() -> None:
    moved = replace(batch_of(0), tags=None).to("meta")
    assert moved.words.device.type == moved.characters.device.type == "meta"
    assert moved.tags is None
