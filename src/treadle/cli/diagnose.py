"""`treadle diagnose`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from treadle.errors import InputError

if TYPE_CHECKING:
    from treadle.training.recall import Recalled


def diagnose(
    names: Annotated[
        list[str] | None,
        Argument(metavar="MODEL", help="A run folder; with --compare, names of cells.", show_default=False),
    ] = None,
    data: Annotated[
        str | None, Option(help="What the model reads meanwhile.  [default: the dev data of its run]")
    ] = None,
    compare: Annotated[
        bool, Option("--compare", help="Train a small net of each cell to recall a symbol, and look into them.")
    ] = False,
    lag: Annotated[int, Option(help="With --compare: steps between the symbol and the question.")] = 100,
    steps: Annotated[int, Option(help="With --compare: steps of training.")] = 1000,
    hidden: Annotated[int, Option("--hidden", "--hidden-size", help="With --compare: units.")] = 32,
    init: Annotated[str, Option(help="With --compare: the initialisation of the cells.")] = "chrono",
    seed: Annotated[int, Option(help="With --compare: of weights and sequences.")] = 0,
    out: Annotated[Path | None, Option(help="Also write a page with pictures to this file.")] = None,
) -> None:
    """Parse, look, print."""
    if not names:
        raise InputError("diagnose takes a run folder, or --compare and names of cells such as elman lstm gru")
    if compare:
        if data is not None:
            raise InputError("--compare trains on sequences that it draws, so there is no --data")
        _compare(names, lag, steps, hidden, init, seed, out)
        return
    if len(names) > 1:
        raise InputError(f"diagnose takes one run folder, found {len(names)}; cells are compared by --compare")
    _look(Path(names[0]), data, out)


def _look(folder: Path, data: str | None, out: Path | None) -> None:
    from treadle.evaluation.diagnosis import as_text
    from treadle.evaluation.report.diagnosis import render_diagnosis
    from treadle.files import write_atomically
    from treadle.tasks.diagnosis import diagnose_folder
    from treadle.tasks.outcome import facts

    found = diagnose_folder(folder, data)
    print(f"{found.model}, {found.size}\n{found.data}\n\n{as_text(found.layers)}")
    if out is not None:
        summary = f"{found.model}: {found.size}."
        page = render_diagnosis(str(folder), summary, found.layers, notes=[found.data], facts=facts())
        write_atomically(out, page.encode())
        print(f"\npage {out}")


def _compare(names: Sequence[str], lag: int, steps: int, hidden: int, init: str, seed: int, out: Path | None) -> None:
    from treadle.evaluation.diagnosis import as_text
    from treadle.evaluation.report.diagnosis import render_comparison
    from treadle.files import write_atomically
    from treadle.tasks.outcome import facts
    from treadle.training import Bar
    from treadle.training.recall import CHANCE, compare_recall

    cells = compare_recall(names, lag, steps=steps, hidden_size=hidden, init=init, seed=seed, progress=Bar())
    print(f"one of 8 symbols, recalled after {lag:,} steps; guessing gets {CHANCE:.3g}\n")
    for cell in cells:
        print(f"{cell.cell:<12}{_verdict(cell)}")
    print(f"\n{as_text([cell.diagnosis for cell in cells])}")
    if out is not None:
        notes = [f"{hidden} units, initialisation {init}, {steps:,} steps of Adam on new sequences each, seed {seed}."]
        page = render_comparison(
            f"{', '.join(names)}: what came {lag:,} steps before",
            f"Each net reads a symbol, then {lag:,} steps that mean nothing, and has to name the symbol.",
            [(cell.cell, cell.diagnosis, cell.steps, cell.shares) for cell in cells],
            chance=CHANCE,
            notes=notes,
            facts=facts(),
        )
        write_atomically(out, page.encode())
        print(f"\npage {out}")


def _verdict(cell: "Recalled") -> str:
    left, share = cell.diagnosis.gradient[-1], cell.shares[-1]
    learnt = "learns" if share > 0.9 else "does not learn" if share < 0.3 else "learns in part"
    return f"{learnt}: {share:.2f} right after {cell.steps[-1]:,} steps; {left:.1e} of the gradient reaches back"
