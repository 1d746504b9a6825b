"""`treadle compress`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from treadle.errors import InputError

if TYPE_CHECKING:
    from treadle.tasks.compress import Compressed

SHARES = {"sparsity": (0.5, 0.7, 0.8, 0.9, 0.95), "energy": (0.95, 0.9, 0.8, 0.6)}
"""What --curve goes through where no share is given."""


def compress(
    model: Annotated[Path, Argument(help="A run folder, whose data is where it was.")],
    sparsity: Annotated[
        list[float] | None, Option(help="Share of the weights that become zero, such as 0.8; several with --curve.")
    ] = None,
    rank_energy: Annotated[
        list[float] | None,
        Option(help="Factors of the cells' matrices that keep this share of their energy, such as 0.9; likewise."),
    ] = None,
    rank: Annotated[list[int] | None, Option(help="Factors of this rank, likewise.")] = None,
    scope: Annotated[
        str, Option(help="Of zeros: the smallest weights of each matrix (layer), or of all (global).")
    ] = "layer",
    epochs: Annotated[int | None, Option(help="Of training afterwards; 0 for none.  [default: 5]")] = None,
    out: Annotated[Path | None, Option(help="A new folder for the smaller model.")] = None,
    curve: Annotated[Path | None, Option(help="Instead, a page of size and accuracy over several shares.")] = None,
) -> None:
    """Parse, compress, print."""
    from treadle.tasks.compress import EPOCHS, Recipe, compress_curve, compress_folder
    from treadle.training import Bar

    if (out is None) == (curve is None):
        raise InputError(
            "compress writes a smaller model to --out FOLDER, or a picture to --curve PAGE, one of the two"
        )
    how: dict[str, Any] = {"scope": scope, "epochs": EPOCHS if epochs is None else epochs}
    recipes = [Recipe(sparsity=share, **how) for share in sparsity or []]
    recipes += [Recipe(energy=share, **how) for share in rank_energy or []]
    recipes += [Recipe(rank=number, **how) for number in rank or []]
    if curve is None:
        if len(recipes) != 1:
            raise InputError("expected one of --sparsity, --rank-energy and --rank, once; several are for --curve")
        assert out is not None
        found = compress_folder(model, recipes[0], out, Bar())
        print(_before_and_after(found))
        print(f"model {out}")
        return
    if not recipes:
        recipes = [Recipe(sparsity=share, **how) for share in SHARES["sparsity"]]
        recipes += [Recipe(energy=share, **how) for share in SHARES["energy"]]
    points = compress_curve(model, recipes, Bar())
    for point in points:
        print(_before_and_after(point), end="\n\n")
    _write_page(model, curve, points)
    print(f"page {curve}")


def _before_and_after(found: "Compressed") -> str:
    (size, smaller), (count, fewer) = found.sizes, found.parameters
    lines = [
        f"{found.recipe}",
        f"weights  {size:,} bytes before, {smaller:,} after: {smaller / size:.2f} of it",
        f"numbers  {count:,} before, {fewer:,} after",
    ]
    before, after = found.dev
    lines += [
        f"dev {name.replace('_', ' ')}  {value:.4f} before, {after[name]:.4f} after" for name, value in before.items()
    ]
    if found.learnt:
        lines.append("the model has learnt dev: what it errs by elsewhere, other data tell")
    return "\n".join(lines)


def _write_page(model: Path, curve: Path, points: "list[Compressed]") -> None:
    from treadle.evaluation.report.compression import render_compression
    from treadle.files import write_atomically
    from treadle.tasks.folder import load
    from treadle.tasks.outcome import facts

    estimator = load(model)
    first = points[0]
    rows = [("", "as it was", first.sizes[0], first.parameters[0], first.dev[0])]
    rows += [
        (point.recipe.kind, str(point.recipe), point.sizes[1], point.parameters[1], point.dev[1]) for point in points
    ]
    metric = next((name for name in first.dev[0] if name != "loss"), "loss")
    summary = f"{estimator.describe()}: {estimator.describe_size()}."
    page = render_compression(f"{model}, made smaller", summary, rows, metric, facts=facts())
    write_atomically(curve, page.encode())
