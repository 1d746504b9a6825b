"""Small pictures and sequences whose captions are learnt in seconds: what colour or what rise, and where."""

import numpy as np

SHADES = {"red": (250, 30, 30), "blue": (30, 30, 250)}
SMALL = {
    "hidden_size": 32,
    "embedding_size": 12,
    "filters": 8,
    "blocks": 1,
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "averaging": 0.95,
    "batch_size": 8,
    "epochs": 12,
    "learning_rate": 0.006,
    "beam_size": 2,
}


def pictures(count: int, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """A square of a colour on black, left or right, in pictures of several sizes."""
    draw = np.random.default_rng(seed)
    X, y = [], []
    for number in range(count):
        colour, side = list(SHADES)[number % 2], ("left", "right")[number // 2 % 2]
        height, half = int(draw.integers(8, 14)), int(draw.integers(8, 11))
        pixels = np.zeros((height, 2 * half, 3), np.uint8)
        row, column = int(draw.integers(0, height - 4)), int(draw.integers(0, half - 4))
        column += half * (side == "right")
        pixels[row : row + 4, column : column + 4] = SHADES[colour]
        X.append(pixels)
        y.append(f"{colour} on the {side}")
    return X, y


def series(count: int, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """A bump early or late in noise, of one of two channels, in sequences of several lengths."""
    draw = np.random.default_rng(seed)
    X, y = [], []
    for number in range(count):
        channel, late = number % 2, number // 2 % 2
        frames = 0.1 * draw.normal(size=(int(draw.integers(8, 14)), 2))
        start = len(frames) - 4 if late else 1
        frames[start : start + 3, channel] += 2
        X.append(frames)
        y.append(f"{('first', 'second')[channel]} channel {('early', 'late')[late]}")
    return X, y
