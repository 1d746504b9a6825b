"""Drawn shapes, and a sentence on each picture: a small task of captions with one right answer."""

from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.data.builtin.draw import Draw
from treadle.data.table import Table

ROWS: Final = {"train": 8_000, "dev": 500, "test": 1_000}
"""Of every part."""
SIDE: Final = 48
"""Pixels of a picture's side."""

SHAPES: Final = ("circle", "square", "triangle", "cross")
COLOURS: Final = {
    "red": (215, 45, 45),
    "green": (45, 170, 60),
    "blue": (55, 85, 225),
    "yellow": (230, 210, 50),
    "purple": (160, 60, 190),
    "white": (235, 235, 235),
}
RELATIONS: Final = ("above", "left of")
_HELD_OUT: Final = 6
"""Combinations of colour, shape and relation that one of dev and test has to itself."""
_LAYOUTS: Final = ("{0}", "{0} {r} {1}", "{0} {r} {1} and {2}", "{0} and {1} {r} {2}")
_PAIR_FIRST: Final = 3
_STRAIGHT: Final = 1.5
"""How much further one of two shapes lies from the other in the direction that is said than across it, at least."""
_SLACK: Final = 3.0
"""Pixels by which no other sentence may fit."""
_MARGIN: Final = 2.0
"""Pixels between two shapes, and between a shape and the border, at least."""

Kind = tuple[str, str]
"""Colour and shape."""
Place = tuple[float, float, float]
"""Row and column of the centre, and radius, in pixels."""


@dataclass(frozen=True)
class _Scene:
    """What a picture shows.

    Attributes:
        layout: One of `_LAYOUTS`.
        relation: One of `RELATIONS`.
        kinds: Of the shapes, in the order in which they are named: from above, or from the left.
    """

    layout: str
    relation: str
    kinds: list[Kind]

    @property
    def sentence(self) -> str:
        """Such as "a red circle above a blue square and a white cross"."""
        return self.layout.format(*(f"a {colour} {shape}" for colour, shape in self.kinds), r=self.relation)

    @property
    def combinations(self) -> set[tuple[str, str, str]]:
        """Colour, shape and relation of every shape of which a relation is said."""
        first = self.layout.split(" {r}")[0].count("{") if "{r}" in self.layout else 0
        return {(colour, shape, self.relation) for colour, shape in self.kinds[:first]}


def shapes(split: str) -> Table:
    """Columns `image` and `caption`; 8,000 rows train, 500 dev, 1,000 test.

    A picture is an array `[48, 48, 3]` of bytes with one to three shapes, each of another colour or form, on a grey
    ground with noise; places, sizes, shades and the ground are drawn. A sentence names what is further up, or further
    left, first; of two shapes the distance in the direction that is said is at least one and a half times that in the
    other, and no other sentence fits a picture, nor would if a shape stood 3 pixels elsewhere.

    Of the 48 combinations of colour, shape and relation ("a red circle above ..."), 6 are in dev only and 6 others in
    test only: every sentence there has one or two of them, so that no sentence of dev or test is one of training.
    Their colours and shapes occur in training, alone, as the other side of a relation, and in the other relation.
    """
    pictures, sentences = _made(split)
    columns: dict[str, list[Any]] = {"image": list(pictures), "caption": list(sentences)}
    return Table(columns)


@cache
def _made(split: str) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """The pictures and sentences of a part; a part takes seconds to draw, so it is drawn once."""
    draw = Draw(4848 + list(ROWS).index(split))
    ours, theirs = _held_out(split)
    pictures: list[NDArray[np.uint8]] = []
    sentences: list[str] = []
    while len(sentences) < ROWS[split]:
        scene = _scene(draw)
        found = scene.combinations
        if found & theirs or (split != "train" and not found & ours):
            continue
        pictures.append(_drawn(scene, draw))
        sentences.append(scene.sentence)
    return pictures, sentences


def _held_out(split: str) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """The combinations that a part has to itself, and those that it must not have."""
    kinds = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    order = Draw(48).order(len(kinds))[: 2 * _HELD_OUT].tolist()
    chosen = [(*kinds[number], RELATIONS[place % 2]) for place, number in enumerate(order)]
    parts = {"dev": set(chosen[:_HELD_OUT]), "test": set(chosen[_HELD_OUT:])}
    own = parts.get(split, set())
    return own, set(chosen) - own


def _scene(draw: Draw) -> _Scene:
    layout = draw.one((_LAYOUTS[0], *_LAYOUTS[1:2] * 4, *_LAYOUTS[2:] * 2))
    kinds: list[Kind] = []
    while len(kinds) < 1 + max(int(sign) for sign in layout if sign.isdigit()):
        kind = draw.one(tuple(COLOURS)), draw.one(SHAPES)
        if kind not in kinds:
            kinds.append(kind)
    return _Scene(layout, draw.one(RELATIONS), kinds)


