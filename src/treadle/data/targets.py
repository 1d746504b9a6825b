"""What is to be predicted: which task its values mean, and whether a model can be trained on them."""

import sys
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from treadle.data.table import Table
from treadle.data.values import is_missing, is_number
from treadle.errors import InputError, counted, nearest

Task = Literal["classify", "regress"]

_MOST_INTEGER_CLASSES = 50
_LARGEST = sys.float_info.max


def infer_task(values: Sequence[Any]) -> tuple[Task, str]:
    """The task a target column means, with the reason in words.

    Strings, booleans and lists (several labels a row) are classes; but lists of numbers of which some are not whole are
    to be regressed, a number a step. Whole numbers are classes when at most 50 different ones occur, each at least
    twice on average. Other numbers are to be regressed.

    Example:
        >>> infer_task([0, 1, 1, 0])
        ('classify', '2 distinct values')
        >>> infer_task([0.5, 2.25])
        ('regress', 'numbers that are not whole')
    """
    cells = [cell for cell in values if not is_missing(cell)]
    if any(isinstance(cell, list | np.ndarray) for cell in cells):
        return ("regress", "a number a step") if _measures(cells) else ("classify", "lists of labels")
    distinct = len(set(map(str, cells)))
    if not all(isinstance(cell, int | float) for cell in cells):
        return "classify", f"{distinct:,} distinct values"
    if any(isinstance(cell, float) and not cell.is_integer() for cell in cells):
        return "regress", "numbers that are not whole"
    if distinct <= _MOST_INTEGER_CLASSES and 2 * distinct <= max(len(cells), 4):
        return "classify", f"{distinct:,} distinct values"
    return "regress", f"{distinct:,} distinct whole numbers"


def check_target(
    table: Table,
    target: str,
    task: Task,
    *,
    separator: str | None = None,
    classes: Sequence[Any] | None = None,
) -> list[Any]:
    """The target column in one form, checked to be usable.

    Args:
        table: The data.
        target: The target column's name.
        task: `"classify"` or `"regress"`.
        separator: Splits string cells into several labels a row: `"|"` for `a|b`.
        classes: The labels a model knows, when the table is to be evaluated and not trained on. Every label is
            brought to the known one that is written the same (`"1"` in a file for `1`), and the checks that concern
            training (at least two classes, at least two rows a class) are left out.

    Returns:
        Classification: a label a row (str, int or bool), or a list of different labels a row where the column holds
        lists or `separator` is given; a list may be empty. Regression: floats, or an array of a number a step where the
        column holds lists.

    Raises:
        InputError: A row has no target, or one of the wrong type; there is only one class, or a class with one row
            (with several labels a row, rare labels are allowed); a regression target is infinite or the same in every
            row; a label is not among `classes`. The place is named.
    """
    cells = table.column(target, "target")
    for row, cell in enumerate(cells):
        if is_missing(cell) and not (isinstance(cell, str) and cell.strip().lower() == "none"):  # "none" can be a class
            found = f"is {cell.strip()!r}" if isinstance(cell, str) and cell.strip() else "is empty"
            raise InputError(f"{table.where(row)}: the target {target!r} {found}, expected a target in every row")
    if task == "regress":
        if any(isinstance(cell, list | np.ndarray) for cell in cells):
            return [_step_numbers(table, target, row, cell) for row, cell in enumerate(cells)]
        return _numbers(table, target, cells, training=classes is None)
    if separator is not None or any(isinstance(cell, list | np.ndarray) for cell in cells):
        rows = [_label_list(table, target, row, cell, separator) for row, cell in enumerate(cells)]
        if classes is None:
            _check_varies(table, target, rows)
            return rows
        known = {str(label): label for label in classes}
        return [[_known(table, row, label, known) for label in labels] for row, labels in enumerate(rows)]
    labels = [_label(table, target, row, cell) for row, cell in enumerate(cells)]
    if classes is None:
        _check_classes(table, target, labels)
        return labels
    known = {str(label): label for label in classes}
    return [_known(table, row, label, known) for row, label in enumerate(labels)]


