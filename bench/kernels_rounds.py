"""Time several calls in turn, and say what else the machine did meanwhile."""

import math
import os
import statistics
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

ROUNDS = 7
"""Rounds at least."""
TURN = 0.02
"""Seconds of a turn: a call that takes less is repeated, and the first of the turn, which finds cold caches and
sleeping threads, is not counted."""
PAUSE = 0.1
"""Seconds after the turn of a library with threads of its own, which go on spinning for a while."""

Call = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """What was measured.

    Attributes:
        seconds: By name, the median of a call's turn, for every round.
    """

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """Seconds of a call."""
        return statistics.median(self.seconds[name])

    def ratio(self, slow: str, fast: str) -> float:
        """How many times the time of `fast` the time of `slow` is: the median of all rounds' own ratios."""
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def milliseconds(self, name: str) -> str:
        """The median, to three figures."""
        value = self.median(name) * 1000
        return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def measure(calls: Mapping[str, Call], budget: float, lingering: Collection[str] = ()) -> Times:
    """Time calls in turn, round after round, forwards and backwards.

    Args:
        calls: What to time, by name.
        budget: Seconds of all turns together; there are at least `ROUNDS` rounds all the same.
        lingering: The names of those whose threads spin on after a call.
    """

    def turn(name: str, repeats: int) -> float:
        taken = [_seconds(calls[name]) for _ in range(repeats)]
        if name in lingering:
            time.sleep(PAUSE)
        return statistics.median(taken[1:] or taken)

    expected = {name: turn(name, 3) for name in calls}
    repeats = {name: 1 if t >= TURN else 1 + math.ceil(TURN / t) for name, t in expected.items()}
    cost = sum(expected[name] * repeats[name] for name in calls)
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(max(ROUNDS, round(budget / cost))):
        for name in list(calls)[:: -1 if number % 2 else 1]:
            found[name].append(turn(name, repeats[name]))
    return Times(found)


def check_equal(results: Mapping[str, list[Tensor]], tolerance: float = 1e-4) -> None:
    """Hold results to those of the first, each beside the largest number of its tensor where that is above 1.

    Raises:
        SystemExit: Two do not compute the same.
    """
    first, *others = results
    for name in others:
        for a, b in zip(results[first], results[name], strict=True):
            difference = float((a - b).abs().max() / a.abs().max().clamp(min=1))
            if not difference <= tolerance:
                raise SystemExit(f"{name} and {first} differ by {difference:.1e}: there is nothing to compare")


class Conditions:
    """Under which conditions a part is measured, from when this is made to when it is written."""

    def __init__(self) -> None:
        self.load, self.busy, self.own = os.getloadavg()[0], _busy(), _own()
        self.since = time.perf_counter()

    def __str__(self) -> str:
        policy = os.environ.get("OMP_WAIT_POLICY", "not set")
        text = (
            f"float32, {torch.get_num_threads()} threads, OMP_WAIT_POLICY {policy}; load average of the last minute"
            f" {self.load:.2f} at the beginning, {os.getloadavg()[0]:.2f} at the end"
        )
        busy = _busy()
        if busy is not None and self.busy is not None:
            others = busy - self.busy - (_own() - self.own)
            share = max(0.0, others) / ((time.perf_counter() - self.since) * (os.cpu_count() or 1))
            text += f"; other processes took {share:.0%} of the machine's time"
        return text + "."


def _seconds(call: Call) -> float:
    since = time.perf_counter()
    call()
    return time.perf_counter() - since


def _busy() -> float | None:
    """Seconds that all processors together have worked, where the system tells."""
    try:
        user, nice, system, _idle, _wait, interrupts, soft, stolen = map(
            int, Path("/proc/stat").read_text(encoding="ascii").split()[1:9]
        )
    except (OSError, ValueError):
        return None
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Seconds that this process and those that it started have worked."""
    return sum(os.times()[:4])
