"""A step of several streams at once: their states gathered, the model run, what it says and their states after."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.streaming.model import HELD, StreamModel
from treadle.streaming.states import STEPS, Array, Integers, States

Load = Callable[[Integers | slice], None]
"""Puts the states of these places of a batch into the model."""


def step_batch(
    model: StreamModel, states: States, rows: Integers, elements: Sequence[Array] | Array
) -> tuple[Any, dict[str, Array]]:
    """The answers of several streams to a step each, and their states after it.

    Args:
        model: What they run; no more rows than it has.
        states: Of all streams; it stays as it is.
        rows: Of the streams, -1 for one that begins.
        elements: As `StreamModel.read_all` gives them.
    """
    taken = np.zeros(len(rows), dtype=np.int64)
    states.gather(rows, {STEPS: taken})
    if model.pieces is not None:
        return _step_texts(model, states, rows, elements, taken)
    sizes = _sizes(elements)
    answers, after = _run(model, elements, sizes, lambda places: states.gather(rows[places], model.state))
    return answers, {**after, STEPS: taken + sizes}


def _step_texts(
    model: StreamModel, states: States, rows: Integers, pieces: Sequence[Array] | Array, taken: Integers
) -> tuple[Any, dict[str, Array]]:
    """As `step_batch`, of texts whose end is read for this answer alone."""
    assert model.pieces is not None
    held = np.repeat(model.pieces.begin[None], len(rows), 0)
    states.gather(rows, {HELD: held})
    joined = [model.pieces.join(before, piece) for before, piece in zip(held, pieces, strict=True)]
    sure = [one.sure for one in joined]
    answers, after = _run(model, sure, _sizes(sure), lambda places: states.gather(rows[places], model.state))
    after[HELD] = np.stack([one.held for one in joined])
    after[STEPS] = taken + [one.added for one in joined]
    ahead = {place: one.ahead for place, one in enumerate(joined) if len(one.ahead)}
    if ahead:
        chosen = np.array(list(ahead))

        def load(places: Integers | slice) -> None:
            for name, field in model.state.items():
                field[: len(chosen)] = after[name][chosen[places]]

        told, _ = _run(model, list(ahead.values()), _sizes(list(ahead.values())), load)
        for place, answer in zip(ahead, told, strict=True):
            answers[place] = answer
    return answers, after


def _sizes(elements: Sequence[Array] | Array) -> Integers:
    """Elements of each stream."""
    if isinstance(elements, np.ndarray):
        return np.full(len(elements), elements.shape[1])
    return np.array([len(one) for one in elements])


def _run(
    model: StreamModel, elements: Sequence[Array] | Array, sizes: Integers, load: Load
) -> tuple[Any, dict[str, Array]]:
    """The answers to a batch, and the states after it, by place."""
    count = len(sizes)
    if isinstance(elements, np.ndarray):
        load(slice(None))
        for x in elements.swapaxes(0, 1):
            model.advance(x)
        return model.answers(count), {name: field[:count].copy() for name, field in model.state.items()}
    order = np.argsort(-sizes, kind="stable")  # those who have more to read stand at the beginning
    back = np.argsort(order, kind="stable")
    ordered = [elements[row] for row in order.tolist()]
    load(order)
    for t in range(int(sizes.max())):
        model.advance(np.stack([one[t] for one in ordered if len(one) > t]))
    after = {name: field[:count][back] for name, field in model.state.items()}
    answers = model.answers(count)
    return answers[back] if isinstance(answers, np.ndarray) else [answers[place] for place in back.tolist()], after
