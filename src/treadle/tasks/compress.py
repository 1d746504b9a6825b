"""A smaller model from a trained one: factors of low rank, or zeros, and then some epochs more on its run's data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from treadle.errors import InputError
from treadle.nn.low_rank import choose_ranks, factorise
from treadle.tasks.compression import Compression
from treadle.tasks.config import load_config, save_config
from treadle.tasks.diagnosis import evaluated, prepared_work
from treadle.tasks.estimator import Estimator
from treadle.tasks.folder import WEIGHTS
from treadle.tasks.source import DataSource
from treadle.tasks.weights import to_bytes
from treadle.training import Objective, Progress, TrainingSettings, fit
from treadle.training.pruning import PRUNING, Pruner, pruned

EPOCHS = 5
"""Of fine-tuning, where their number is left open."""
RATE = 0.3
"""Share of the first training's learning rate."""


@dataclass(frozen=True)
class Recipe:
    """How a model is made smaller: by zeros, or by factors.

    Attributes:
        sparsity: Share of zeros in the matrices.
        energy: Share of the squared singular values that factors keep.
        rank: The rank of all factors.
        scope: Of zeros, as in `treadle.training.pruning.Pruner`.
        epochs: Of fine-tuning; 0 for none.

    Raises:
        InputError: Not just one of `sparsity`, `energy` and `rank` is given, or a number lies outside its range.
    """

    sparsity: float | None = None
    energy: float | None = None
    rank: int | None = None
    scope: str = "layer"
    epochs: int = EPOCHS

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.sparsity, self.energy, self.rank)) != 1:
            raise InputError("a model is made smaller by a sparsity, by an energy or by a rank, expected one of them")
        if self.epochs < 0:
            raise InputError(f"epochs is {self.epochs}, expected 0 or more")
        for name, share in (("sparsity", self.sparsity), ("energy", self.energy)):
            if share is not None and not 0 < share < 1:
                raise InputError(f"{name} is {share:g}, expected a share above 0 and below 1")

    @property
    def kind(self) -> str:
        """What it leaves: "zeros" or "factors"."""
        return "factors" if self.sparsity is None else "zeros"

    def __str__(self) -> str:
        if self.sparsity is not None:
            return f"{self.sparsity:.0%} zeros".replace("%", " %")
        return f"rank {self.rank}" if self.rank is not None else f"{self.energy:.0%} of the energy".replace("%", " %")


@dataclass(frozen=True)
class Compressed:
    """A model before and after.

    Attributes:
        recipe: How it was made smaller.
        sizes: Bytes of the weights' file.
        parameters: Numbers that are not zero.
        dev: Every metric on dev.
        learnt: Whether the model has learnt dev.
    """

    recipe: Recipe
    sizes: tuple[int, int]
    parameters: tuple[int, int]
    dev: tuple[dict[str, float], dict[str, float]]
    learnt: bool


def compress_folder(
    folder: Path, recipe: Recipe, out: Path | None = None, progress: Progress | None = None
) -> Compressed:
    """Make a model of a run smaller, and train it on.

    Args:
        folder: The run folder, whose data has to be where it was.
        recipe: How.
        out: Where the smaller model is written, a new or empty folder; None measures it only.
        progress: Is told of every step of fine-tuning.

    Raises:
        InputError: A folder or the data cannot be used, the model is compressed already, or no matrix gets smaller.
    """
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: expected a new or empty folder for the smaller model")
    estimator, place = load_config(folder)
    if not isinstance(estimator, Estimator) or estimator.get_params()["engine"] in ("int8", "torch"):
        raise InputError(f"{folder}: holds a model that cannot be trained on in a smaller form")
    found: list[Compressed] = []
    done: list[Compression] = []

    def shrink(objective: Objective, settings: TrainingSettings, **options: Any) -> list[dict[str, Any]]:
        model = objective.model
        size, count = len(to_bytes(model.state_dict())), _count(model)
        before = evaluated(objective)
        history, smaller = _shrink(objective, settings, recipe, options.get("progress"))
        after = evaluated(objective)
        left = len(to_bytes(model.state_dict(), sparse=smaller.sparsity > 0))
        learnt = estimator.learns_dev(given="dev" in DataSource(**place).others())
        found.append(Compressed(recipe, (size, left), (count, _count(model)), (before, after), learnt))
        done.append(smaller)
        return history

    estimator, work = prepared_work(folder, shrink, progress)
    estimator.compression_ = done[0]
    if out is not None:
        save_config(out, estimator, place)
        work.save(estimator, out)
        written = (out / WEIGHTS).stat().st_size
        return replace(found[0], sizes=(found[0].sizes[0], written))
    return found[0]


def compress_curve(folder: Path, recipes: Sequence[Recipe], progress: Progress | None = None) -> list[Compressed]:
    """The same model by several recipes, each from the beginning."""
    return [compress_folder(folder, recipe, progress=progress) for recipe in recipes]


def _shrink(
    objective: Objective, settings: TrainingSettings, recipe: Recipe, progress: Progress | None
) -> tuple[list[dict[str, Any]], Compression]:
    """Compress and train on; the model is changed in place."""
    how = settings.model_copy(
        update={
            "epochs": max(1, recipe.epochs),
            "learning_rate": settings.learning_rate * RATE,
            "schedule": "cosine",
            "averaging": 0.0,
            "averaging_trigger": 0,
            "unfreeze_epochs": 0,
            "patience": 0,
        }
    )
    if recipe.sparsity is None:
        ranks = choose_ranks(objective.model, energy=recipe.energy, rank=recipe.rank)
        if not ranks:
            raise InputError(f"{recipe}: no matrix of a cell would get smaller by factors; try a lower rank or energy")
        factorise(objective.model, ranks)
        history = fit(objective, how, progress=progress) if recipe.epochs else []
        return history, Compression(ranks)
    steps = sum(len(objective.batches.epoch(epoch)) for epoch in range(recipe.epochs))
    pruner = Pruner(objective.model, recipe.sparsity, recipe.scope, round(PRUNING * steps))
    history = fit(pruned(objective, pruner), how, progress=progress) if recipe.epochs else []
    pruner.apply()
    return history, Compression(sparsity=recipe.sparsity)


def _count(model: Any) -> int:
    return sum(int((parameter != 0).sum()) for parameter in model.parameters())
