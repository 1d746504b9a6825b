"""Packing: the steps of a padded batch without its padding, in the order in which a kernel walks through them.

A kernel's threads each take some rows of the batch. The steps of a row are visited in order, and at every step the rows
that are still running stand together. Longer rows come first, so rows only end (or, in the reverse direction, only
begin) at the lower edge, and no time is spent on padding.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.compiler.cpu import team
from treadle.compiler.cpu.rows import take

Integers = NDArray[np.int64]

FEW_ROWS = 4
"""Below this many rows a thread, its steps are laid out one after the other, so that products of the input may take
many of them at once."""


@dataclass(frozen=True)
class Share:
    """The rows of one thread.

    Attributes:
        at: The packed row where each step begins, `[steps + 1]`, in the order of the forward pass.
        n: The rows of each step, with a 0 before the first and two after the last, `[steps + 3]`.
        first: The first row among those of all threads.
    """

    at: Integers
    n: Integers
    first: int

    @cached_property
    def together(self) -> bool:
        """Whether the rows of each step stand right after those of the step before."""
        return bool(np.array_equal(np.diff(self.at), self.n[1:-2]))

    @cached_property
    def entries(self) -> dict[str, int]:
        """What a thread's table says of it, the places of the two tables in memory included."""
        at, n = self.at.ctypes.data, self.n.ctypes.data
        return {"at": at, "n": n, "first": self.first, "together": int(self.together)}

    def backward(self) -> "Share":
        """The same in the opposite order."""
        at = np.concatenate([self.at[-2::-1], self.at[-1:]])
        n = self.n[1:-2][::-1]
        return Share(np.ascontiguousarray(at), np.concatenate([[0], n, [0, 0]]), self.first)


@dataclass(frozen=True, eq=False)
class Packing:
    """How a batch is packed.

    Attributes:
        batch: Rows.
        steps: Steps of the padded batch.
        size: Packed rows: real steps of all rows.
        shares: Of each thread.
        index: The place `b * steps + t` that each packed row comes from; None where the order is by step and row.
        rows: The order of the batch's rows; None where it is kept.
        longest: Rows of the largest step of a thread.
        every_row_runs: Whether each row has a step.
        apart: Packed rows from one row of a step to the next: 1, or all steps where the order is by row and step.
    """

    batch: int
    steps: int
    size: int
    shares: tuple[Share, ...]
    index: Tensor | None
    rows: Tensor | None
    longest: int
    every_row_runs: bool
    apart: int = 1

    @property
    def by_row(self) -> bool:
        """Whether the order is by row and step."""
        return self.batch == 1 or self.apart > 1

    def as_it_lies(self, x: Tensor) -> Tensor | None:
        """`x` with its leading axes in the packed order; None where it has to be copied."""
        if self.index is not None:
            return None
        turned = x if self.by_row else x.transpose(0, 1)
        return turned if turned.is_contiguous() else None

    def pack(self, x: Tensor, into: Tensor | None = None) -> Tensor:
        """`[batch, steps, feature]` of any strides to `[size, feature]`, contiguous as kernels read it.

        Args:
            x: What is packed.
            into: Where it goes; by default it is not copied where it lies right already.
        """
        if self.index is not None:
            into = x.new_empty(self.size, x.shape[2]) if into is None else into
            return take(x.reshape(-1, x.shape[2]), self.index, into)
        turned = x.transpose(0, 1)
        if into is None or turned.is_contiguous():
            return turned.reshape(self.size, x.shape[2]).contiguous()
        into.view(turned.shape).copy_(turned)
        return into

    def outlet(self, like: Tensor, width: int) -> Tensor:
        """Where a pass may write `width` numbers for every step and row where their order is that of steps and rows.

        `delivered` makes the output of it.
        """
        return like.new_empty(*((self.batch, self.steps) if self.by_row else (self.steps, self.batch)), width)

    def delivered(self, outlet: Tensor) -> Tensor:
        """What a pass wrote as `[batch, steps, feature]`, zeros in the padding."""
        if self.index is not None:
            return self.unpack(outlet)
        return outlet if self.by_row else outlet.transpose(0, 1)

    def unpack(self, packed: Tensor) -> Tensor:
        """`[size, feature]` to `[batch, steps, feature]`, zeros in the padding."""
        if self.index is None:
            return packed.view(self.steps, self.batch, packed.shape[1]).transpose(0, 1)
        whole = take(packed, self.places, packed.new_empty(self.batch * self.steps, packed.shape[1]))
        return whole.view(self.batch, self.steps, packed.shape[1])

    def pack_rows(self, state: Tensor) -> Tensor:
        """`[batch, feature]` in the packed order of rows."""
        return state.contiguous() if self.rows is None else state.index_select(0, self.rows)

    def unpack_rows(self, state: Tensor) -> Tensor:
        """`[batch, feature]` in the order of the batch."""
        return state if self.rows is None else torch.empty_like(state).index_copy_(0, self.rows, state)

    @cached_property
    def places(self) -> Tensor:
        """The packed row of each place `b * steps + t`; -1 in the padding."""
        assert self.index is not None
        found = torch.full((self.batch * self.steps,), -1)
        found[self.index] = torch.arange(self.size)
        return found

    @property
    def shared(self) -> bool:
        """Whether all rows are one share that several threads may have in common."""
        return len(self.shares) == 1 and self.rows is None and self.size > 0

    @cached_property
    def backward_shares(self) -> tuple[Share, ...]:
        """The shares in the order of the backward pass."""
        return tuple(share.backward() for share in self.shares)


