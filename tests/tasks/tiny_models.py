"""Models for searches that can be searched whole: three symbols and an end, probabilities hashed from the beginning."""

import itertools
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from treadle.tasks.search import Told

END, SYMBOLS, SOURCE = 0, 4, 3


@cache
def drawn(seed: int, sharpness: float, written: tuple[int, ...]) -> Tensor:
    draw = torch.Generator().manual_seed(hash((seed, *written)) % 2**31)
    return (sharpness * torch.randn(SYMBOLS, generator=draw)).log_softmax(0)


class TinyModel:
    """The probabilities of what comes next depend on the input and on everything written, by a seeded draw."""

    begin = end = END

    def __init__(self, seed: int = 0, sharpness: float = 1.0) -> None:
        self.seed, self.sharpness = seed, sharpness
        self.rows: list[int] = []

    def start(self, inputs: Sequence[int]) -> list[tuple[int, ...]]:
        return [(number,) for number in inputs]

    def log_probabilities(self, written: tuple[int, ...]) -> Tensor:
        return drawn(self.seed, self.sharpness, written)

    def step(self, state: list[tuple[int, ...]], symbols: Tensor) -> Told:
        self.rows.append(len(symbols))
        state = [(*own, symbol) for own, symbol in zip(state, symbols.tolist(), strict=True)]
        told = torch.stack([self.log_probabilities(own) for own in state])
        looked = torch.stack([torch.full((SOURCE,), float(sum(own[1:]))) for own in state])
        return Told(told, looked, state)

    def reorder(self, state: list[tuple[int, ...]], rows: Tensor) -> list[tuple[int, ...]]:
        return [state[row] for row in rows.tolist()]


def every_sequence(model: TinyModel, number: int, limit: int) -> dict[tuple[int, ...], float]:
    """All sequences of at most `limit` symbols, the end among them, with their log-probabilities."""
    found = {}
    for length in range(limit):
        for symbols in itertools.product(range(1, SYMBOLS), repeat=length):
            written, total = (number, END), 0.0
            for symbol in (*symbols, END):
                total += float(model.log_probabilities(written)[symbol])
                written = (*written, symbol)
            found[symbols] = total
    return found
