"""Sequences of different lengths in one flat tensor, padded only when a batch is cut from them."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Rows = Sequence[int] | NDArray[np.integer[Any]] | Tensor
"""Row numbers: a list, a NumPy array or a tensor of integers. Negative numbers count from the end."""


class Ragged:
    """`n` sequences stored end to end.

    Row `i` is `values[offsets[i] : offsets[i + 1]]`. A data set is encoded into this form once; every batch
    is then cut out of it by index arithmetic, without a Python loop over its rows.

    Args:
        values: `[total, *feature]`, the steps of all rows one after the other. Any dtype.
        offsets: `[n + 1]`, int64, from 0 to `total`, never decreasing.

    Raises:
        ValueError: The offsets do not describe `values`.

    Example:
        >>> ragged = Ragged.from_arrays([[5, 6, 7], [8], []])
        >>> padded, lengths = ragged.pad([0, 1])
        >>> padded.tolist(), lengths.tolist()
        ([[5, 6, 7], [8, 0, 0]], [3, 1])
    """

    def __init__(self, values: Tensor, offsets: Tensor) -> None:
        if values.ndim == 0:
            raise ValueError("values has no time axis; expected [total, *feature]")
        if offsets.ndim != 1 or offsets.numel() == 0 or offsets.dtype != torch.int64:
            raise ValueError(f"offsets is {offsets.dtype} {list(offsets.shape)}; expected int64 [n + 1]")
        if offsets[0] != 0 or offsets[-1] != values.shape[0]:
            raise ValueError(
                f"offsets run from {int(offsets[0])} to {int(offsets[-1])}; expected 0 to {values.shape[0]}"
            )
        self.values = values
        self.offsets = offsets
        self.lengths = offsets.diff()
        """`[n]`, int64: the number of steps of every row."""
        if bool((self.lengths < 0).any()):
            raise ValueError("offsets decrease; expected them to rise from row to row")

    @classmethod
    def from_arrays(cls, arrays: Sequence[ArrayLike], *, dtype: torch.dtype | None = None) -> Self:
        """Join sequences into one `Ragged`.

        Args:
            arrays: One `[length, *feature]` array or list a row. An empty list is a row of length zero
                whatever the feature shape of the others.
            dtype: Of the values; by default the arrays' own (float32 if there is not a single step).

        Raises:
            ValueError: Two rows have different feature shapes; the message names the first row that differs.
        """
        parts = [np.asarray(array) for array in arrays]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        # `np.asarray([])` is float64 and one-dimensional: an empty row must not decide dtype or shape.
        filled = [part for part in parts if len(part)]
        if not filled:
            feature = max((part.shape[1:] for part in parts), key=len, default=())
            return cls(torch.zeros(0, *feature, dtype=dtype or torch.float32), torch.from_numpy(offsets))
        feature = filled[0].shape[1:]
        for row, part in enumerate(parts):
            if len(part) and part.shape[1:] != feature:
                raise ValueError(f"row {row} has feature shape {part.shape[1:]}; the rows before it {feature}")
        values = torch.from_numpy(np.concatenate(filled))
        return cls(values if dtype is None else values.to(dtype), torch.from_numpy(offsets))

    def __len__(self) -> int:
        return self.lengths.shape[0]

    def __getitem__(self, row: int) -> Tensor:
        """Row `row`, `[length, *feature]`, as a view."""
        row = range(len(self))[row]
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.values.split(self.lengths.tolist()))

    def __repr__(self) -> str:
        feature = list(self.values.shape[1:])
        return f"Ragged({len(self)} rows, {self.values.shape[0]} steps, feature {feature}, {self.values.dtype})"

    def to(self, device: torch.device | str) -> "Ragged":
        """The same sequences on another device; `pad` then cuts batches there."""
        return Ragged(self.values.to(device), self.offsets.to(device))

    def take(self, rows: Rows) -> "Ragged":
        """A new `Ragged` of the given rows, in the given order; a row may come more than once.

        Raises:
            IndexError: A row number is out of range or not an integer.
        """
        rows = self._rows(rows)
        lengths = self.lengths[rows]
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        # Step t of the result is at t - offsets[its row] inside its row, and the row starts at
        # self.offsets[rows].
        shift = (self.offsets[rows] - offsets[:-1]).repeat_interleave(lengths)
        return Ragged(self.values[torch.arange(len(shift), device=shift.device) + shift], offsets)

    def pad(self, rows: Rows, start: int = 0, stop: int | None = None) -> tuple[Tensor, Tensor]:
        """One batch: the given rows, zeros after each one's end.

        Args:
            rows: `B` row numbers.
            start: The first step that is wanted of each row.
            stop: The step after the last one that is; None for all.

        Returns:
            `padded [B, T, *feature]`, where `T` is the longest of these rows, and `lengths [B]` int64, both of what is
            wanted of them.

        Raises:
            IndexError: A row number is out of range or not an integer.
        """
        rows = self._rows(rows)
        lengths = (self.lengths[rows] - start).clamp(0, None if stop is None else stop - start)
        longest = int(lengths.max()) if len(rows) else 0
        if longest == 0:
            return self.values.new_zeros(len(rows), 0, *self.values.shape[1:]), lengths
        time = torch.arange(longest, device=lengths.device)
        # Past the end of a row the index reads the next row's steps, and past the end of all rows it is
        # held at the last step; both are overwritten with zeros.
        index = (self.offsets[rows][:, None] + start + time).clamp_(max=self.values.shape[0] - 1)
        padded = self.values.index_select(0, index.flatten()).unflatten(0, index.shape)
        past = (time >= lengths[:, None]).reshape(*index.shape, *[1] * (self.values.ndim - 1))
        return padded.masked_fill_(past, 0), lengths

    def _rows(self, rows: Rows) -> Tensor:
        """Row numbers as an int64 tensor on the device of the offsets, from 0 to n - 1."""
        index = torch.as_tensor(rows, device=self.offsets.device)
        if index.numel() == 0:
            return torch.zeros(0, dtype=torch.int64, device=self.offsets.device)
        if index.ndim != 1 or index.is_floating_point() or index.dtype == torch.bool:
            raise IndexError(f"rows is {index.dtype} {list(index.shape)}; expected a list of row numbers")
        index = index.to(torch.int64)
        index = torch.where(index < 0, index + len(self), index)
        if bool(((index < 0) | (index >= len(self))).any()):
            raise IndexError(f"a row number is out of range; there are {len(self)} rows")
        return index
