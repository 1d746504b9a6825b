"""Rows of one part of the data: inputs, targets, and where each row stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from treadle.tasks.sequence.inputs import Columns


@dataclass(frozen=True)
class Split:
    """Rows of one part of the data.

    Attributes:
        columns: Cells in the form of their kinds.
        y: Their targets.
        places: Where each row stands, for the list of errors.
    """

    columns: Columns
    y: Sequence[Any]
    places: Sequence[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.y)

    def joined(self, others: Self) -> Self:
        """These rows and then others."""
        columns = {name: [*cells, *others.columns[name]] for name, cells in self.columns.items()}
        return type(self)(columns, [*self.y, *others.y], [*self.places, *others.places])

    def take(self, rows: Iterable[Any]) -> Self:
        """Some of the rows, in the order given."""
        picked = [int(row) for row in rows]
        return type(self)(
            {name: [cells[row] for row in picked] for name, cells in self.columns.items()},
            [self.y[row] for row in picked],
            [self.places[row] for row in picked],
        )
