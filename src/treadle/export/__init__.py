"""Export: a trained model as files that run without Treadle.

A format is a module of this package, imported when it is asked for, with `write(estimator, folder) -> lines`: it puts
its files into an empty folder, proves them equal to the model, and returns what the user is told. It raises
`InputError` where the model has no such form or the two differ.
"""

import shutil
from importlib import import_module
from inspect import signature
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from treadle.errors import InputError, nearest
from treadle.tasks import load

FORMATS = {"onnx": "treadle.export.onnx", "c": "treadle.export.c", "int8": "treadle.export.int8"}
"""The module of every format."""


def export(model: Any, to: str, out: str | Path, **options: Any) -> list[str]:
    """Write a trained model in a form that runs without Treadle, and prove that it answers the same.

    The files are written beside `out` and moved there when all is proved; until then, and where anything goes wrong,
    `out` is as it was.

    Args:
        model: A fitted estimator, or the folder of one.
        to: The format, a name of `FORMATS`.
        out: The folder for the files; made if it is not there, and refused if it holds anything.
        **options: Of the format: `int8` of "onnx" and "c", `name` of "c".

    Returns:
        What was written and how it was proved, a line each.

    Raises:
        InputError: The format or an option of it does not exist, or needs a package that is missing; the model cannot
            be opened or has no such form, `out` is not empty, or what was written answers differently.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r}{nearest(to, FORMATS)}")
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: is there already and is not an empty folder, expected a new one")
    estimator = load(model) if isinstance(model, str | Path) else model
    try:
        writer = import_module(FORMATS[to])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("treadle"):
            raise
        raise InputError(
            f"{to} needs the package {error.name}, which is not installed; pip install 'treadle[export]'"
        ) from None
    known = [*signature(writer.write).parameters][2:]
    for option in options:
        if option not in known:
            raise InputError(f"the format {to!r} has no option {option!r}{nearest(option, known)}")
    if "origin" in known and isinstance(model, str | Path):
        options = {"origin": Path(model), **options}
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        lines: list[str] = writer.write(estimator, beside, **options)
        beside.chmod(0o755)  # mkdtemp makes folders that nobody else can read
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return lines