def pack(
    batch: int, steps: int, lengths: Tensor | None, *, reverse: bool, threads: int, by_row: bool = False
) -> Packing:
    """Decide how a batch is packed.

    Args:
        batch: Rows.
        steps: Steps of the padded batch.
        lengths: `[batch]`, or None where all rows have all steps.
        reverse: Whether time runs from a row's last real step to its first.
        threads: Threads at most.
        by_row: Whether the input lies by row and step, and may be read there, as a pass may that sums nothing over
            steps. It is read there where that parts no rows which a product would otherwise take at once.
    """
    threads = max(1, min(threads, batch))
    if lengths is None:
        parts_none = batch // threads >= FEW_ROWS or (batch == threads and not reverse)
        return _even(batch, steps, reverse, threads, by_row and threads > 1 and parts_none)
    return _uneven(lengths.numpy().astype(np.int64).tobytes(), steps, reverse, threads)


@lru_cache(maxsize=256)
def _even(batch: int, steps: int, reverse: bool, threads: int, by_row: bool) -> Packing:
    """All rows have all steps."""
    portions = team.portions(batch, threads)
    few = batch // threads < FEW_ROWS and steps > 1 and not by_row
    time = np.arange(steps, dtype=np.int64)
    shares, sources = [], []
    for first, last in portions:
        rows = last - first
        forth = rows if few else 1 if by_row else batch
        at = np.arange(steps + 1, dtype=np.int64) * forth + (first * steps if few or by_row else first)
        if reverse and not few:
            at = np.concatenate([at[-2::-1], at[-1:]])
        n = np.concatenate([[0], np.full(steps, rows), [0, 0]]).astype(np.int64)
        shares.append(Share(np.ascontiguousarray(at), n, first))
        order = time[::-1] if reverse else time
        sources.append((np.arange(first, last)[None, :] * steps + order[:, None]).ravel())
    index = torch.from_numpy(np.concatenate(sources)) if few and (reverse or batch > 1) else None
    longest = max(last - first for first, last in portions) if steps else 0
    apart = steps if by_row and steps else 1
    return Packing(batch, steps, batch * steps, tuple(shares), index, None, longest, steps > 0, apart)


@lru_cache(maxsize=16)
def _uneven(known: bytes, steps: int, reverse: bool, threads: int) -> Packing:
    """Rows of different lengths: the longest first, dealt to the threads in turn; all steps of a thread together.

    The layers of a stack see the same lengths one after the other, which is what the last few are kept for.
    """
    lengths = np.frombuffer(known, dtype=np.int64)
    batch = len(lengths)
    longest_first = np.argsort(-lengths, kind="stable")
    hands = [longest_first[q::threads] for q in range(threads)]
    reach = int(lengths.max(initial=0))
    time = np.arange(reach, dtype=np.int64)[:: -1 if reverse else 1]
    counts = [np.searchsorted(-lengths[hand], -time, side="left") for hand in hands]
    size = int(lengths.sum())
    index = np.empty(size, dtype=np.int64)
    shares, first, begin = [], 0, 0
    for hand, count in zip(hands, counts, strict=True):
        at = begin + np.concatenate([[0], count.cumsum()])
        running = time[None, :] < lengths[hand][:, None]
        place = at[None, :-1] + np.arange(len(hand))[:, None]
        index[place[running]] = (hand[:, None] * steps + time[None, :])[running]
        shares.append(Share(at, np.concatenate([[0], count, [0, 0]]), first))
        first, begin = first + len(hand), int(at[-1])
    rows = torch.from_numpy(np.concatenate(hands))
    most = max((int(count.max(initial=0)) for count in counts), default=0)
    return Packing(
        batch,
        steps,
        size,
        tuple(shares),
        torch.from_numpy(index),
        rows,
        most,
        bool((lengths > 0).all()),
    )
