"""Levels: in which stage of a step each value is computed.

A level is its products, then its pointwise functions, in one pass for each width. A value comes no earlier than what it
needs, and a sum over features, a product or another width begin a new level. What may come later does, where passes
then read and write less: many a value is used by one later pass alone, from numbers that it reads anyway.
"""

from collections.abc import Callable, Sequence

from treadle.compiler.program import Constant, Node
from treadle.compiler.saving import CHEAP

WRITTEN = 2
"""What writing a value costs beside reading one."""


def levels(order: Sequence[Node], is_kept: Callable[[Node], bool]) -> dict[Node, int]:
    """The level of every node.

    Args:
        order: All nodes, each after what it needs.
        is_kept: Whether a node is written to memory anyway, and can be read from there by later passes.
    """
    return _Levels(order, is_kept).run()


def comes_before(a: Node, user: Node) -> bool:
    """Whether a value must be whole, over all its features, before its user can be computed."""
    if user.kind == "sum" or a.kind not in ("pointwise", "sum"):
        return False
    return a.kind == "sum" or user.kind != "pointwise" or a.width != user.width


def is_at_hand(node: Node) -> bool:
    """Whether a node is a leaf or a part of one: it lies in memory before the step."""
    return node.kind == "leaf" or (node.kind == "slice" and node.arguments[0].kind == "leaf")


def is_repeated(node: Node) -> bool:
    """Whether later passes compute a value again, since it is a cheap function of one vector that they can read."""
    if node.kind != "pointwise" or node.width == 1 or node.arguments[0] not in CHEAP:
        return False
    wide = [a for a in node.arguments[1:] if not isinstance(a, Constant) and a.width > 1]
    return len(wide) == 1 and isinstance(wide[0], Node) and (wide[0].kind == "product" or is_at_hand(wide[0]))


def is_read(a: Node, user: Node) -> bool:
    """Whether a user in another pass reads a value from memory."""
    return user.kind == "product" or not is_repeated(a)


class _Levels:
    def __init__(self, order: Sequence[Node], is_kept: Callable[[Node], bool]) -> None:
        self.order, self.is_kept = order, is_kept
        self.level: dict[Node, int] = {}
        self.users: dict[Node, list[Node]] = {}
        for node in order:
            for child in node.children:
                self.users.setdefault(child, []).append(node)

    def run(self) -> dict[Node, int]:
        for node in self.order:
            self.level[node] = self.earliest(node)
        last = max(self.level.values(), default=0)
        for node in reversed(self.order):
            if node.kind == "pointwise" and node.width > 1:
                users = self.users.get(node, ())
                latest = min((self.level[user] - comes_before(node, user) for user in users), default=last)
                self.choose(node, latest)
        return self.level

    def earliest(self, node: Node) -> int:
        """The first level at which all is there that a node needs."""
        if node.kind == "product":
            return max((0 if is_at_hand(a) else self.level[a] + 1 for a in node.children), default=0)
        return max((self.level[a] + comes_before(a, node) for a in node.children), default=0)

    def choose(self, node: Node, latest: int) -> None:
        """Put a node, and what only it needs, into the level where memory has least to do."""
        now, cone = self.level[node], self.cone(node)
        around = {*cone, *(child for member in cone for child in member.children)}

        def put(level: int) -> None:
            self.level |= dict.fromkeys(cone, level)

        def traffic(level: int) -> int:
            put(level)
            return sum(map(self.traffic, around))

        put(min((now, *range(latest, now, -1)), key=traffic))

    def cone(self, node: Node) -> set[Node]:
        """A node and all of its level that is computed for it alone."""
        cone, waiting = {node}, [node]
        while waiting:
            for child in waiting.pop().children:
                here = child.kind == "pointwise" and child.width == node.width and child not in cone
                if here and self.level[child] == self.level[node] and cone.issuperset(self.users[child]):
                    cone.add(child)
                    waiting.append(child)
        return cone

    def traffic(self, a: Node) -> int:
        """How much is read and written for a value: once in every pass that does not make it itself."""
        users = [user for user in self.users.get(a, ()) if user.width == a.width or user.kind == "sum"]
        readers = {self.level[user] for user in users if user.kind in ("pointwise", "sum")}
        if a.kind == "pointwise":
            readers.discard(self.level[a])
        apart = [user for user in self.users.get(a, ()) if self.level[user] != self.level[a] or comes_before(a, user)]
        written = a.kind == "pointwise" and not self.is_kept(a) and any(is_read(a, user) for user in apart)
        return len(readers) + WRITTEN * written
