"""Characters of words: a word's vector depends on its characters alone."""

import pytest
import torch

from treadle import InputError
from treadle.nn import POOLINGS
from treadle.nn.characters import CharacterEncoder

WORDS = torch.tensor([[2, 3, 4, 5], [5, 2, 0, 0], [0, 0, 0, 0], [7, 0, 0, 0]])
SIZES = torch.tensor([4, 2, 0, 1])


def encoder(**options: object) -> CharacterEncoder:
    torch.manual_seed(1)
    return CharacterEncoder(9, embedding_size=4, hidden_size=3, **options).double()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", ["lstm", "gru", "min-gru"])
def test_a_word_is_what_it_would_be_alone_and_none_is_zero(cell: str, pooling: str) -> None:
    model = encoder(cell=cell, pooling=pooling)
    vectors = model(WORDS, SIZES)
    for row, size in enumerate(SIZES.tolist()):
        torch.testing.assert_close(model(WORDS[row : row + 1, :size], SIZES[row : row + 1])[0], vectors[row])
    assert not vectors[2].any()
    other = WORDS.clone()
    other[1, 2:] = 8  # what stands past a word's end is never read
    assert torch.equal(model(other, SIZES), vectors)


def test_last_states_are_those_of_torch() -> None:
    model = encoder()
    theirs = torch.nn.LSTM(4, 3, batch_first=True, bidirectional=True).double()
    for direction, suffix in zip(model.stack.layers[0], ("", "_reverse"), strict=True):
        for name, value in direction.cell.named_parameters():
            getattr(theirs, f"{name}_l0{suffix}").data.copy_(value)
    _, (hidden, _) = theirs(model.embedding(WORDS[:1]))
    torch.testing.assert_close(model(WORDS[:1], SIZES[:1])[0], torch.cat([hidden[0, 0], hidden[1, 0]]))


def test_equal_words_share_one_vector_and_add_up_their_gradients() -> None:
    model = encoder()
    lengths = torch.tensor([3, 2, 0])
    words = torch.tensor([[0, 1, 0], [3, 0, 99], [-7, 99, 0]])  # past a length, no word at all
    vectors = model(WORDS, SIZES)
    spread = model.spread(vectors, words, lengths)
    assert torch.equal(spread[0, 0], vectors[0])
    assert torch.equal(spread[0, 2], spread[1, 1])
    assert not spread[1, 2:].any()
    assert not spread[2].any()
    (slope,) = torch.autograd.grad(spread.sum(), vectors)
    assert slope[:, 0].tolist() == [3, 1, 0, 1]


def test_a_batch_without_words() -> None:
    model = encoder()
    vectors = model(torch.zeros(0, 0, dtype=torch.long), torch.zeros(0, dtype=torch.long))
    assert vectors.shape == (0, 6)
    spread = model.spread(vectors, torch.zeros(2, 1, dtype=torch.long), torch.zeros(2, dtype=torch.long))
    assert spread.tolist() == [[[0.0] * 6]] * 2


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="no pooling 'first'"):
        encoder(pooling="first")
    with pytest.raises(InputError, match="have a size, found 0 and 30"):
        CharacterEncoder(0)
