"""What several commands share: reading `--set`, showing figures."""

import ast
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treadle.errors import InputError

if TYPE_CHECKING:
    from treadle.evaluation.scores import Estimate


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`name=value` pairs, as `--set` takes them; a value is a Python literal, `true` or `false`, or else a word.

    Raises:
        InputError: A pair has no equals sign.

    Example:
        >>> parse_settings(["dropout=0.3", "pooling=mean", "clip_outliers=None", "lowercase=false"])
        {'dropout': 0.3, 'pooling': 'mean', 'clip_outliers': None, 'lowercase': False}
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(f"--set takes NAME=VALUE, found {pair!r}")
        value = value.strip()
        try:
            settings[name.strip()] = ast.literal_eval(value.title() if value in ("true", "false") else value)
        except (ValueError, SyntaxError):
            settings[name.strip()] = value
    return settings


def read_config(path: Path | None) -> dict[str, Any]:
    """The arguments of a TOML file: those of a run's `config.toml`, or names and values at its top.

    Raises:
        InputError: The file is missing or is not TOML.
    """
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: is not a TOML file ({error})") from None
    arguments: dict[str, Any] = content.get("arguments", content)
    return arguments


def figures(scores: "Mapping[str, Estimate]") -> str:
    """Metrics in one line, each with its 95 % interval where it has one; a dash where one is not defined."""
    shown = []
    for name, estimate in scores.items():
        interval = "" if estimate.low is None else f" ({estimate.low:.4f} to {estimate.high:.4f})"
        value = f"{estimate.value:.4f}" if math.isfinite(estimate.value) else "–"
        shown.append(f"{name.replace('_', ' ')} {value}{interval}")
    return "  ".join(shown)


def as_json(value: Any) -> str:
    """One line of JSON; NumPy's numbers and arrays as plain ones."""
    return json.dumps(value, ensure_ascii=False, default=lambda odd: odd.tolist())
