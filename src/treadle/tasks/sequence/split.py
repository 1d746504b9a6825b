"""Rows of one part of the data: inputs, targets, and where each row stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from treadle.tasks.sequence.features import Where
from treadle.tasks.sequence.inputs import Columns, row_name


@dataclass(frozen=True)
class Split:
    """Rows of one part of the data.

    Attributes:
        columns: Cells in the form of their kinds.
        y: Their targets, an array or a list.
        where: The place of a row, for error sentences and the list of errors; None where rows came from nowhere.
    """

    columns: Columns
    y: Any
    where: Where | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def place(self) -> Where:
        """`where`, or the number of a row that came from nowhere."""
        return self.where or row_name

    def joined(self, others: Self) -> Self:
        """These rows and then others, whose targets are of the same kind."""
        columns = {name: [*cells, *others.columns[name]] for name, cells in self.columns.items()}
        y: Any = [*self.y, *others.y]
        if isinstance(self.y, np.ndarray):
            y = np.array(y, self.y.dtype)  # that of the others may write 1 as 1.0 or True, other classes
        first, then = self.where, others.where
        if first is None or then is None:
            return type(self)(columns, y)
        return type(self)(columns, y, lambda row: first(row) if row < len(self) else then(row - len(self)))

    def take(self, rows: Iterable[Any]) -> Self:
        """Some of the rows, in the order given."""
        picked, where = [int(row) for row in rows], self.where
        y = self.y[picked] if isinstance(self.y, np.ndarray) else [self.y[row] for row in picked]
        columns = {name: [cells[row] for row in picked] for name, cells in self.columns.items()}
        return type(self)(columns, y, None if where is None else lambda row: where(picked[row]))
