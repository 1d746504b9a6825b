"""A tagger that reads what a language model makes of the words: its numbers, its order, its layers; refusals."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from treadle import InputError, LanguageModel, SequenceTagger, load
from treadle.data.tagging import TaggedSentences
from treadle.data.vocabulary import UNKNOWN

NAMES = {"LOC": [f"Place{number}" for number in range(16)], "PER": [f"Person{number}" for number in range(16)]}
AFTER = {"LOC": ["is warm", "is far away"], "PER": ["was late", "laughed again"]}
"""What a text says of them, and tagged sentences do not."""


def tagged(count: int, *, names: int = 16, seed: int = 1) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences with one of the first so many places or people, which nothing but the name tells apart."""
    draw = random.Random(seed)
    x, y = [], []
    for _ in range(count):
        type_ = draw.choice(["LOC", "PER"])
        before = draw.choices(["we", "saw", "then", "and"], k=draw.randint(1, 4))
        x.append([*before, draw.choice(NAMES[type_][:names])])
        y.append([*("O" for _ in before), f"B-{type_}"])
    return x, y


def text(count: int) -> list[str]:
    """The same with what follows the name."""
    draw, (x, y) = random.Random(0), tagged(count, seed=2)
    return [" ".join([*tokens, draw.choice(AFTER[tags[-1][2:]])]) for tokens, tags in zip(x, y, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model that has read of all the names, a sentence a document, in lower case."""
    path = tmp_path_factory.mktemp("language") / "model"
    options = {"hidden_size": 12, "embedding_size": 10, "layers": 2, "batch_size": 4, "bptt": 16, "learning_rate": 0.02}
    noise = ("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_drop")
    quiet = {"averaging": 0.0, **dict.fromkeys(noise, 0.0)}
    LanguageModel(unit="word", lowercase=True, epochs=10, **options, **quiet).fit(text(400)).save(path)
    return path


def begun(folder: Path | None, **options: object) -> SequenceTagger:
    fast = {"hidden_size": 8, "embedding_size": 8, "character_hidden_size": 0, "learning_rate": 0.02, "batch_size": 8}
    quiet = {"dropout": 0.0, "embedding_dropout": 0.0, "averaging": 0.0, "epochs": 2}
    return SequenceTagger(init_from=folder and str(folder), **(fast | quiet | options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tagger(folder: Path) -> SequenceTagger:
    """One of spans and labels, every layer of which has learnt."""
    x, y = tagged(48)
    return begun(folder, epochs=8).fit(x, y, labels=[tags[-1] for tags in y])


def contexts(tagger: SequenceTagger, x: list[list[str]]) -> torch.Tensor:
    batch = tagger.features_.encode(TaggedSentences(x)).batch(np.arange(len(x)))
    assert tagger.network_.context is not None
    assert batch.context is not None
    with torch.no_grad():
        return tagger.network_.context(batch.context, batch.lengths)


def test_it_reads_what_the_language_model_holds_after_each_word(folder: Path) -> None:
    """With every layer still frozen: the outputs of its stack over the words as its own codec numbers them."""
    frozen = begun(folder, unfreeze_epochs=9).fit(*tagged(24))
    language = load(folder)
    x = ["We", "saw", "Place7", "unheard", "and", "Person8"]
    ids = language.codec_.encode(" ".join(x))
    assert ids[3] == UNKNOWN
    assert UNKNOWN not in ids[[0, 1, 2, 4, 5]]
    with torch.no_grad():
        read = language.network_.embedding(torch.tensor([[0, *ids]]))  # 0 is read where nothing was before
        expected, _ = language.network_.stack(read)
    torch.testing.assert_close(contexts(frozen, [x])[0], expected[0, 1:])


def test_a_sentence_begins_after_a_line_end_where_the_language_model_knows_one(tmp_path: Path) -> None:
    options = {"hidden_size": 6, "layers": 1, "epochs": 1, "batch_size": 2, "bptt": 8}
    LanguageModel(unit="word", **options).fit("\n".join(text(60))).save(tmp_path / "m")
    frozen = begun(tmp_path / "m", unfreeze_epochs=9, epochs=1).fit(*tagged(24))
    language = load(tmp_path / "m")
    ids = language.codec_.encode("\nwe saw Place1")
    with torch.no_grad():
        expected, _ = language.network_.stack(language.network_.embedding(torch.from_numpy(ids)[None]))
    torch.testing.assert_close(contexts(frozen, [["we", "saw", "Place1"]])[0], expected[0, 1:])


def test_names_that_only_the_language_model_has_met_are_found(folder: Path) -> None:
    """Tagged sentences hold six of the sixty; nothing but the language model tells the types of the others."""
    train, test = tagged(60, names=3), tagged(120, seed=3)
    with_it, without = (begun(start, epochs=12).fit(*train).score(*test) for start in (folder, None))
    assert with_it > 0.9
    assert without < 0.7


def test_the_sizes_are_the_taggers_own(tagger: SequenceTagger) -> None:
    assert tagger.describe() == "Bidirectional LSTM with a CRF"
    assert tagger.network_.stack.input_size == 8 + 12  # a word's embedding and the language model's output
    assert len(tagger.explain()) == 2


def test_a_sentence_is_what_it_would_be_alone(tagger: SequenceTagger) -> None:
    x, _ = tagged(6)
    x += [x[0] + x[1], x[2][:1]]
    for row, alone in zip(tagger.predict_proba(x), (tagger.predict_proba([tokens])[0] for tokens in x), strict=True):
        np.testing.assert_allclose(row, alone, atol=1e-6)


def test_padding_says_nothing(tagger: SequenceTagger) -> None:
    """Neither in outputs nor in gradients; and a sentence without words has no emissions."""
    x, y = tagged(3)
    network = tagger.network_
    data = TaggedSentences([[], *x], [[], *y], ["B-LOC", *(tags[-1] for tags in y)])
    encoded = tagger.features_.encode(data, gold=True)
    found = []
    for nonsense in (0, -100):
        some = encoded.batch(np.arange(4))
        assert some.context is not None
        for row, length in enumerate(some.lengths.tolist()):
            some.context[row, length:] = nonsense
        network.zero_grad()
        emissions, labels = network(some)
        network.loss_of((emissions, labels), some).backward()
        found.append([emissions, labels, *(parameter.grad.clone() for parameter in network.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
    assert not found[0][0][0].any()


def test_a_saved_tagger_needs_no_language_model(folder: Path, tmp_path: Path) -> None:
    x, y = tagged(24)
    shutil.copytree(folder, tmp_path / "language")
    model = begun(tmp_path / "language").fit(x, y)
    model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "language")
    again = load(tmp_path / "model")
    for ours, theirs in zip(model.predict_proba(x), again.predict_proba(x), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.features_ == model.features_


def test_what_is_fresh_learns_at_once_and_the_language_model_thaws_from_its_top(folder: Path) -> None:
    """One more an epoch. Dev is the training data, so that the last epoch is the best."""
    x, y = tagged(24)
    options = {"schedule": "constant", "learning_rate": 2e-4, "character_hidden_size": 4}
    models = [begun(folder, epochs=epochs, **options).fit(x, y, dev=(x, y)) for epochs in range(1, 5)]
    states = [model.network_.state_dict() for model in models]
    language = {f"context.{name}": value for name, value in load(folder).network_.state_dict().items()}
    states.insert(0, models[0].build_network().state_dict() | {n: v for n, v in language.items() if n in states[0]})
    learns = {
        name: next((epoch for epoch in range(1, 5) if not torch.equal(states[epoch][name], states[0][name])), 0)
        for name, value in states[0].items()
        if value.is_floating_point()
    }
    order = [["head.", "crf.", "stack.", "embedding.", "characters."]]
    order += [["context.stack.layers.1."], ["context.stack.layers.0."], ["context.embedding."]]
    expected = {part: epoch for epoch, parts in enumerate(order, 1) for part in parts}
    for name, epoch in learns.items():
        assert epoch == next(expected[part] for part in expected if name.startswith(part)), name


@pytest.mark.parametrize(("unit", "said"), [("char", "characters"), ("byte", "bytes"), ("subword", "pieces of words")])
def test_only_a_language_model_of_words_can_be_begun_from(tmp_path: Path, unit: str, said: str) -> None:
    options = {"hidden_size": 4, "layers": 1, "epochs": 1, "batch_size": 2, "bptt": 8}
    LanguageModel(unit=unit, **options).fit(text(40)).save(tmp_path / "m")
    with pytest.raises(InputError, match=f"m: is a language model of {said}, expected one of words for a tagger"):
        begun(tmp_path / "m").fit(*tagged(24))