def _label(table: Table, target: str, row: int, cell: Any) -> Any:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)  # a column of whole numbers with a gap arrives as floats from data frames
    if not isinstance(cell, int | float):
        raise InputError(f"{table.where(row)}: the target {target!r} is {type(cell).__name__}, expected a label")
    return cell


def _label_list(table: Table, target: str, row: int, cell: Any, separator: str | None) -> list[Any]:
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if separator is not None and isinstance(cell, str):
        cell = [part.strip() for part in cell.split(separator) if part.strip()]
    elif not isinstance(cell, list):
        if separator is None:
            raise InputError(
                f"{table.where(row)}: the target {target!r} is {cell!r}, expected a list of labels as elsewhere"
            )
        cell = [cell]  # a number, which no separator can be in
    return list(dict.fromkeys(_label(table, target, row, label) for label in cell))


def _check_classes(table: Table, target: str, labels: list[Any]) -> None:
    first: dict[Any, int] = {}
    counts: dict[Any, int] = {}
    for row, label in enumerate(labels):
        first.setdefault(label, row)
        counts[label] = counts.get(label, 0) + 1
    if len(counts) < 2:
        raise InputError(
            f"{table.source}: every row has the label {labels[0]!r} in column {target!r}, expected at least two classes"
        )
    single = [label for label, count in counts.items() if count == 1]
    if single:
        more = len(single) - 1
        others = f", and so {'does' if more == 1 else 'do'} {counted(more, 'other label')}" if more else ""
        raise InputError(
            f"{table.where(first[single[0]])}: the label {single[0]!r} occurs in this row only{others}, "
            "expected at least two rows a class, one to train on and one to check with"
        )


def _check_varies(table: Table, target: str, rows: list[list[Any]]) -> None:
    labels = {label for row in rows for label in row}
    if not labels or (len(labels) == 1 and all(rows)):
        found = f"every row has the label {labels.pop()!r}" if labels else "no row has a label"
        raise InputError(f"{table.source}: {found} in column {target!r}, expected labels that differ between rows")


def _known(table: Table, row: int, label: Any, known: dict[str, Any]) -> Any:
    if str(label) not in known:
        raise InputError(
            f"{table.where(row)}: the label {str(label)!r} is not one the model was trained on"
            f"{nearest(str(label), known)}"
        )
    return known[str(label)]


def _numbers(table: Table, target: str, cells: list[Any], *, training: bool) -> list[float]:
    numbers = []
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and is_number(cell.strip()):
            cell = float(cell)
        if not isinstance(cell, int | float) or abs(cell) > _LARGEST:
            shown = repr(cell) if len(repr(cell)) <= 40 else f"{repr(cell)[:37]}..."
            raise InputError(f"{table.where(row)}: the target {target!r} is {shown}, expected a finite number")
        numbers.append(float(cell))
    if training and len(set(numbers)) < 2:
        raise InputError(
            f"{table.source}: the target {target!r} is {numbers[0]:g} in every row, expected numbers that differ"
        )
    return numbers


def _measures(cells: Sequence[Any]) -> bool:
    """Whether all cells are lists of numbers, and not all of these are whole."""
    if not all(isinstance(cell, list | np.ndarray) for cell in cells):
        return False
    values = [value for cell in cells for value in (cell.tolist() if isinstance(cell, np.ndarray) else cell)]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers and any(isinstance(value, float) and not value.is_integer() for value in values)


def _step_numbers(table: Table, target: str, row: int, cell: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers of a row's steps."""
    values = cell.tolist() if isinstance(cell, np.ndarray) else cell
    if not isinstance(values, list):
        raise InputError(f"{table.where(row)}: the target {target!r} is {values!r:.40}, expected a list as elsewhere")
    for step, value in enumerate(values, 1):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
            place = f"{table.where(row)}: entry {step} of the target {target!r}"
            raise InputError(f"{place} is {value!r:.40}, expected a finite number")
    return np.array(values, dtype=np.float64)
