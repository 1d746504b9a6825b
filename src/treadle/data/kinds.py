"""The kinds of sequence a column can hold, told from its cells, and the cells brought into one form a kind."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from treadle.data.audio.waveform import Waveform, is_audio_file
from treadle.data.series import LARGEST, first_fault, told
from treadle.data.values import Array, is_missing, parse_series
from treadle.errors import InputError

_SAMPLED = 1000
_SYMBOL_SIGNS = frozenset("-*.")  # gap, stop and unknown in alignments and proteins
_LARGEST_ALPHABET = 30
_SHORTEST_SYMBOLS = 20  # shorter strings of letters are words and names


class Kind(StrEnum):
    """What a sequence is made of, which decides how it becomes numbers."""

    TEXT = "text"
    """Strings to be split into words, characters or sub-words."""
    TOKENS = "tokens"
    """Lists of strings, split already."""
    SYMBOLS = "symbols"
    """Strings over a small alphabet, a symbol a character: DNA, proteins."""
    SERIES = "series"
    """Numbers over time, `[time, channels]`."""
    AUDIO = "audio"
    """Sound: files by name, or waveforms in memory."""


def infer_kind(values: Sequence[Any], name: str = "input") -> Kind:
    """The kind of a column, from up to 1,000 of its cells spread over the rows.

    Arrays and lists of numbers (or of lists of numbers) are series, lists of strings tokens, waveforms sound. Strings
    are sound when at least 90 % of them end as files of sound do; a series when at least 90 % are two or more numbers
    between spaces, commas or semicolons; symbols when at least 90 % have no white space, are longer than 20 characters
    on average, mostly differ from each other and share an alphabet of at most 30 ASCII letters and the signs `-`, `*`,
    `.`; and text otherwise.

    Args:
        values: The cells.
        name: The column's name, for error sentences.

    Raises:
        InputError: The column is empty, or its cells are single numbers or anything else that is no sequence.

    Example:
        >>> infer_kind(["a fine film", "dull"]), infer_kind(["1 2 3", "4;5"])
        (<Kind.TEXT: 'text'>, <Kind.SERIES: 'series'>)
    """
    step = max(1, len(values) // _SAMPLED)
    cells = [cell for cell in values[::step] if not _is_empty(cell)] or [cell for cell in values if not _is_empty(cell)]
    if not cells:
        raise InputError(f"column {name!r} is empty in every row, expected sequences")
    kinds = {_of_cell(cell) for cell in cells}
    if kinds <= {str}:
        return _of_strings([str(cell) for cell in cells])
    if kinds == {str, Kind.AUDIO} and all(is_audio_file(cell) for cell in cells if isinstance(cell, str)):
        return Kind.AUDIO
    for kind in (Kind.TOKENS, Kind.SERIES, Kind.AUDIO):
        if kinds == {kind}:
            return kind
    if kinds == {float}:
        raise InputError(
            f"column {name!r} holds one number a row, expected sequences; several such columns can form one series"
        )
    if kinds == {str, float}:  # texts some of which are numbers
        return Kind.TEXT
    found = ", ".join(sorted({type(cell).__name__ for cell in cells}))
    raise InputError(
        f"column {name!r} holds cells of type {found}, expected texts, lists of tokens or numbers, or arrays"
    )


def as_sequences(values: Sequence[Any], kind: Kind, name: str, where: Callable[[int], str]) -> list[Any]:
    """The cells of a column in the one form of their kind.

    Args:
        values: The cells.
        kind: What they are.
        name: The column's name, for error sentences.
        where: The place of a row, as `Table.where` gives it.

    Returns:
        TEXT: str, `""` for a missing one. SYMBOLS: str without outer white space. TOKENS: list of str. SERIES: float64
        array `[time, channels]`, NaN where a value is missing, the same number of channels in all rows. AUDIO: the name
        of a file, or a waveform.

    Raises:
        InputError: A cell is not of the kind, a series or token list is missing, channels differ, or a number is
            infinite; the row and column are named.
    """
    if kind is Kind.AUDIO:
        return [_audio(cell, f"{where(row)}, column {name!r}") for row, cell in enumerate(values)]
    if kind is Kind.TEXT:
        return [_text(cell, row, name, where) for row, cell in enumerate(values)]
    if kind is Kind.SYMBOLS:
        return [_text(cell, row, name, where).strip() for row, cell in enumerate(values)]
    if kind is Kind.TOKENS:
        return [_tokens(cell, f"{where(row)}, column {name!r}") for row, cell in enumerate(values)]
    series = [_series(cell, row, name, where) for row, cell in enumerate(values)]
    channels = next((one.shape[1] for one in series if len(one)), 1)
    for row, one in enumerate(series):
        if len(one) and one.shape[1] != channels:
            raise InputError(
                f"{where(row)}, column {name!r}: the series has {one.shape[1]} channels, "
                f"expected {channels} as in the first row"
            )
    return [one if len(one) else np.zeros((0, channels)) for one in series]


def _is_empty(cell: Any) -> bool:
    return len(cell) == 0 if isinstance(cell, list | np.ndarray) else is_missing(cell)


def _of_cell(cell: Any) -> type | Kind:
    """Kind of a list or array; `str`, `float` (any single number) or `object` otherwise."""
    if isinstance(cell, str):
        return str
    if isinstance(cell, Waveform):
        return Kind.AUDIO
    if isinstance(cell, int | float):
        return float
    if isinstance(cell, np.ndarray):
        if cell.dtype.kind in "iufb":
            return Kind.SERIES
        cell = cell.tolist()
    if isinstance(cell, list):
        if all(isinstance(item, str) for item in cell):
            return Kind.TOKENS
        if all(item is None or isinstance(item, int | float | list | np.ndarray) for item in cell):
            return Kind.SERIES
    return object


def _of_strings(cells: list[str]) -> Kind:
    if sum(map(is_audio_file, cells)) >= 0.9 * len(cells):
        return Kind.AUDIO
    series = [parsed for parsed in map(parse_series, cells) if parsed is not None]
    if len(series) >= 0.9 * len(cells) and not all(np.isnan(parsed).all() for parsed in series):
        return Kind.SERIES
    stripped = [cell.strip() for cell in cells]
    solid = [cell for cell in stripped if len(cell.split()) == 1]
    mean_length = sum(map(len, stripped)) / len(stripped)
    if len(solid) < 0.9 * len(stripped) or mean_length <= _SHORTEST_SYMBOLS or 2 * len(set(solid)) < len(solid):
        return Kind.TEXT
    alphabet = set("".join(solid)) - _SYMBOL_SIGNS
    letters = all(sign.isascii() and sign.isalpha() for sign in alphabet)
    return Kind.SYMBOLS if letters and len(alphabet) <= _LARGEST_ALPHABET else Kind.TEXT


def _text(cell: Any, row: int, name: str, where: Callable[[int], str]) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None or (isinstance(cell, float) and cell != cell):
        return ""
    if not isinstance(cell, int | float):
        raise InputError(f"{where(row)}, column {name!r}: found {_shown(cell)}, expected a text")
    return str(cell)


def _audio(cell: Any, place: str) -> str | Waveform:
    if isinstance(cell, Waveform) or (isinstance(cell, str) and cell.strip()):
        return cell
    raise InputError(f"{place}: found {_shown(cell)}, expected a file of sound")


def _tokens(cell: Any, place: str) -> list[str]:
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if not isinstance(cell, list):
        raise InputError(f"{place}: found {_shown(cell)}, expected a list of tokens")
    for item in cell:
        if not isinstance(item, str):
            raise InputError(f"{place}: found {_shown(item)} among the tokens, expected strings only")
    return cell


def _series(cell: Any, row: int, name: str, where: Callable[[int], str]) -> Array:
    if isinstance(cell, np.ndarray) and cell.dtype == np.float64:
        array = cell
    else:
        array = _as_array(cell, f"{where(row)}, column {name!r}")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"{where(row)}, column {name!r}: found an array with {array.ndim} axes, expected [time] or [time, channels]"
        )
    if (np.abs(array) > LARGEST).any():
        step, channel = np.argwhere(np.abs(array) > LARGEST)[0]
        place = f"{where(row)}, column {name!r}, step {step + 1}, channel {channel + 1}"
        raise InputError(f"{place}: found {told(array[step, channel])}, expected a number up to 3.4e38 or nothing")
    return array


def _as_array(cell: Any, place: str) -> Array:
    if isinstance(cell, str):
        parsed = parse_series(cell)
        if parsed is None:
            parsed = _single_number(cell, place)
        return parsed
    if not isinstance(cell, list | np.ndarray):
        raise InputError(f"{place}: found {_shown(cell)}, expected a series of numbers")
    try:
        return np.asarray(cell, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{place}: {first_fault(cell)}") from None


def _single_number(cell: str, place: str) -> Array:
    """A series of one step, which no separator shows to be one."""
    try:
        return np.array([float(cell)], dtype=np.float64)
    except ValueError:
        raise InputError(
            f"{place}: found {_shown(cell)}, expected numbers between spaces, commas or semicolons"
        ) from None


def _shown(cell: Any) -> str:
    """A cell as an error sentence shows it: short."""
    if cell is None or (isinstance(cell, str) and not cell):
        return "nothing"
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."
