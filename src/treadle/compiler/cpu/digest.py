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

from llvmlite import ir
from torch import Tensor

from treadle.compiler.cpu import library
from treadle.compiler.cpu.ir import I32, I64, POINTER, Code, Value
from treadle.compiler.cpu.machine import Machine, host

GOLDEN = 0x9E3779B1
"""An odd number near the golden section of 2^32: its multiples spread over all words."""

SUMS = 2
"""Numbers of an array's digest."""


def content(tensors: Sequence[Tensor]) -> Any:
    """Tells whether tensors are the same as before: where they lie and what they hold; None if one is in parts."""
    if not all(tensor.is_contiguous() for tensor in tensors):
        return None
    places = array("q", [number for tensor in tensors for number in (tensor.data_ptr(), tensor.nbytes // 4)])
    found = array("q", bytes(8 * SUMS * len(tensors)))
    _digest()(places.buffer_info()[0], len(tensors), found.buffer_info()[0])
    return places, found


@cache
def _digest() -> Any:
    made = library.load(build(host()), ["digest"], announce="the digest of weights")
    return library.function(made["digest"], 3)


def build(machine: Machine) -> ir.Module:
    """The module with `digest(table, arrays, to)`: of every address and number of words in a table, `SUMS` numbers."""
    module = ir.Module("digest")
    lanes = machine.vector_bytes // 4
    one = _digest_of_one(module, lanes)
    code = Code(module, "digest", ["*table", "arrays", "*to"], "float32", lanes)
    g, b = code.arguments, code.builder
    with code.loop(code.integer(0), g["arrays"]) as number:
        place = code.mul(number, code.integer(2))
        address, words = (code.load(g["table"], code.add(place, code.integer(i)), I64) for i in range(2))
        b.call(one, [b.inttoptr(address, POINTER), words, code.at(g["to"], code.mul(number, code.integer(SUMS)), I64)])
    code.done()
    return module


def _digest_of_one(module: Any, lanes: int) -> Any:
    code = Code(module, "digest_of_one", ["*from", "words", "*to"], "float32", lanes, private=True)
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
