r"""Digest: whether arrays still hold what they held, since torch does not count changes by way of `parameter.data`.

Of an array's 32-bit words \(w_i\), two to a pair, with numbers \(k_i\) that differ from place to place:

$$D = \sum_i \bigl((w_{2i} + k_{2i}) \bmod 2^{32}\bigr) \bigl((w_{2i+1} + k_{2i+1}) \bmod 2^{32}\bigr) \bmod 2^{64},
\qquad S = \sum_i (w_{2i} + 2^{32} w_{2i+1}) \bmod 2^{64}$$

Sums alone would not do: where all signs of a weight are turned, an even number of equal changes adds up to nothing.

Source: J. Black, S. Halevi, H. Krawczyk, T. Krovetz & P. Rogaway, "UMAC: fast and secure message authentication",
CRYPTO 1999.
"""

from array import array
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from treadle.compiler.cpu import library, team
from treadle.compiler.cpu.entry import write_calls
from treadle.compiler.cpu.ir import I32, I64, Code, Value
from treadle.compiler.cpu.machine import Machine, host
from treadle.compiler.cpu.tables import Tables

GOLDEN = 0x9E3779B1
"""An odd number near the golden section of 2^32: its multiples spread over all words."""

SUMS = 2
"""Numbers of the digest of a piece of an array."""

PIECE = 1 << 19
"""Bytes of a piece: so many are worth a thread of their own."""

ONE = ["*from", "words", "*to"]
"""Of the digest of one piece."""


class Content:
    """Tells whether tensors are the same as before, where they lie and what they hold.

    Their shapes and their type are always the same.
    """

    def __init__(self) -> None:
        self._free: list[_Reading] = []

    def __call__(self, tensors: Sequence[Tensor]) -> Any:
        """What equals an earlier answer where nothing has changed since then; None where a tensor is in parts."""
        if not tensors:
            return ()
        if not all(tensor.is_contiguous() for tensor in tensors):
            return None
        places = [tensor.data_ptr() for tensor in tensors]
        try:
            reading = self._free.pop()
        except IndexError:  # the first call, or others are at it
            reading = None
        if reading is None or reading.places != places:
            reading = _Reading(places, [tensor.nbytes for tensor in tensors])
        found = reading.again()
        self._free.append(reading)
        return places, found


class _Reading:
    """Reads arrays, piece by piece, on several threads where they are large.

    Args:
        places: Their addresses.
        sizes: Bytes of each.
    """

    def __init__(self, places: list[int], sizes: list[int]) -> None:
        self.places = places
        pieces = [
            (place + begin, min(PIECE, size - begin) // 4)
            for place, size in zip(places, sizes, strict=True)
            for begin in range(0, max(size, 1), PIECE)
        ]
        self._found = array("q", bytes(8 * SUMS * len(pieces)))
        address = self._found.buffer_info()[0]
        self._tables = Tables([(*piece, address + 8 * SUMS * i) for i, piece in enumerate(pieces)])
        self._most = sum(sizes) // PIECE

    def again(self) -> bytes:
        """The digests of what the arrays hold now."""
        threads = min(self._most, torch.get_num_threads()) if self._most > 1 else 1
        team.run(_enter(), self._tables, threads)
        return self._found.tobytes()


@cache
def _enter() -> int:
    return library.load(build(host()), ["enter"], announce="the digest of weights")["enter"]


def build(machine: Machine) -> ir.Module:
    """The module with `enter`, for pieces by their address, their number of words and where `SUMS` numbers go."""
    module = ir.Module("digest")
    write_calls(module, _digest_of_one(module, machine.vector_bytes // 4), ONE)
    return module


def _digest_of_one(module: Any, lanes: int) -> Any:
    code = Code(module, "digest_of_one", ONE, "float32", lanes, private=True)
    g, b = code.arguments, code.builder
    words, pairs = ir.VectorType(I32, lanes), ir.VectorType(I64, lanes // 2)
    half, low = (ir.Constant(pairs, [number] * (lanes // 2)) for number in (32, 0xFFFFFFFF))
    first = ir.Constant(words, [GOLDEN * (lane + 1) & 0xFFFFFFFF for lane in range(lanes)])
    onward = ir.Constant(words, [GOLDEN * lanes & 0xFFFFFFFF] * lanes)
    whole = code.sub(g["words"], b.srem(g["words"], code.integer(lanes)))

    def step(loop: Any, vector: Value) -> None:
        products, sums, keys = loop.values
        moved = b.bitcast(b.add(b.bitcast(vector, words), keys), pairs)
        product = b.mul(b.and_(moved, low), b.lshr(moved, half))
        loop.next = [b.add(products, product), b.add(sums, b.bitcast(vector, pairs)), b.add(keys, onward)]

    nothing = ir.Constant(pairs, None)
    with code.loop(code.integer(0), whole, lanes, carried=[nothing, nothing, first]) as loop:
        step(loop, code.load(g["from"], loop.index))
    with code.loop(whole, g["words"], lanes, carried=loop.values) as loop:
        mask = code.tail_mask(code.sub(g["words"], loop.index))
        step(loop, code.masked_load(g["from"], loop.index, mask))
    add = code.intrinsic("llvm.vector.reduce.add", [pairs], I64, [pairs])
    for i, sums in enumerate(loop.values[:SUMS]):
        code.store(b.call(add, [sums]), code.at(g["to"], code.integer(i), I64), code.integer(0))
    code.done()
    return code.function
