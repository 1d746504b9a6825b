"""Drawn shapes: the sentences are true to the pictures, no other is, and the split holds combinations back."""

import re
import zlib
from itertools import permutations

import numpy as np
import pytest

from treadle.data.builtin import load

COLOURS = {"red": 0, "yellow": 60, "green": 127, "blue": 229, "purple": 286}
"""Hues in degrees, as a person would call them; white is what has none."""
SAID = re.compile(r"a (\w+) (circle|square|triangle|cross)")


def hues(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hue in degrees, and how far from grey, of `[..., 3]`."""
    r, g, b = np.moveaxis(pixels.astype(float), -1, 0)
    hue = np.degrees(np.arctan2(np.sqrt(3) * (g - b), 2 * r - g - b)) % 360
    return hue, pixels.max(-1).astype(float) - pixels.min(-1)


def patches(picture: np.ndarray) -> list[tuple[str, float, float, float]]:
    """What stands out of the ground: colour, row and column of its middle, and the share that it fills of its box."""
    bright = picture.astype(float).max(-1) > 125
    seen, found = np.zeros_like(bright), []
    for start in zip(*bright.nonzero(), strict=True):
        todo, members = [start], []
        while todo:
            y, x = todo.pop()
            if not (0 <= y < 48 and 0 <= x < 48) or seen[y, x] or not bright[y, x]:
                continue
            seen[y, x] = True
            members.append((y, x))
            todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        if len(members) > 12:
            spots = np.array(members)
            hue, strength = hues(picture[spots[:, 0], spots[:, 1]].mean(0))
            near = {name: abs((hue - true + 180) % 360 - 180) for name, true in COLOURS.items()}
            colour = "white" if strength < 45 else min(near, key=near.__getitem__)
            low, high = spots.min(0), spots.max(0) + 1
            y, x = (low + high) / 2
            found.append((colour, y, x, len(spots) / np.prod(high - low)))
    return found


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_sentence_names_what_stands_in_the_picture_and_where(split: str) -> None:
    table = load("shapes", split)
    rows = list(zip(table.columns["image"], table.columns["caption"], strict=True))[:50]
    for picture, caption in rows:
        named, there = SAID.findall(caption), patches(picture)
        assert sorted(colour for colour, _ in named) == sorted(one[0] for one in there), caption
        # Some order of the patches has the colours that are named, and lies as the sentence says.
        assert any(
            [one[0] for one in order] == [colour for colour, _ in named] and lies(caption, [one[1:3] for one in order])
            for order in permutations(there)
        ), caption


def lies(caption: str, places: list[tuple[float, float]]) -> bool:
    """Whether places, named in order, lie as a sentence has them."""
    if len(places) == 1:
        return True
    axis = 0 if " above " in caption else 1
    first = len(SAID.findall(caption.split(" above " if axis == 0 else " left of ")[0]))
    pair = [some for some in (places[:first], places[first:]) if len(some) == 2]
    return all(a[axis] < b[axis] for a in places[:first] for b in places[first:]) and all(
        abs(a[axis] - b[axis]) < b[1 - axis] - a[1 - axis] for a, b in pair
    )


def test_forms_are_told_by_how_much_of_their_box_they_fill() -> None:
    filled: dict[str, list[float]] = {}
    for picture, caption in zip(*(load("shapes").columns[name][:400] for name in ("image", "caption")), strict=True):
        if len(named := SAID.findall(caption)) == 1:
            filled.setdefault(named[0][1], []).append(patches(picture)[0][3])
    means = {name: np.mean(shares) for name, shares in filled.items()}
    expected = {"square": 1.0, "circle": np.pi / 4, "triangle": 0.5, "cross": 1 - 0.7**2}
    for name, share in expected.items():
        assert means[name] == pytest.approx(share, abs=0.06), name


def combinations(caption: str) -> set[tuple[str, str, str]]:
    relation = "above" if " above " in caption else "left of"
    if f" {relation} " not in caption:
        return set()
    return {(*kind, relation) for kind in SAID.findall(caption.split(f" {relation} ")[0])}


def test_dev_and_test_say_of_shapes_what_training_never_says_of_them() -> None:
    said = {
        split: [combinations(c) for c in load("shapes", split).columns["caption"]] for split in ("train", "dev", "test")
    }
    every = {split: set().union(*some) for split, some in said.items()}
    held = every["test"] - every["train"] - every["dev"]
    own = every["dev"] - every["train"] - every["test"]
    assert (len(held), len(own), len(every["train"])) == (6, 6, 36)
    assert all(one & held for one in said["test"])
    assert all(one & own for one in said["dev"])
    for colour, shape, _ in held | own:  # the kind itself is known, in the other relation
        assert any((colour, shape) == known[:2] for known in every["train"])


def test_a_kind_of_shape_occurs_once_in_a_picture_and_all_kinds_occur() -> None:
    captions = load("shapes").columns["caption"]
    named = [SAID.findall(caption) for caption in captions]
    assert all(len(set(one)) == len(one) for one in named)
    assert len({kind for one in named for kind in one}) == 24
    assert {len(one) for one in named} == {1, 2, 3}


@pytest.mark.parametrize(("split", "expected"), [("train", 1084371725), ("dev", 379702950), ("test", 423548711)])
def test_shapes_never_change(split: str, expected: int) -> None:
    columns = load("shapes", split).columns
    pixels = np.stack(columns["image"])
    assert zlib.crc32("\n".join(columns["caption"]).encode(), zlib.crc32(pixels.tobytes())) == expected
