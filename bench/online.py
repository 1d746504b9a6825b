"""Learning online: the drifting series, online beside frozen; and time and memory of a million steps.

python bench/online.py
"""

import math
import os
import resource
import time
from typing import Any

import numpy as np
import torch

from record import record, table
from treadle.data.builtin import load
from treadle.data.builtin.drift import ABRUPT, GRADUAL, NOISE, STEPS, TRAIN
from treadle.tasks.online import OnlineForecaster, OnlineRegressor

SEEDS = (0, 1, 2)
PARTS = {
    "before the drift": (TRAIN, ABRUPT),
    "the first 1,000 steps after it": (ABRUPT, ABRUPT + 1000),
    "after those": (ABRUPT + 1000, GRADUAL[0]),
    "while the law changes by and by": GRADUAL,
    "after that": (GRADUAL[1], STEPS),
}
LONG, SETTLED = 1_000_000, 10_000


def errors(series: Any, **options: Any) -> tuple[Any, Any]:
    """Absolute errors a step ahead of a forecaster that learns on, and of one that stopped after the training part."""
    online, frozen = OnlineForecaster(**options), OnlineForecaster(**options)
    found = []
    for step, y in enumerate(series):
        found.append(abs(online.predict_one() - y))
        online.learn_one(y)
        if step == TRAIN - 1:
            frozen.restore(online.snapshot())
    still = []
    for y in series[TRAIN:]:
        still.append(abs(frozen.predict_one() - y))
        frozen.follow_one(y)
    return np.array(found), np.array([math.nan] * TRAIN + still)


def drifting() -> str:
    """Mean absolute errors by part of the series."""
    series = [y for split in ("train", "test") for y in load("drift", split).columns["y"]]
    naive = np.abs(np.diff(series, prepend=series[0]))
    runs = [errors(series, seed=seed) for seed in SEEDS]
    watched = [errors(series, seed=seed, drift="adwin")[0] for seed in SEEDS]

    def mean(several: list[Any], start: int, end: int) -> str:
        found = [one[start:end].mean() for one in several]
        return f"{np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})"

    rows = [
        [
            part,
            mean([online for online, _ in runs], start, end),
            mean(watched, start, end),
            mean([frozen for _, frozen in runs], start, end),
            f"{naive[start:end].mean():.3f}",
        ]
        for part, (start, end) in PARTS.items()
    ]
    return table(["steps", "online", "online, drift='adwin'", "frozen", "last value"], rows)


def million() -> str:
    """Microseconds and memory of a million steps, each predicted and learnt from."""
    random = np.random.default_rng(0)
    data = random.normal(size=(4096, 2))
    model = OnlineRegressor(hidden_size=32)

    def live(steps: int) -> float:
        since = time.perf_counter()
        for step in range(steps):
            a, b = data[step % len(data)]
            x = {"a": a, "b": b}
            model.predict_one(x)
            model.learn_one(x, b - a)
        return (time.perf_counter() - since) / steps * 1e6

    live(SETTLED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy = time.process_time()
    took = live(LONG - SETTLED)
    processor = (time.process_time() - busy) / (LONG - SETTLED) * 1e6
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return (
        f"{LONG:,} steps of one GRU layer with hidden 32 and chunks of 16, two features, each step predicted and "
        f"learnt from, one thread: {took:.0f} µs a step (load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} "
        f"cores; {processor:.0f} µs of processor time). After the first {SETTLED:,} steps the process had needed "
        f"{before / 1024:.0f} MiB at most; the other {LONG - SETTLED:,} made that {grown} KiB more. A snapshot of all "
        f"has {len(model.snapshot()):,} bytes."
    )


def main() -> None:
    """Measure and record."""
    torch.set_num_threads(1)
    long = million()  # first, while nothing else has been in memory
    body = (
        f"`builtin:drift`: a step ahead, mean absolute error, default settings, seeds {SEEDS}: mean and range. No "
        f"forecast can be better than {NOISE * math.sqrt(2 / math.pi):.3f} on average. The frozen forecaster learnt "
        f"from the first {TRAIN:,} steps and reads all others; the online one learns from each, once it has been asked "
        f"for it.\n\n"
        f"{drifting()}\n\n{long}"
    )
    record("python bench/online.py", "Learning online", body)


if __name__ == "__main__":
    main()
