"""`treadle demo`."""

from pathlib import Path
from typing import Annotated

from typer import Option

from treadle.cli.train import next_folder, train


def demo(out: Annotated[Path | None, Option(help="The run folder.  [default: runs/vowels-NUMBER]")] = None) -> None:
    """Train on the vowels: nine speakers, told apart by how they say "ae"."""
    print("$ treadle train builtin:vowels\n")
    train("builtin:vowels", out=out or next_folder("vowels"))
