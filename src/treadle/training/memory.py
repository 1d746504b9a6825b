"""Memory that is free within the process, given back to the system.

Batches of ever new shapes leave holes between what lasts, and the C library keeps them: in the training of a
translator, six gigabytes of which one was in use. Giving whole free pages back takes a tenth of a second.
"""

import ctypes
import platform
import time
from collections.abc import Callable
from functools import cache

SECONDS = 10.0
"""Between two times that memory is given back."""


class Tidy:
    """Gives free memory back now and then; call it once a step."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self) -> None:
        """Give back what is free, if it is time to."""
        now = time.monotonic()
        if now - self.last >= SECONDS:
            give_back()
            self.last = now


def give_back() -> None:
    """Give pages that hold nothing back to the system, where the C library is glibc; elsewhere there is no need."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    return found
