"""`treadle explain`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.errors import InputError

SIZES = (3, 4)
"""Inputs and units of the cell that is shown: different, and small enough to be read."""


def explain(
    model: Annotated[Path | None, Argument(help="A run folder.", show_default=False)] = None,
    cell: Annotated[
        str | None, Option(help="A cell instead: its equations, its engine and what the compiler makes of it.")
    ] = None,
) -> None:
    """Parse, look, print."""
    if (model is None) == (cell is None):
        raise InputError("explain takes a run folder or --cell NAME, one of the two")
    if cell is not None:
        print("\n\n".join(_about(cell)))
        return
    from treadle.tasks import load

    assert model is not None
    estimator = load(model)
    print(f"{estimator.describe()}: {estimator.describe_size()}")
    for part in estimator.explain():
        print(part)


def _about(name: str) -> list[str]:
    """Paragraphs on a cell: its equations, its engine, and what the compiler makes of its step."""
    from inspect import getdoc

    from treadle.cells import make_cell
    from treadle.compiler.explain import explain as program
    from treadle.compiler.explain import kernels
    from treadle.nn import choose_engine

    made = make_cell(name, *SIZES)
    engine = choose_engine(made, "auto")
    said = [f"{name}: {getdoc(type(made))}", str(engine)]
    if engine.engine != "cpu":  # the engine says why the step cannot be compiled
        return said
    return [*said, f"with {SIZES[0]} inputs and {SIZES[1]} units:", program(made), kernels()]