def _drawn(scene: _Scene, draw: Draw) -> NDArray[np.uint8]:
    """The picture: a ground that grows lighter to one side, the shapes, and noise over all."""
    ground = 25 + 60 * draw.uniform()
    slope = [20 * (draw.uniform() - 0.5) for _ in range(2)]
    along = np.arange(SIDE) / SIDE
    picture = np.repeat((ground + slope[0] * along[:, None] + slope[1] * along)[..., None], 3, axis=2)
    for (colour, shape), place in zip(scene.kinds, _places(scene, draw), strict=True):
        shade = np.array([value + 40 * (draw.uniform() - 0.5) for value in COLOURS[colour]])
        _paint(picture, shape, place, shade)
    noise = 16 * (draw.uniforms(picture.size).reshape(picture.shape) - 0.5)
    drawn = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    drawn.flags.writeable = False  # every caller is given the same
    return drawn


def _places(scene: _Scene, draw: Draw) -> list[Place]:
    """Where the shapes are, drawn until they stand as the sentence says and as no other would."""
    count, layout = len(scene.kinds), _LAYOUTS.index(scene.layout)
    while True:
        radii = [(6.0 if count < 3 else 5.0) + 3 * draw.uniform() for _ in range(count)]
        if layout == _PAIR_FIRST:  # as if it were read from the other end
            radii = radii[-1:] + radii[:-1]
        found = _spread(radii, draw)
        if layout == _PAIR_FIRST:
            found = [(SIDE - along, across) for along, across in found[1:] + found[:1]]
            radii = radii[1:] + radii[:1]
        down = scene.relation == "above"
        places = [(*(spot if down else spot[::-1]), radius) for spot, radius in zip(found, radii, strict=True)]
        if count == 1 or (_stands(layout, places, down=down) and _readings(places) == 1):
            return places


def _spread(radii: list[float], draw: Draw) -> list[tuple[float, float]]:
    """Centres, along and across the direction of the relation: the first, and behind it the others side by side."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * draw.uniform()

    spaces = [radius + _MARGIN for radius in radii]
    behind = max((2 * space for space in spaces[1:]), default=_MARGIN + radii[0])
    first = between(spaces[0], SIDE - behind - radii[0] * (len(radii) > 1))
    found = [(first, between(spaces[0], SIDE - spaces[0]))]
    across = 0.0
    for number, (radius, space) in enumerate(zip(radii[1:], spaces[1:], strict=True)):
        rest = sum(2 * other for other in spaces[2 + number :])
        across = between(across + space, SIDE - space - rest)
        found.append((between(first + radii[0] + space, SIDE - space), across))
        across += radius
    return found


def _stands(layout: int, places: list[Place], *, down: bool, slack: float = 0.0) -> bool:
    """Whether shapes lie as a sentence of a layout has them, in one direction; with slack, whether they nearly do."""
    if layout == 1:
        return _before(places[0], places[1], down=down, straight=_STRAIGHT, slack=slack)
    first = layout == _PAIR_FIRST
    pair, single = (places[:2], places[2]) if first else (places[1:], places[0])
    singles = [(one, single) if first else (single, one) for one in pair]
    apart = all(_before(a, b, down=down, straight=0.0, slack=slack) for a, b in singles)
    return apart and _before(pair[0], pair[1], down=not down, straight=_STRAIGHT, slack=slack)


def _readings(places: list[Place]) -> int:
    """How many sentences nearly fit."""
    layouts = (1,) if len(places) == 2 else (2, _PAIR_FIRST)
    return sum(
        _stands(layout, list(some), down=down, slack=_SLACK)
        for layout in layouts
        for some in permutations(places)
        for down in (True, False)
    )


def _before(a: Place, b: Place, *, down: bool, straight: float, slack: float) -> bool:
    """Whether a is above b (or left of it), wholly, and by so much further in this direction than in the other."""
    along, across = (b[0] - a[0], b[1] - a[1]) if down else (b[1] - a[1], b[0] - a[0])
    return along + slack >= a[2] + b[2] + _MARGIN and along + slack >= straight * abs(across)


def _paint(picture: NDArray[np.float64], shape: str, place: Place, shade: NDArray[np.float64]) -> None:
    """Draw a shape: a pixel takes on its shade as far as the shape covers it, by nine points in the pixel."""
    y, x, radius = place
    top, left = int(y - radius), int(x - radius)
    points = (np.arange(3 * (int(2 * radius) + 2)) + 0.5) / 3
    dy, dx = abs(points[:, None] + top - y) / radius, abs(points + left - x) / radius
    match shape:
        case "circle":
            inside = dy * dy + dx * dx <= 1
        case "square":
            inside = np.maximum(dy, dx) <= 0.85
        case "triangle":
            height = (points[:, None] + top - y) / radius
            inside = (height <= 0.8) & (2 * dx <= 1.1 * (height + 1))
        case _:
            inside = (np.minimum(dy, dx) <= 0.3) & (np.maximum(dy, dx) <= 1)
    side = len(points) // 3
    cover = inside.reshape(side, 3, side, 3).mean((1, 3))[..., None]
    part = picture[top : top + side, left : left + side]
    part += (shade - part) * cover[: part.shape[0], : part.shape[1]]
