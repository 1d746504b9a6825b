"""Step: where everything of one step of a loop lies."""

from treadle.compiler.cpu.ir import Code, Value
from treadle.compiler.cpu.slots import Slots
from treadle.compiler.schedule import Place, Schedule


class Step:
    """The addresses of one step.

    Args:
        code: What is being written.
        table: Its table.
        schedule: The loop's.
        keeps: Whether carried values are kept for all steps (in the packed order) or only for two.
        step: The step's number.
        chunk_row: Its first row among those of its chunk.
    """

    def __init__(
        self, code: Code, table: Slots, schedule: Schedule, keeps: bool, step: Value, chunk_row: Value
    ) -> None:
        self.code, self.table, self.buffers, self.keeps = code, table, schedule.buffers, keeps
        self.index, self.chunk_row = step, chunk_row
        self.before, self.rows, self.following = (table.rows_at(step, shift) for shift in (-1, 0, 1))
        self.row, self.next_row = table.row_at(step), table.row_at(step, 1)
        self.first = table.slot("first")

    def address(self, place: Place) -> Value:
        """The place's first row of this step, or of the next for a carried value after the step."""
        code, buffer = self.code, self.buffers[place.buffer]
        base, column = self.table.pointer(f"buffer {place.buffer}"), self.table.column(place)
        if buffer.for_all_rows or buffer.kind == "scratch":
            return code.at(base, column)
        row = {"sequence": self.row, "chunk": self.chunk_row, "carried": self.carried_row(place.after)}[buffer.kind]
        return code.at(base, code.add(code.mul(row, self.table.slot(f"row {place.buffer}")), column))

    def carried_row(self, after: bool) -> Value:
        """The row of a carried value: in the packed order where all are kept, else one of two places in turn."""
        code = self.code
        if self.keeps:
            return self.next_row if after else self.row
        step = code.add(self.index, code.integer(int(after)))
        return code.mul(code.builder.and_(step, code.integer(1)), self.table.slot("ring"))

    def ending(self, place: Place) -> Value:
        """Where a carried value goes for rows that end with this step."""
        code = self.code
        width = self.table.slot(f"row {place.buffer}")
        offset = code.add(code.mul(self.first, width), self.table.column(place))
        return code.at(self.table.pointer(f"final {place.buffer}"), offset)

    def stride(self, place: Place) -> Value:
        """From one row to the next; parameters are the same for all rows."""
        buffer = self.buffers[place.buffer]
        if buffer.for_all_rows:
            return self.code.integer(0)
        row = self.table.slot(f"row {place.buffer}")
        return self.code.mul(row, self.table.slot("apart")) if buffer.kind == "sequence" else row
