"""Which columns of a table are the input and which the target: told by name and content, and said why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from treadle.data.appearance import counts_rows, has_few_values, is_blank, is_id, is_name, is_numeric, mean_length
from treadle.data.audio.reading import located
from treadle.data.kinds import Kind, as_sequences, infer_kind
from treadle.data.long import SERIES, LongForm
from treadle.data.series import LARGEST
from treadle.data.table import Table
from treadle.data.targets import Task, infer_task
from treadle.data.values import expected_number, is_missing, is_number
from treadle.errors import InputError, nearest

# In order of preference, in lower case.
_TARGETS = (
    *("label", "labels", "target", "class", "category", "y", "sentiment", "intent", "polarity", "emotion"),
    *("标签", "类别", "分类", "情感"),
)
_INPUTS = (
    *(
        "text",
        "sequence",
        "series",
        "tokens",
        "audio",
        "review",
        "sentence",
        "document",
        "content",
        "message",
        "comment",
    ),
    *("文本", "评论", "句子", "内容"),
)
_WIDE = 8
_TASKS: tuple[Task, ...] = ("classify", "regress")


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for. Plain data: it is saved with a model and applied to later tables.

    Attributes:
        inputs: The names of the inputs: columns, or `"series"` where single numbers form one.
        target: The target column, `""` where nothing is to be predicted.
        task: `"classify"` or `"regress"`.
        kinds: The kind of every input.
        wide: The columns that form the input `"series"` together, in the order of time; mostly empty.
        reasons: A sentence for every choice, to be shown to the user.
        long: How rows that are steps become the table whose columns these are; None where rows are sequences.
    """

    inputs: list[str]
    target: str
    task: Task
    kinds: dict[str, Kind]
    wide: list[str]
    reasons: list[str]
    long: LongForm | None = None

    def to_json(self) -> dict[str, Any]:
        """The roles as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Roles":
        """Roles from what `to_json` gave."""
        kinds = {name: Kind(kind) for name, kind in saved["kinds"].items()}
        return cls(**{**saved, "kinds": kinds, "long": LongForm.from_json(saved.get("long"))})


def infer_roles(
    table: Table,
    input: str | Sequence[str] | None = None,  # noqa: A002 - the task's own word, as in --input
    target: str | None = None,
    task: Task | None = None,
) -> Roles:
    """Find inputs, target and task of a table, as far as they are not given.

    The target is the column that is called like one (`label`, `target`, `class`, ...), or the only one that is left, or
    the only one with few different short values, or the only number. The input is a column that is called like one
    (`text`, `sequence`, ...), else the longest text or sequence. Tables whose other columns are single numbers, two
    or more, become one series a row, in the order of the columns. Identifiers and dates are left out; a first column
    that counts up by one is taken for an identifier if others are left.

    Args:
        table: The data.
        input: One or several input columns.
        target: The target column.
        task: `"classify"` or `"regress"`.

    Raises:
        InputError: A given column does not exist (the nearest is named); input and target are the same; the target
            cannot be told; no column is left to be the input; a column of numbers holds text.

    Example:
        >>> infer_roles(Table({"review": ["good", "bad", "fine"], "label": [1, 0, 1]})).inputs
        ['review']
    """
    reasons: list[str] = []
    given = [input] if isinstance(input, str) else list(input or [])
    if input is not None and not given:
        raise InputError(f"{table.source}: an empty list of inputs was given, expected at least one column")
    for name in given:
        table.column(name, "input")
    if task is not None and task not in _TASKS:
        raise InputError(f"the task {task!r} is not known{nearest(task, _TASKS)}")
    if target is None:
        target, why = _find_target(table, given, task)
        reasons.append(f"target: {target!r}, {why}")
    table.column(target, "target")
    if target in given:
        raise InputError(f"{table.source}: column {target!r} is given as input and target, expected different columns")
    inputs, wide, why = _find_inputs(table, given, target)
    kinds = {name: Kind.SERIES if wide else infer_kind(table.column(name, "input"), name) for name in inputs}
    for name in inputs:
        described = (
            f"a series of {len(wide)} columns, {wide[0]!r} to {wide[-1]!r}" if wide else _describe(table, name, kinds)
        )
        reasons.append(f"input {name!r}: {described}{why}")
    if task is None:
        task, because = infer_task(table.column(target))
        reasons.append(f"task: {task}, {because}")
    return Roles(inputs, target, task, kinds, wide, reasons)


def extract(table: Table, roles: Roles) -> dict[str, list[Any]]:
    """The inputs of a table by name, every cell in the form of its kind (see `kinds.as_sequences`).

    Args:
        table: The table the roles were inferred from, or another with the same input columns.
        roles: What the columns are for.

    Raises:
        InputError: A column is missing, or a cell is not of its kind; the place is named.
    """
    if roles.wide:
        return {roles.inputs[0]: list(_wide_series(table, roles.wide))}
    return {
        name: as_sequences(_cells(table, name, roles.kinds[name]), roles.kinds[name], name, table.where)
        for name in roles.inputs
    }


def _cells(table: Table, name: str, kind: Kind) -> list[Any]:
    """The cells of an input; files of sound relative to the table that names them."""
    cells = table.column(name, "input")
    if kind is not Kind.AUDIO or table.source == "memory":
        return cells
    folder = Path(table.source).parent
    return [located(cell, folder) if isinstance(cell, str) and cell.strip() else cell for cell in cells]


def named_target(names: Sequence[str]) -> str | None:
    """The column that is called like a target."""
    by_name = {name.strip().lower(): name for name in reversed(names)}
    return next((by_name[usual] for usual in _TARGETS if usual in by_name), None)


def _find_target(table: Table, inputs: list[str], task: Task | None) -> tuple[str, str]:
    left = [name for name in table.columns if name not in inputs]
    named = named_target(left)
    if named is not None:
        return named, "by its name"
    left = [name for name in left if not is_id(name, table.columns[name])]
    for candidates in ([name for name in left if not counts_rows(table, name)], left):
        found = _only_candidate(table, candidates, inputs, task)
        if found is not None:
            return found
    if not left:
        raise InputError(f"{table.source}: no column is left to be the target, expected one beside the input")
    raise untold(table)


def untold(table: Table) -> InputError:
    """That the target cannot be told."""
    columns = ", ".join(repr(name) for name in list(table.columns)[:10]) + (", ..." if len(table.columns) > 10 else "")
    return InputError(
        f"{table.source}: the target cannot be told among the columns {columns}; "
        "name it with --target (target= in Python)"
    )


def _only_candidate(
    table: Table, candidates: list[str], inputs: list[str], task: Task | None
) -> tuple[str, str] | None:
    """The only column that can be the target by what it holds, and why; None if there are none or several."""
    if inputs and len(candidates) == 1:
        return candidates[0], "the only other column"
    few = [name for name in candidates if has_few_values(table.columns[name])]
    if len(few) == 1 and task != "regress":
        return few[0], f"the only column with few different values ({len({*map(str, table.columns[few[0]])})})"
    numbers = [name for name in candidates if is_numeric(table.columns[name])]
    return (numbers[0], "the only column of numbers") if len(numbers) == 1 else None


def _find_inputs(table: Table, given: list[str], target: str) -> tuple[list[str], list[str], str]:
    """Inputs, the columns of a wide series, and the reason as the end of a sentence."""
    left = given or [
        name
        for name, cells in table.columns.items()
        if name != target and not is_id(name, cells) and not is_blank(cells)
    ]
    if not left:
        raise InputError(
            f"{table.source}: no column is left to be the input, expected one beside the target {target!r}"
        )
    numeric = [name for name in left if is_numeric(table.columns[name])]
    if given:
        if len(numeric) == len(given) > 1:
            return [SERIES], given, ", as given"
        return given, [], ", as given"
    counting = [name for name in left if counts_rows(table, name)]
    if len(left) > len(counting):
        left = [name for name in left if name not in counting]
        numeric = [name for name in numeric if name not in counting]
    else:
        counting = []
    _check_nearly_numeric(table, left, numeric)
    others = [name for name in left if name not in numeric]
    if len(numeric) > 1 and (
        not others or (len(numeric) >= _WIDE and all(is_name(table.columns[name]) for name in others))
    ):
        return [SERIES], numeric, f", in this order{_without('; ', [*counting, *others])}"
    if not others:
        return left, [], ""  # one number a row: infer_kind says what is wrong with it
    by_name = {name.strip().lower(): name for name in reversed(others)}
    chosen = next((by_name[usual] for usual in _INPUTS if usual in by_name), None)
    why = "by its name"
    if chosen is None:
        chosen = max(others, key=lambda name: mean_length(table.columns[name]))
        why = "the longest"
    rest = [*counting, *(name for name in left if name != chosen)]
    return [chosen], [], _without(f"; {why}, ", rest)


def _without(before: str, names: list[str]) -> str:
    """The end of a reason: which columns are not used."""
    return f"{before}left out: {', '.join(map(repr, names))}" if names else ""


def _wide_series(table: Table, names: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """`[rows, time, 1]` from one column a step."""
    values = np.full((len(table), len(names), 1), np.nan)
    for step, name in enumerate(names):
        for row, cell in enumerate(table.column(name, "input")):
            if is_missing(cell):
                continue
            try:
                values[row, step, 0] = float(cell)
            except (TypeError, ValueError, OverflowError):
                raise _not_a_number(table, row, name, cell) from None
            if abs(values[row, step, 0]) > LARGEST:
                found = "an infinite value" if np.isinf(values[row, step, 0]) else repr(cell)
                raise InputError(f"{table.where(row)}, column {name!r}: found {found}, expected a number up to 3.4e38")
    return values


def _check_nearly_numeric(table: Table, names: list[str], numeric: list[str]) -> None:
    """Refuse a column of numbers with a few texts in it, which would otherwise pass for text, in a table of numbers."""
    if not numeric:
        return
    for name in names:
        cells = table.columns[name]
        if name in numeric or not all(isinstance(cell, str) for cell in cells):
            continue
        wrong = [row for row, cell in enumerate(cells) if not is_number(cell.strip()) and not is_missing(cell)]
        if len(wrong) <= 0.1 * len(cells):
            raise _not_a_number(table, wrong[0] if wrong else 0, name, cells[wrong[0] if wrong else 0])


def _not_a_number(table: Table, row: int, name: str, cell: Any) -> InputError:
    shown = repr(cell) if len(repr(cell)) <= 40 else f"{repr(cell)[:37]}..."
    return InputError(f"{table.where(row)}, column {name!r}: found {shown}, expected {expected_number(cell)}")


def _describe(table: Table, name: str, kinds: dict[str, Kind]) -> str:
    cells = as_sequences(table.columns[name], kinds[name], name, table.where)
    kind = kinds[name]
    if kind is Kind.AUDIO:
        return f"sound, {len(cells):,} recordings"
    if kind is Kind.TEXT:
        words = sum(len(cell.split()) for cell in cells) / len(cells)
        if words < 1.5:
            return f"text, {mean_length(cells):,.1f} characters on average"
        return f"text, {words:,.1f} words on average"
    unit = {Kind.TOKENS: "tokens", Kind.SYMBOLS: "symbols", Kind.SERIES: "steps"}[kind]
    channels = f", channels: {cells[0].shape[1]}" if kind is Kind.SERIES else ""
    return f"{kind}, {mean_length(cells):,.1f} {unit} on average{channels}".replace("tokens, ", "", 1)
