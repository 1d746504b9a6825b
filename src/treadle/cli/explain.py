"""`treadle explain`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.errors import InputError


def explain(
    model: Annotated[Path | None, Argument(help="A run folder.", show_default=False)] = None,
    cell: Annotated[str | None, Option(help="A cell instead: its equations and its engine.")] = None,
) -> None:
    """Parse, look, print."""
    if (model is None) == (cell is None):
        raise InputError("explain takes a run folder or --cell NAME, one of the two")
    if cell is not None:
        from inspect import getdoc

        from treadle.cells import make_cell
        from treadle.nn import choose_engine

        made = make_cell(cell, 1, 1)
        print(f"{cell}: {getdoc(type(made))}\n\n{choose_engine(made, 'auto')}")
        return
    from treadle.tasks.folder import load_model
    from treadle.tasks.reporting import describe, describe_size

    assert model is not None
    estimator, _ = load_model(model)
    print(f"{describe(estimator)}: {describe_size(estimator)}")
    for place, name in enumerate(estimator.features_):
        print(f"input {name!r}: {estimator.network_.encoder(place).stack.explain()}")
