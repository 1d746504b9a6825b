"""Rows as training takes them: what is learnt from, and what is held back from that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.tasks.sequence.features import Where
from treadle.tasks.sequence.inputs import Columns, row_name


@dataclass(frozen=True)
class Part:
    """Some rows with their targets.

    Attributes:
        columns: Cells in the form of their kinds.
        y: The target of every row, an array or a list of arrays.
        where: The place of a row, for error sentences.
    """

    columns: Columns
    y: Any
    where: Where = row_name

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: NDArray[np.int64]) -> "Part":
        """Some of the rows, in the order given."""
        y = self.y[rows] if isinstance(self.y, np.ndarray) else [self.y[row] for row in rows]
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Part(columns, y, lambda row: self.where(int(rows[row])))

    def joined(self, others: "Part") -> "Part":
        """These rows and then others, whose targets are of the same kind."""
        columns = {name: [*cells, *others.columns[name]] for name, cells in self.columns.items()}
        y: Any = [*self.y, *others.y]
        if isinstance(self.y, np.ndarray):
            y = np.array(y, self.y.dtype)  # that of the others may write 1 as 1.0 or True, other classes
        return Part(columns, y, lambda row: self.where(row) if row < len(self) else others.where(row - len(self)))
