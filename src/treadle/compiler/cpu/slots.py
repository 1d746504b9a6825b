"""Slots: the numbers that a kernel reads from its table, by name."""

from treadle.compiler.cpu.ir import I64, POINTER, Code, Value
from treadle.compiler.schedule import Place


class Slots:
    """The table of a function `(table)`: each number has a slot from the moment on that the code asks for it.

    Args:
        code: The function; its entry block has no end yet.

    Attributes:
        columns: For every buffer the columns that the code knows by their number only.
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        self.columns: dict[str, list[int]] = {}
        self._values: dict[str, Value] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the table."""
        return tuple(self._values)

    def slot(self, name: str) -> Value:
        """A number of the table, read once at the beginning."""
        if name not in self._values:
            code, b = self.code, self.code.builder
            here = b.block
            b.position_at_end(code.function.entry_basic_block)
            self._values[name] = code.load(code.arguments["table"], code.integer(len(self._values)), I64)
            b.position_at_end(here)
        return self._values[name]

    def pointer(self, name: str) -> Value:
        """An address."""
        return self.code.builder.inttoptr(self.slot(name), POINTER)

    def rows_at(self, step: Value, shift: int = 0) -> Value:
        """How many rows a step has; 0 before the first and after the last."""
        code = self.code
        return code.load(self.pointer("n"), code.add(step, code.integer(1 + shift)), I64)

    def row_at(self, step: Value, shift: int = 0) -> Value:
        """The first row of a step in the sequence buffers."""
        code = self.code
        return code.load(self.pointer("at"), code.add(step, code.integer(shift)), I64)

    def column(self, place: Place) -> Value:
        """The column of a place; its number is in the table, and the code only knows which one it is."""
        if not place.column:
            return self.code.integer(0)
        known = self.columns.setdefault(place.buffer, [])
        if place.column not in known:
            known.append(place.column)
        return self.slot(f"column {place.buffer} {known.index(place.column)}")
