"""The decoder: a whole target as step by step, rows alone as together, and what it begins from."""

import pytest
import torch

from treadle.errors import InputError
from treadle.nn.decoder import Decoder, DecoderState, Encoded, final_states

INPUT, HIDDEN, MEMORY, SUMMARY, TIME, STEPS = 3, 6, 4, 5, 4, 7
LENGTHS, TARGETS = torch.tensor([7, 3, 0]), torch.tensor([4, 1, 3])
OPTIONS = {
    "plain": {},
    "deep gru": {"cell": "gru", "num_layers": 2, "residual": True},
    "coverage": {"coverage": True, "attention": "additive"},
    "fed": {"input_feeding": True, "attention": "scaled", "heads": 2},
    "fed, coverage": {"input_feeding": True, "coverage": True, "attention": "dot"},
}
KINDS = pytest.mark.parametrize("name", OPTIONS)


def drawn(name: str) -> Decoder:
    torch.manual_seed(4)
    options = {"cell": "lstm"} | OPTIONS[name]
    memory = HIDDEN if options.get("attention") == "dot" else MEMORY
    decoder = Decoder(options.pop("cell"), INPUT, HIDDEN, memory_size=memory, summary_size=SUMMARY, **options).double()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.uniform_(-0.6, 0.6)
    return decoder


def encoded(decoder: Decoder) -> Encoded:
    size = HIDDEN if decoder.attention.kind == "dot" else MEMORY
    return Encoded(torch.randn(3, STEPS, size).double(), LENGTHS, torch.randn(3, SUMMARY).double())


@KINDS
def test_a_whole_target_is_what_its_steps_are(name):
    decoder = drawn(name)
    memory, state = decoder.begin(encoded(decoder))
    x = torch.randn(3, TIME, INPUT).double()
    features, weights, after = decoder(x, memory, state)
    for place in range(TIME):
        one, looked, state = decoder.step(x[:, place], memory, state)
        torch.testing.assert_close(one, features[:, place])
        torch.testing.assert_close(looked, weights[:, place])
    for mine, other in zip(state.layers, after.layers, strict=True):
        torch.testing.assert_close(tuple(mine), tuple(other))


@KINDS
def test_padding_and_batch_mates_change_nothing(name):
    decoder = drawn(name)
    source, x = encoded(decoder), torch.randn(3, TIME, INPUT).double()
    leaves = tuple(decoder.parameters())

    def run(source: Encoded, x: torch.Tensor, targets: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Features of real steps, a row each, and the gradient of a loss over them."""
        features, _, _ = decoder(x, *decoder.begin(source), lengths=targets)
        found = [row[:length] for row, length in zip(features, targets.tolist(), strict=True)]
        return found, list(torch.autograd.grad(sum(row.square().sum() for row in found), leaves, allow_unused=True))

    real = torch.arange(STEPS) < LENGTHS[:, None]
    together, slopes = run(
        source._replace(values=source.values.masked_fill(~real[..., None], float("nan"))),
        x.masked_fill(~(torch.arange(TIME) < TARGETS[:, None])[..., None], float("nan")),
        TARGETS,
    )
    sums = [torch.zeros_like(leaf) for leaf in leaves]
    for row, (length, steps) in enumerate(zip(LENGTHS.tolist(), TARGETS.tolist(), strict=True)):
        only = slice(row, row + 1)
        mine = Encoded(source.values[only, :length], LENGTHS[only], source.summary[only])
        (alone,), parts = run(mine, x[only, :steps], TARGETS[only])
        torch.testing.assert_close(together[row], alone)
        sums = [total if part is None else total + part for total, part in zip(sums, parts, strict=True)]
    for mine, other in zip(slopes, sums, strict=True):
        torch.testing.assert_close(mine, other)


def test_rows_of_a_state_can_be_taken_more_than_once():
    decoder = drawn("fed, coverage")
    memory, state = decoder.begin(encoded(decoder))
    rows, x = torch.tensor([2, 0, 0]), torch.randn(3, INPUT).double()
    _, _, state = decoder.step(x, memory, state)
    whole, _, _ = decoder.step(x, memory, state)
    taken, _, _ = decoder.step(x[rows], memory.take(rows), state.take(rows))
    torch.testing.assert_close(taken, whole[rows])


def test_the_first_state_is_a_bounded_map_of_the_summary():
    decoder = drawn("deep gru")
    source = encoded(decoder)
    _, state = decoder.begin(source)
    assert isinstance(state, DecoderState)
    expected = torch.tanh(source.summary @ decoder.bridge.weight.T + decoder.bridge.bias)
    torch.testing.assert_close(final_states(state.layers), expected)


def test_inputs_of_another_size_are_refused():
    decoder = drawn("plain")
    memory, state = decoder.begin(encoded(decoder))
    with pytest.raises(InputError, match=r"x is \[batch, time, 3\], found \[3, 2, 5\]"):
        decoder(torch.zeros(3, 2, 5).double(), memory, state)
