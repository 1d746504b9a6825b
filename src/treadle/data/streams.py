"""Contiguous streams of text: documents end to end, cut in windows that a state is carried through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.data.ragged import Ragged
from treadle.data.vocabulary import PADDING
from treadle.errors import InputError

START = PADDING
"""What is read where nothing was before: padding, which is never anything else that is read."""


@dataclass(frozen=True)
class Window:
    """Some steps of several streams.

    Attributes:
        inputs: `[streams, time]`: the symbol before each target, `START` where a document begins.
        targets: `[streams, time]`: what is to be predicted.
        lengths: `[streams]`, or None where every stream fills the window.
        reset: `[streams, time]`: where a document begins, so that the state returns to its initial value; None where
            none does after the first step of a first window.
        first: Whether the streams begin here; otherwise they go on from the window before.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None
    reset: Tensor | None
    first: bool

    @property
    def tokens(self) -> int:
        """Targets that are no padding."""
        return self.targets.numel() if self.lengths is None else int(self.lengths.sum())

    def to(self, device: torch.device | str) -> "Window":
        """The same on another device."""
        moved = [None if t is None else t.to(device) for t in (self.inputs, self.targets, self.lengths, self.reset)]
        inputs, targets, lengths, reset = moved
        assert inputs is not None
        assert targets is not None
        return Window(inputs, targets, lengths, reset, self.first)


