"""The `X` of scikit-learn's contract, in any of its forms, as named columns of sequences."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from treadle.data import read
from treadle.data.kinds import Kind, as_sequences, infer_kind
from treadle.data.series import unmasked
from treadle.errors import InputError, nearest

SINGLE = "input"
"""The name of the only column where `X` has no names."""

Columns = dict[str, list[Any]]


def to_columns(estimator: Any, X: Any, *, fitting: bool) -> Columns:
    """Columns of cells out of what a caller gave.

    - a list, or a column of a data frame, of texts, token lists or series (arrays or lists `[time]` or `[time,
      channels]`, of any lengths);
    - an array `[rows, time, channels]`;
    - an array `[rows, time]`, its rows as lists (only in fit), or a pandas data frame of numbers: a series of one
      channel a row, checked as scikit-learn does;
    - a dictionary of columns or a data frame: each column an input.

    Args:
        estimator: Whose fit or predict was called; remembers the number of features of a two-dimensional `X`.
        X: The above.
        fitting: Whether it is fit that was called.

    Raises:
        InputError: `X` has no row, or is one text.
        ValueError: `X` is none of these, in scikit-learn's words.
    """
    if hasattr(X, "__array__") and not hasattr(X, "columns") and not hasattr(X, "to_list"):
        X = unmasked(X)  # a tensor
    if isinstance(X, str | Iterator | Set):
        raise InputError(f"the data is of type {type(X).__name__}, expected a list of sequences, one a row")
    if isinstance(X, Sequence) and not X:
        raise InputError("the data has no row")
    if _is_matrix(X) or (fitting and _is_list_of_rows(X)):
        matrix = validate_data(estimator, X, reset=fitting, ensure_all_finite="allow-nan", ensure_min_samples=1)
        return {SINGLE: list(np.asarray(matrix, dtype=np.float64)[:, :, None])}
    if fitting:
        for remembered in ("n_features_in_", "feature_names_in_"):
            vars(estimator).pop(remembered, None)
    if isinstance(X, Mapping) or hasattr(X, "columns"):
        return dict(read(X).columns)
    rows = X.to_list() if hasattr(X, "to_list") else list(X)
    return {SINGLE: [_plain(row) for row in rows]}


def to_sequences(columns: Columns, kinds: Mapping[str, Kind]) -> Columns:
    """The cells in the form of their kind.

    Raises:
        InputError: A cell is not of its column's kind, or a column is missing.
    """
    return {name: as_sequences(columns[name], kind, name, row_name) for name, kind in kinds.items()}


def to_known_columns(estimator: Any, X: Any, kinds: Mapping[str, Kind]) -> Columns:
    """The columns that a model was trained on, out of what a caller gave for prediction, in the form of their kinds.

    A list or an array is the only input of a model that has one, whatever its column is called.

    Raises:
        InputError: A column is missing, or a cell is not of its column's kind.
    """
    columns = to_columns(estimator, X, fitting=False)
    if len(kinds) == 1 and not isinstance(X, Mapping) and not hasattr(X, "columns"):
        columns = dict(zip(kinds, columns.values(), strict=True))  # nothing given has a name
    missing = next((name for name in kinds if name not in columns), None)
    if missing is not None:
        raise InputError(f"there is no column {missing!r}, which the model was trained on{nearest(missing, columns)}")
    return to_sequences(columns, kinds)


def infer_kinds(columns: Columns) -> dict[str, Kind]:
    """The kind of every column."""
    return {name: infer_kind(cells, name) for name, cells in columns.items()}


def row_name(row: int) -> str:
    """The place of a row in an error sentence, where nothing better is known."""
    return f"row {row} (counted from 0)"


def _is_matrix(X: Any) -> bool:
    """Whether `X` is for scikit-learn to check: numbers in an array or data frame, or none of the other forms."""
    if isinstance(X, Mapping) or hasattr(X, "to_list"):  # a dictionary of columns; a column of pandas or polars
        return False
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        return all(getattr(dtype, "kind", "O") in "iufb" for dtype in X.dtypes)
    if hasattr(X, "columns"):
        return False
    if isinstance(X, np.ndarray):
        return X.ndim == 2 or (X.ndim != 3 and X.dtype.kind in "iufbc")
    if isinstance(X, Sequence) and not isinstance(X, str):
        return all(isinstance(row, int | float) for row in X)
    return True


def _is_list_of_rows(X: Any) -> bool:
    """Whether `X` lists equally many single numbers a row.

    Such lists train as an array does. In predict they are sequences of any length, so that an answer does not depend on
    whether the other rows happen to be equally long.
    """
    if not isinstance(X, list | tuple) or not X or not all(isinstance(row, list | tuple | np.ndarray) for row in X):
        return False
    return len({len(row) for row in X}) == 1 and all(
        isinstance(value, int | float | np.number) for row in X for value in row
    )


def _plain(row: Any) -> Any:
    """A tensor, or another library's array, as NumPy's own."""
    return unmasked(row) if hasattr(row, "__array__") and not isinstance(row, str) else row
