"""Saving: what the forward pass keeps for the backward pass.

The backward pass reads values of the forward pass. Each is either kept, which costs memory and its traffic, or computed
again from others. Products, sums and functions that cost a division are never computed again; cheap ones may be. Which
values to keep is then a minimum cut between what is at hand (the input, the state before the step, the output) and what
is read; of several the one next to what is read, which leaves least to compute again.
"""

from collections import deque
from collections.abc import Iterable

from treadle.compiler.program import Node, order

CHEAP = frozenset(
    {"add", "sub", "mul", "neg", "copy", "relu", "maximum", "minimum", "where", "abs", "sign"}
    | {"gt", "ge", "lt", "le", "eq", "ne"}
)
"""Functions that are computed again rather than kept."""

NARROW = 0.05
"""What keeping a value of width 1 costs beside one of the width of a layer."""

_ENDLESS = 1e9
_NOTHING = 1e-9


def choose_saved(forward: Iterable[Node], read: Iterable[Node], at_hand: Iterable[Node]) -> list[Node]:
    """The nodes that the forward pass keeps, in its order.

    Args:
        forward: Roots of the forward pass.
        read: Nodes of it that the backward pass reads.
        at_hand: Nodes that are there anyway.
    """
    free, wanted = set(at_hand), set(read)
    nodes = order(forward)
    edges: dict[object, dict[object, float]] = {}

    def edge(a: object, b: object, capacity: float) -> None:
        edges.setdefault(a, {})[b] = edges.get(a, {}).get(b, 0.0) + capacity
        edges.setdefault(b, {}).setdefault(a, 0.0)

    for node in nodes:
        enter, leave = (node, "in"), (node, "out")
        if node in free or node.kind == "leaf":
            continue
        edge(enter, leave, NARROW if node.width == 1 else 1.0)
        repeated = node.kind in ("slice", "concat") or (node.kind == "pointwise" and node.arguments[0] in CHEAP)
        if not repeated:
            edge("source", enter, _ENDLESS)
        for child in node.children:
            if child not in free and child.kind != "leaf":
                edge((child, "out"), enter, _ENDLESS)
        if node in wanted:
            edge(leave, "sink", _ENDLESS)
    beyond = _reaching_after_flow(edges)
    return [node for node in nodes if (node, "in") not in beyond and (node, "out") in beyond]


def _reaching_after_flow(edges: dict[object, dict[object, float]]) -> set[object]:
    """What still reaches the sink when as much as possible flows to it (Edmonds & Karp 1972)."""
    while True:
        before: dict[object, object] = {"source": "source"}
        waiting: deque[object] = deque(["source"] if "source" in edges else [])
        while waiting and "sink" not in before:
            a = waiting.popleft()
            for b, capacity in edges[a].items():
                if capacity > _NOTHING and b not in before:
                    before[b] = a
                    waiting.append(b)
        if "sink" not in before:
            return _reaching(edges)
        way: list[object] = ["sink"]
        while way[-1] != "source":
            way.append(before[way[-1]])
        steps = list(zip(way[1:], way[:-1], strict=True))
        flow = min(edges[a][b] for a, b in steps)
        for a, b in steps:
            edges[a][b] -= flow
            edges[b][a] += flow


def _reaching(edges: dict[object, dict[object, float]]) -> set[object]:
    """What reaches the sink along edges with room."""
    found: set[object] = {"sink"}
    waiting: list[object] = ["sink"]
    while waiting:
        b = waiting.pop()
        for a in edges.get(b, ()):
            if a not in found and edges[a][b] > _NOTHING:
                found.add(a)
                waiting.append(a)
    return found
