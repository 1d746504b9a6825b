"""Operands: what the products of a pass multiply with, and what a call makes of the parameters before the loop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from treadle.compiler.cpu.bias import Bias
from treadle.compiler.cpu.digest import Content
from treadle.compiler.cpu.weights import Weights
from treadle.compiler.slabs import Slab

TILED_ROWS, TILED_INPUTS = 8, 32
"""Rows and inputs from which a product is faster in tiles, of 16 by 32, which are never read in part."""

TILED_WORK = 4_000_000
"""Multiply-adds of a call from which that is worth splitting the weights into parts."""

TILED_WORK_KEPT = 1_000_000
"""The same where the parts are kept for the next call."""

Forms = tuple[bool, ...]
"""Of every operand, whether its weights are read as tiles."""


@dataclass(frozen=True)
class Operand:
    """What a product multiplies with, and how.

    Attributes:
        forms: Its weights in panels and, where the processor has tiles, for these.
        hoisted: Whether it is multiplied for many steps at once.
        choice: The slot that says which of the forms is read; None where there is one.
        depth: The slot of the numbers that a column takes; None where nobody asks.
    """

    forms: list[Weights]
    hoisted: bool
    choice: int | None
    depth: int | None

    def takes_tiles(self, rows: float, all_rows: int, work: int) -> bool:
        """Whether products of so many rows at once, and of so many in a call, are faster in tiles.

        Args:
            rows: Rows of a product.
            all_rows: Rows of all products of a call.
            work: Multiply-adds of a call from which tiles pay.
        """
        weights = self.forms[0]
        enough = rows >= TILED_ROWS and weights.inputs >= TILED_INPUTS
        return len(self.forms) > 1 and enough and all_rows * weights.inputs * weights.outputs >= work

    def entries(self, weights: Weights, tiled: bool) -> list[tuple[int, int]]:
        """What the table says of the form that was chosen."""
        told = ((self.choice, int(tiled)), (self.depth, weights.depth))
        return [(slot, value) for slot, value in told if slot is not None]


@dataclass(frozen=True)
class Prepared:
    """What a pass makes of the parameters before its loop.

    Attributes:
        entries: What its table says of them.
        held: What holds it.
    """

    entries: list[tuple[int, int]]
    held: list[Slab | Tensor]


@dataclass(frozen=True)
class _Layout:
    """Where everything lies that is made of the parameters.

    Attributes:
        weights: The form of every operand.
        slots: Of the weights, then of the biases.
        begins: Bytes from the beginning of the memory to each of them.
        size: Bytes of all.
        told: What the table says of the forms.
    """

    weights: list[Weights]
    slots: list[int]
    begins: list[int]
    size: int
    told: list[tuple[int, int]]


@dataclass
class Operands:
    """All that a pass reads of the parameters.

    Attributes:
        dtype: Of all numbers.
        vectors: Parameters that are read as they are: a slot and the number of each.
        kept: Whether what is made of them is kept for the next call: where no gradient follows, weights are often the
            same as in the call before.
        products: What products multiply with.
        biases: What products begin from.
    """

    dtype: torch.dtype
    vectors: list[tuple[int, int]]
    kept: bool
    products: list[Operand] = field(default_factory=list)
    biases: list[Bias] = field(default_factory=list)
    _layouts: dict[Forms, _Layout] = field(default_factory=dict)
    _last: dict[Forms, tuple[Any, Prepared]] = field(default_factory=dict)
    _content: Content = field(default_factory=Content)

    def forms(self, rows: float, together: float, all_rows: int) -> Forms:
        """How every operand is read best.

        Args:
            rows: Rows of a step's products.
            together: Rows of a hoisted product.
            all_rows: Rows of all steps.
        """
        work = TILED_WORK_KEPT if self.kept else TILED_WORK
        return tuple(one.takes_tiles(together if one.hoisted else rows, all_rows, work) for one in self.products)

    def prepare(self, derived: Sequence[Tensor], forms: Forms | None = None) -> Prepared:
        """Weights in panels, biases summed.

        Args:
            derived: The parameters.
            forms: Of every operand, whether its weights are read as tiles; None where none are.
        """
        chosen = forms or (False,) * len(self.products)
        layout = self._layouts.get(chosen)
        if layout is None:
            layout = self._layouts[chosen] = self._layout(chosen)
        slab = Slab(layout.size)
        addresses = [slab.address + begin for begin in layout.begins]
        for one, address in zip(layout.weights, addresses, strict=False):
            one.pack(derived, address)
        for bias, address in zip(self.biases, addresses[len(layout.weights) :], strict=True):
            bias.sum(derived, address)
        vectors = [derived[number].detach() for _, number in self.vectors]
        vectors = [vector if vector.is_contiguous() else vector.contiguous() for vector in vectors]
        entries = [*layout.told, *zip(layout.slots, addresses, strict=True)]
        entries += [(slot, vector.data_ptr()) for (slot, _), vector in zip(self.vectors, vectors, strict=True)]
        return Prepared(entries, [slab, *vectors])

    def _layout(self, forms: Forms) -> _Layout:
        weights = [operand.forms[tiled] for operand, tiled in zip(self.products, forms, strict=True)]
        sizes = [one.width * one.depth for one in weights] + [bias.width for bias in self.biases]
        *begins, size = accumulate((self.dtype.itemsize * size for size in sizes), initial=0)
        told = [
            entry
            for operand, one, tiled in zip(self.products, weights, forms, strict=True)
            for entry in operand.entries(one, tiled)
        ]
        slots = [one.slot for one in weights] + [bias.slot for bias in self.biases]
        return _Layout(weights, slots, begins, size, told)

    def prepare_once(self, derived: Sequence[Tensor], forms: Forms) -> Prepared:
        """`prepare`, or what it gave the last time where the parameters are still the same."""
        now, last = self._content(derived), self._last.get(forms)
        if last is not None and now is not None and last[0] == now:
            return last[1]
        prepared = self.prepare(derived, forms)
        self._last[forms] = (now, prepared)
        return prepared
