"""Generated series with anomalies, by which the defaults of the anomaly detector were chosen.

python bench/anomaly_defaults.py [rest=0 window=2000 ...]
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from record import table
from treadle.evaluation.anomalies import LabelledScores, nab_score
from treadle.evaluation.baselines.anomalies import RollingZScore
from treadle.tasks.detect import AnomalyDetector

LENGTH, SEEDS = 6000, (0, 1, 2)
Draw = np.random.Generator
Series = Any


def waves(period: int) -> Series:
    """A daily wave, lower at the end of the week."""
    t = np.arange(LENGTH)
    angle = 2 * np.pi * (t % period) / period
    return (np.sin(angle) + 0.5 * np.sin(2 * angle + 1)) * np.where((t // period) % 7 >= 5, 0.6, 1.0)


def daily(draw: Draw, places: list[int]) -> Series:
    """A day of another size or height."""
    y = 10 + 4 * waves(48) + 0.3 * draw.normal(size=LENGTH)
    for place in places:
        day = slice(place, place + int(draw.integers(24, 96)))
        y[day] = 10 + (y[day] - 10) * draw.choice([0.3, 0.5, 1.6]) + draw.choice([0, -1.5, 1.5])
    return y


def level(draw: Draw, places: list[int]) -> Series:
    """An autoregression that moves to another level for a while."""
    y = np.zeros(LENGTH)
    for t in range(1, LENGTH):
        y[t] = 0.7 * y[t - 1] + draw.normal() * 0.5
    for place in places:
        y[place : place + int(draw.integers(50, 400))] += draw.choice([-1, 1]) * draw.uniform(3, 6)
    return y + 50


def spiky(draw: Draw, places: list[int]) -> Series:
    """Regular spikes; they stay away, drown, or one is too high."""
    y = 2 + 0.2 * draw.normal(size=LENGTH)
    y[::60] += draw.uniform(3, 5, size=LENGTH // 60)
    y[1::60] += 2
    for place in places:
        kind, length = draw.integers(0, 3), int(draw.integers(60, 300))
        if kind == 0:
            y[place : place + length] += 1.5 * np.abs(draw.normal(size=length))
        elif kind == 1:
            y[place : place + length] = 2 + 0.2 * draw.normal(size=length)
        else:
            y[place : place + 5] += draw.uniform(8, 12)
    return y


def heavy(draw: Draw, places: list[int]) -> Series:
    """Latencies with a heavy tail; some are far too long, or all are longer for a while."""
    y = 40 + np.abs(draw.standard_t(3, size=LENGTH)) * 3
    for place in places:
        if draw.integers(0, 2):
            y[place : place + 3] += draw.uniform(60, 150)
        else:
            y[place : place + int(draw.integers(30, 120))] += draw.uniform(8, 20)
    return y


def walk(draw: Draw, places: list[int]) -> Series:
    """A temperature that wanders, and falls."""
    y = 40 + 0.5 * np.cumsum(0.1 * draw.normal(size=LENGTH)) + 40 + 1.5 * waves(288)
    for place in places:
        length, fall = int(draw.integers(30, 150)), draw.uniform(5, 15)
        y[place : place + length] -= fall * np.minimum(1, np.arange(length) / draw.integers(2, 20))
    return y


def noise(draw: Draw, places: list[int]) -> Series:
    """A load that is mostly small, and is not for a while."""
    y = draw.gamma(0.5, 0.2, size=LENGTH) + 0.05
    y[draw.random(LENGTH) < 0.02] += draw.uniform(0.5, 2)
    for place in places:
        length = int(draw.integers(20, 100))
        y[place : place + length] += draw.uniform(0.7, 2) * (draw.random(length) < 0.7)
    return y


def busy(draw: Draw, places: list[int]) -> Series:
    """A machine that works and rests in turn, and stays at one of the two."""
    y = 20 + 40 * ((np.arange(LENGTH) // int(draw.integers(80, 140))) % 2) + 4 * draw.normal(size=LENGTH)
    for place in places:
        length = int(draw.integers(100, 300))
        y[place : place + length] = draw.choice([5, 95]) + 3 * draw.normal(size=length)
    return y


KINDS: tuple[Callable[[Draw, list[int]], Series], ...] = (daily, level, spiky, heavy, walk, noise, busy)


def labelled(kind: int, seed: int) -> tuple[Series, list[tuple[int, int]]]:
    """A series and its windows, a tenth of it in all, as NAB has them."""
    draw = np.random.default_rng([seed, kind])
    count = int(draw.integers(1, 4))
    places = [int(LENGTH * (0.2 + 0.7 * (number + draw.random() * 0.6) / count)) for number in range(count)]
    half = LENGTH // 10 // count // 2
    return KINDS[kind](draw, places), [(place - half, place + half) for place in places]


def main() -> None:
    """Score the detector with settings that the command line may change, beside the baseline."""
    torch.set_num_threads(1)
    options = {name: float(value) for name, _, value in (word.partition("=") for word in sys.argv[1:])}
    settings = {name: int(value) if value == int(value) else value for name, value in options.items()}
    rows, ours, simple = [], [], []
    for kind, make in enumerate(KINDS):
        for seed in SEEDS:
            values, windows = labelled(kind, seed)
            detector, baseline = AnomalyDetector(**settings), RollingZScore()
            ours.append(LabelledScores(np.array([detector.step(v)["score"] for v in values]), windows))
            simple.append(LabelledScores(np.array([baseline.step(v) for v in values]), windows))
        part = slice(-len(SEEDS), None)
        rows.append([make.__name__, *(f"{nab_score(found[part]).score:.1f}" for found in (ours, simple))])
    rows.append(["all, one threshold", *(f"{nab_score(found).score:.1f}" for found in (ours, simple))])
    print(table(["series", f"AnomalyDetector {settings or ''}", "rolling z-score"], rows))


if __name__ == "__main__":
    main()
