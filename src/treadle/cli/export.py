"""`treadle export`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def export(
    model: Annotated[Path, Argument(help="A run folder.")],
    to: Annotated[str, Option(help="The format: onnx.")],
    out: Annotated[Path, Option(help="A folder for the files, new or empty.")],
) -> None:
    """Parse, export, print what was written and how it was proved."""
    from treadle.export import export as write

    for line in write(model, to, out):
        print(line)
