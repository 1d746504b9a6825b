"""Run a kernel's shares on several threads: torch's own.

torch's products run on the workers of an OpenMP library, which go on spinning for a while after each. A second set of
threads would fight them for the cores. The library that torch has loaded runs any C function on those very workers, so
kernels are handed to it; where there is none, Python's threads serve (kernels release Python's lock).
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from treadle.compiler.cpu import library
from treadle.compiler.cpu.tables import Tables


def portions(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` things in parts as equal as can be: of each the first, and the first of the next."""
    return list(pairwise([count * part // max(1, parts) for part in range(parts + 1)]))


def run_together(enter: int, tables: Tables) -> bool:
    """Call a kernel whose threads wait for each other; False, and nothing done, where there are too few threads."""
    _openmp().GOMP_parallel(enter, tables.free(), tables.threads, 0)
    return tables.taken


def team_size() -> int | None:
    """The address of the function that says how many threads take part; None where kernels run on Python's threads."""
    library_ = _openmp()
    return None if library_ is None else ctypes.cast(library_.omp_get_num_threads, ctypes.c_void_p).value


def run(enter: int, tables: Tables, threads: int | None = None) -> None:
    """Call a kernel once for every table.

    Args:
        enter: The address of the kernel's entry, which takes one table after the other until none is left.
        tables: What it reads.
        threads: By default one for every table.
    """
    ticket, threads = tables.free(), threads or tables.threads
    if threads == 1:
        _entry(enter)(ticket)
    elif (openmp := _openmp()) is not None:
        openmp.GOMP_parallel(enter, ticket, threads, 0)
    else:
        pool = _pool(threads)
        for work in [pool.submit(_entry(enter), ticket) for _ in range(threads)]:
            work.result()


@cache
def _entry(address: int) -> Callable[[int], None]:
    return library.function(address, 1)  # type: ignore[no-any-return]  # ctypes carries no types


@cache
def _openmp() -> Any:
    """The OpenMP library that torch uses, if it has `GOMP_parallel(function, data, threads, flags)`, or None."""
    folder = Path(torch.__file__).parent / "lib"
    for name in ("libgomp*", "libomp*", "libiomp5*"):
        for path in sorted(folder.glob(name)):
            try:
                found = ctypes.CDLL(str(path))
                start = found.GOMP_parallel
            except (OSError, AttributeError):
                continue
            start.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
            start.restype = None
            return found
    return None


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="treadle")
