"""Tables: the weights of a model as constants of C, in float32 or in 8 bits, and the statements that multiply by them.

A matrix lies an input a row, `[inputs][outputs]`: a product adds up rows, which every compiler turns into the vectors
of its processor without leave to reorder a sum. In 8 bits every output has a scale, which all that is added up to it
shares, so that it is multiplied with once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treadle.compiler.quantisation import quantise
from treadle.data.vocabulary import UNKNOWN
from treadle.export.c.text import table

Array = NDArray[Any]


class Tables:
    """All constants of a model.

    Args:
        int8: Whether matrices are stored in 8 bits.

    Attributes:
        lines: Their definitions.
        bytes: Of all of them.
        bytes_in_float: What they would take in float32.
        helpers: Functions that the statements call.
    """

    def __init__(self, *, int8: bool) -> None:
        self.int8 = int8
        self.lines: list[str] = []
        self.bytes = self.bytes_in_float = 0
        self.helpers: set[str] = set()
        self._names: set[str] = set()

    def vector(self, name: str, values: Tensor | Array, *, kind: str = "float", note: str = "") -> str:
        """Numbers `[size]` that are read one by one; the name of their array."""
        name = self._fresh(name)
        numbers = values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)
        self._enter(table(kind, name, numbers, note=note))
        self.bytes += numbers.size * _SIZES[kind]
        self.bytes_in_float += numbers.size * _SIZES[kind]
        return name

    def product(self, out: str, name: str, terms: Sequence[tuple[str, Tensor]], bias: Tensor | None) -> list[str]:
        r"""The statements of \(\mathrm{out} = \sum_k a_k W_k + b\); as `treadle.compiler.c99.Constants` has it."""
        whole = torch.cat([weight for _, weight in terms])
        outputs = whole.shape[1]
        size = f"{outputs} * sizeof(float)"
        own = "NULL" if bias is None else self.vector(f"{name}_bias", bias)
        self.bytes_in_float += 4 * whole.numel()
        self.helpers.add("multiply")
        if not self.int8:
            self.bytes += 4 * whole.numel()
            stored, kind = whole.detach().numpy(), "float"
            begin = f"memset({out}, 0, {size});" if bias is None else f"memcpy({out}, {own}, {size});"
            end = []
        else:
            numbers, scale = quantise(whole.T)
            self.bytes += whole.numel() + 4 * outputs
            stored, kind = numbers.T.numpy(), "int8_t"
            scales = self._fresh(f"{name}_scale")
            self._enter(table("float", scales, scale.numpy()))
            self.helpers.add("scale")
            begin, end = f"memset({out}, 0, {size});", [f"scale({out}, {scales}, {own}, {outputs});"]
        calls, row = [], 0
        for place, (operand, weight) in enumerate(terms, 1):
            rows = len(weight)
            matrix = self._fresh(f"{name}_weight{place if len(terms) > 1 else ''}")
            self._enter(table(kind, matrix, stored[row : row + rows], note=f"{rows} inputs, {outputs} outputs"))
            calls.append(f"multiply({out}, {matrix}, {operand}, {rows}, {outputs});")
            row += rows
        return [begin, *calls, *end]

    def rows(self, name: str, values: Tensor) -> "Rows":
        """A table `[rows, size]` of which a step reads one row: an embedding."""
        rows, size = values.shape
        name = self._fresh(name)
        note = f"{rows} rows of {size}"
        self.bytes_in_float += 4 * values.numel()
        if not self.int8:
            self.bytes += 4 * values.numel()
            self._enter(table("float", name, values.detach().numpy(), note=note))
            return Rows(name, rows, size, "")
        numbers, scale = quantise(values)
        self.bytes += values.numel() + 4 * rows
        self._enter(table("int8_t", name, numbers.numpy(), note=note))
        scales = self._fresh(f"{name}_scale")
        self._enter(table("float", scales, scale.numpy()))
        return Rows(name, rows, size, scales)

    def _fresh(self, name: str) -> str:
        found, count = name, 1
        while found in self._names:
            count += 1
            found = f"{name}{count}"
        self._names.add(found)
        return found

    def _enter(self, lines: list[str]) -> None:
        self.lines += ["", *lines]


class Rows:
    """A table of rows in C, and the statements that read one, or all as the weights of a product.

    Args:
        name: Of its array.
        count: Rows.
        size: Of a row.
        scales: The array of a scale a row, or nothing where rows are float32.
    """

    def __init__(self, name: str, count: int, size: int, scales: str) -> None:
        self.name, self.count, self.size, self.scales = name, count, size, scales

    def read(self, out: str, row: str) -> list[str]:
        """`out` becomes a row, that of the unknown token where the number is out of range."""
        begin = f"{self.name} + (size_t){row} * {self.size}"
        known = [f"if ({row} < 0 || {row} >= {self.count}) {{", f"    {row} = {UNKNOWN};", "}"]
        if not self.scales:
            return [*known, f"memcpy({out}, {begin}, {self.size} * sizeof(float));"]
        return [
            *known,
            f"for (int i = 0; i < {self.size}; ++i) {{",
            f"    {out}[i] = {self.scales}[{row}] * (float)({begin})[i];",
            "}",
        ]

    def dot(self, out: str, x: str, bias: str) -> list[str]:
        """`out[row]` becomes the product of `x` with every row, and a bias."""
        kind, cast = ("int8_t", "(float)") if self.scales else ("float", "")
        return [
            f"for (int row = 0; row < {self.count}; ++row) {{",
            f"    const {kind} *weight = {self.name} + (size_t)row * {self.size};",
            "    float sum = 0.0f;",
            f"    for (int i = 0; i < {self.size}; ++i) {{",
            f"        sum += {cast}weight[i] * {x}[i];",
            "    }",
            f"    {out}[row] = {f'{self.scales}[row] * sum' if self.scales else 'sum'} + {bias}[row];",
            "}",
        ]


_SIZES = {"float": 4, "double": 8, "int32_t": 4}
