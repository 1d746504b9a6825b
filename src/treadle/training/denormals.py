r"""Denormal numbers count as zero while a network trains.

A gradient that vanishes on its way back through time passes through the denormal numbers, those below \(2^{-126}\) in
float32, before it is zero. A processor computes with them in microcode, many times slower than with others: of a GRU
whose answer hangs on the last of 400 steps, the backward pass takes six times as long, all of it for numbers that
change no weight. So they are flushed to zero.

The mode belongs to a thread, and a thread has it from the one that started it. torch computes in a team of OpenMP
threads, which is started once and kept; it is dismissed here, and the next operator starts a new one in the new mode.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_HARD = 2
"""OpenMP's `omp_pause_hard`: give up the threads."""


@contextmanager
def denormals_flushed(flushed: bool = True) -> Iterator[None]:
    """Within the block, denormal numbers count as zero in this thread and in torch's own; then all is as it was.

    Where torch was built with an OpenMP that cannot dismiss its threads (before version 5.0; on Windows), or the
    processor has no such mode, threads that are running already keep theirs: results hold, only the time is lost.

    Args:
        flushed: False computes with denormal numbers instead, as torch does unless it is told otherwise.

    Example:
        >>> tiny = torch.tensor(2.0**-126)
        >>> with denormals_flushed():
        ...     flushed = tiny / 2
        >>> flushed.item(), (tiny / 2).item() > 0
        (0.0, True)
    """
    before = sys.float_info.min / 2 == 0.0  # torch can set the mode and not tell it; Python's numbers obey it too
    _set_mode(flushed)
    try:
        yield
    finally:
        _set_mode(before)


def _set_mode(flushed: bool) -> None:
    torch.set_flush_denormal(flushed)
    dismiss = getattr(ctypes.CDLL(torch._C.__file__), "omp_pause_resource_all", None)
    if dismiss is not None:
        dismiss(_HARD)
