"""The one form in which every reader hands over its data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from treadle.errors import InputError, nearest


@dataclass(frozen=True)
class Table:
    """Rows in named columns, with the place each row came from.

    Attributes:
        columns: Cells by column name; all columns have the same length. A cell is a str, float, int, bool, None
            (missing), list or NumPy array.
        source: The file or folder that was read, `"memory"` for Python objects.
        lines: The 1-based line in `source` (or in its own file, for a folder) where every row starts.
        files: The path of every row's own file, for folders.
        note: How the source was understood, in one phrase: `"CSV with a header, 11,987 rows"`.

    Raises:
        InputError: The columns differ in length.

    Example:
        >>> table = Table({"text": ["good", "bad"], "label": [1, 0]})
        >>> len(table), table.where(1)
        (2, 'row 1 (counted from 0)')
    """

    columns: dict[str, list[Any]]
    source: str = "memory"
    lines: list[int] | None = None
    files: list[str] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        lengths = {name: len(cells) for name, cells in self.columns.items()}
        for name, length in lengths.items():
            if length != len(self):
                first = next(iter(lengths))
                raise InputError(
                    f"{self.source}: column {name!r} has {length:,} rows, expected {len(self):,} as in column {first!r}"
                )

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def where(self, row: int) -> str:
        """The place of a row as an error sentence names it: `"reviews.csv, line 12"`.

        Args:
            row: The row's index, from 0.
        """
        parts = []
        if self.files is not None:
            parts.append(self.files[row])
        elif self.source != "memory":
            parts.append(self.source)
        if self.lines is not None:
            parts.append(f"line {self.lines[row]}")
        elif self.files is None:
            parts.append(f"row {row} (counted from 0)")
        return ", ".join(parts)

    def column(self, name: str, role: str = "data") -> list[Any]:
        """The cells of one column.

        Args:
            name: The column's name.
            role: What the column is wanted for, for the error sentence: `"input"`, `"target"`.

        Raises:
            InputError: There is no such column; the sentence names the nearest one.
        """
        if name not in self.columns:
            help_ = nearest(name, self.columns)
            raise InputError(f"{self.source}: there is no column {name!r} to take as {role}{help_}")
        return self.columns[name]

    def take(self, rows: Iterable[int]) -> "Table":
        """A table of the given rows, in the given order, each still knowing where it came from."""
        picked = [int(row) for row in rows]
        return replace(
            self,
            columns={name: [cells[row] for row in picked] for name, cells in self.columns.items()},
            lines=None if self.lines is None else [self.lines[row] for row in picked],
            files=None if self.files is None else [self.files[row] for row in picked],
        )
