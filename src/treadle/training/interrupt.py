"""Ctrl-C and a polite kill: finish the step, then stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopFlag:
    """Whether somebody asked the run to stop.

    Attributes:
        asked: Set by the first Ctrl-C. The second one interrupts at once, as without a flag.
    """

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def deferred_interrupt() -> Iterator[StopFlag]:
    """Within the block, Ctrl-C and SIGTERM set a flag instead of breaking off in the middle of a step.

    Signals can only be caught in the main thread; in another one the flag is never set.
    """
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a signal handler's signature)
        if flag.asked:
            raise KeyboardInterrupt
        flag.asked = True

    before = [signal.signal(number, handle) for number in SIGNALS]
    try:
        yield flag
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            # None is a handler that was not set from Python, which Python cannot put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
