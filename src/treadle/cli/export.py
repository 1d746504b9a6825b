"""`treadle export`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def export(
    model: Annotated[Path, Argument(help="A run folder.")],
    to: Annotated[str, Option(help="The format: onnx, c or int8.")],
    out: Annotated[Path, Option(help="A folder for the files, new or empty.")],
    int8: Annotated[bool, Option("--int8", help="Of onnx and c: weights in 8 bits.")] = False,
    name: Annotated[str | None, Option(help="Of c: begins every name in it; by default 'model'.")] = None,
) -> None:
    """Parse, export, print what was written and how it was proved."""
    from treadle.export import export as write

    options = {"int8": int8 or None, "name": name}
    for line in write(model, to, out, **{key: value for key, value in options.items() if value is not None}):
        print(line)
