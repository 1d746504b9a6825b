"""Run a kernel's shares on several threads: torch's own.

torch's products run on the workers of an OpenMP library, which go on spinning for a while after each. A second set of
threads would fight them for the cores. The library that torch has loaded runs any C function on those very workers, so
kernels are handed to it; where there is none, Python's threads serve (kernels release Python's lock).
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.compiler.cpu import library


def run(enter: int, tables: NDArray[np.int64]) -> None:
    """Call a kernel once for every row of `tables`, each on a thread.

    Args:
        enter: The address of the kernel's entry, which takes one table after the other until none is left.
        tables: `[threads, slots]`.
    """
    threads, slots = tables.shape
    ticket = np.array([0, threads, slots * 8, tables.ctypes.data], dtype=np.int64)
    address = ticket.ctypes.data
    if threads == 1:
        _entry(enter)(address)
    elif (team := _openmp()) is not None:
        team(enter, address, threads, 0)
    else:
        pool = _pool(threads)
        for work in [pool.submit(_entry(enter), address) for _ in range(threads)]:
            work.result()


@cache
def _entry(address: int) -> Callable[[int], None]:
    return library.function(address, 1)  # type: ignore[no-any-return]  # ctypes carries no types


@cache
def _openmp() -> Any:
    """`GOMP_parallel(function, data, threads, flags)` of the library that torch uses, or None."""
    folder = Path(torch.__file__).parent / "lib"
    for name in ("libgomp*", "libomp*", "libiomp5*"):
        for path in sorted(folder.glob(name)):
            try:
                found = ctypes.CDLL(str(path)).GOMP_parallel
            except (OSError, AttributeError):
                continue
            found.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
            found.restype = None
            return found
    return None


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="treadle")
