"""`treadle warmup`."""

from typing import Annotated

from typer import Argument

PASSES = ("inference", "forward", "backward")


def warmup(
    cell: Annotated[
        list[str] | None, Argument(metavar="[CELL]...", help="Cells by name.  [default: all]", show_default=False)
    ] = None,
) -> None:
    """Parse, compile, print."""
    from time import perf_counter

    import torch

    from treadle.cells import cell_names, make_cell
    from treadle.compiler import Recurrence
    from treadle.compiler.cpu.library import cache_folder
    from treadle.errors import InputError

    made = {name: make_cell(name, 3, 4) for name in cell or cell_names()}
    for number, (name, one) in enumerate(made.items(), 1):
        since = perf_counter()
        try:
            recurrence = Recurrence(one)
        except InputError as why:
            print(f"{number} of {len(made)}: {name} is not compiled: {why}", flush=True)
            continue
        for which in PASSES:
            recurrence.compiled(which, torch.float32)
        print(f"{number} of {len(made)}: {name}, {perf_counter() - since:.1f} s", flush=True)
    print(f"kernels are kept in {cache_folder()}")