class Streams:
    """Cuts documents into streams and these into windows, for truncated backpropagation through time.

    All documents stand end to end, in an order drawn for every epoch, and begin at a place drawn for every epoch, so
    that windows do not break the text at the same places again. This sequence is cut in `rows` streams of equal length,
    and they in windows. Every token is the target of exactly one step of an epoch. What is drawn depends on seed and
    epoch alone.

    Args:
        documents: Numbers of the tokens of every document; one without tokens is left out.
        rows: Streams side by side; fewer where a stream would be shorter than a window.
        steps: Of a window.
        seed: Of what is drawn; zero or more.
        shuffle: False keeps the order and the beginning in every epoch.

    Raises:
        InputError: An option is out of its range, or there is no token.

    Example:
        >>> streams = Streams(Ragged.from_arrays([[5, 6, 7], [8, 9]]), rows=1, steps=3, shuffle=False)
        >>> [(window.inputs.tolist(), window.targets.tolist(), window.first) for window in streams.epoch(0)]
        [([[0, 5, 6]], [[5, 6, 7]], True), ([[0, 8]], [[8, 9]], False)]
    """

    def __init__(self, documents: Ragged, *, rows: int, steps: int, seed: int = 0, shuffle: bool = True) -> None:
        if rows < 1 or steps < 1:
            raise InputError(f"streams need at least 1 row and 1 step, found {rows} and {steps}")
        if seed < 0:
            raise InputError(f"seed is {seed}; expected 0 or more")
        self.tokens = len(documents.values)
        if self.tokens == 0:
            raise InputError("the text has no token, expected at least one")
        self.documents = documents
        self.rows = max(1, min(rows, self.tokens // steps))
        self.steps = steps
        self.seed = seed
        self.shuffle = shuffle

    def epoch(self, number: int) -> Sequence[Window]:
        """The windows of one epoch, in their order; their number is the same in every epoch, and known at once.

        Args:
            number: Of the epoch, from 0.
        """
        return _Epoch(self, number)

    @property
    def length(self) -> int:
        """Steps of a stream."""
        return -(-self.tokens // self.rows)

    def laid_out(self, number: int) -> tuple[list[Tensor], Tensor]:
        """Inputs, targets and resets of an epoch, each `[rows, length]`, and how many steps of each row are real."""
        documents, turn = self.documents, 0
        if self.shuffle:
            rng = np.random.default_rng([self.seed, number])
            documents = documents.take(rng.permutation(len(documents)))
            turn = int(rng.integers(self.tokens))
        begins = documents.offsets[:-1][documents.lengths > 0]
        reset = torch.zeros(self.tokens, dtype=torch.bool)
        reset[begins] = True
        inputs = documents.values.roll(1).masked_fill_(reset, START)
        missing = self.rows * self.length - self.tokens
        flats = (flat.roll(-turn) for flat in (inputs, documents.values, reset))
        parts = [torch.nn.functional.pad(flat, (0, missing)).view(self.rows, self.length) for flat in flats]
        return parts, (self.tokens - self.length * torch.arange(self.rows)).clamp(0, self.length)


class _Epoch(Sequence[Window]):
    """The windows of one epoch, laid out when the first is asked for; how many there are is known before."""

    def __init__(self, streams: Streams, number: int) -> None:
        self._streams, self._number = streams, number

    def __len__(self) -> int:
        return -(-self._streams.length // self._streams.steps)

    @cached_property
    def _laid_out(self) -> tuple[list[Tensor], Tensor]:
        return self._streams.laid_out(self._number)

    @overload
    def __getitem__(self, place: int) -> Window: ...
    @overload
    def __getitem__(self, place: slice) -> list[Window]: ...
    def __getitem__(self, place: int | slice) -> Window | list[Window]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        start = range(len(self))[place] * self._streams.steps
        return _cut(*self._laid_out, start, min(start + self._streams.steps, self._streams.length))


def _cut(parts: list[Tensor], lengths: Tensor, start: int, stop: int) -> Window:
    inputs, targets, reset = (part[:, start:stop] for part in parts)
    here = (lengths - start).clamp(0, stop - start)
    if start == 0:  # the initial state is what a reset gives
        reset = torch.cat([torch.zeros_like(reset[:, :1]), reset[:, 1:]], 1)
    return Window(
        inputs,
        targets,
        None if bool((here == stop - start).all()) else here,
        reset if bool(reset.any()) else None,
        first=start == 0,
    )


def document_rows(documents: Ragged, rows: NDArray[np.int64] | list[int]) -> Window:
    """Some documents, each a row of its own from its beginning to its end.

    Example:
        >>> window = document_rows(Ragged.from_arrays([[5, 6, 7], [8]]), [0, 1])
        >>> window.inputs[0].tolist(), window.targets.tolist(), window.lengths.tolist()
        ([0, 5, 6], [[5, 6, 7], [8, 0, 0]], [3, 1])
    """
    targets, lengths = documents.pad(rows)
    inputs = torch.nn.functional.pad(targets, (1, 0), value=START)[:, :-1]
    whole = bool((lengths == targets.shape[1]).all())
    return Window(inputs, targets, None if whole else lengths, None, first=True)


def whole_documents(
    documents: Ragged, *, rows: int = 64, tokens: int = 16_384
) -> Iterator[tuple[NDArray[np.int64], list[Window]]]:
    """Every document from its beginning to its end, in windows: exact, whatever the size of a batch.

    Args:
        documents: As in `Streams`.
        rows: Documents side by side at most, those of similar length together.
        tokens: Padded steps of a window at most, where it is not of a single step.

    Yields:
        Row numbers of the documents, and their windows in order; the first of each begins from the initial state.

    Example:
        >>> documents = Ragged.from_arrays([[5, 6, 7], [8]])
        >>> [(rows.tolist(), len(windows)) for rows, windows in whole_documents(documents, tokens=4)]
        [([0, 1], 2)]
    """
    order = torch.argsort(documents.lengths, descending=True, stable=True).numpy()
    for begin in range(0, len(order), rows):
        together = order[begin : begin + rows]
        whole = document_rows(documents, together)
        steps = max(1, tokens // len(together))
        windows = []
        for start in range(0, whole.targets.shape[1], steps):
            inputs, targets = whole.inputs[:, start : start + steps], whole.targets[:, start : start + steps]
            lengths = None if whole.lengths is None else (whole.lengths - start).clamp(0, targets.shape[1])
            windows.append(Window(inputs, targets, lengths, None, first=start == 0))
        yield together, windows
