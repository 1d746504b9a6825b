"""The compiler equals the loop on cells that nobody thought of: outputs, states and all gradients, in float64."""

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_cells import RECIPES, RandomCell, Recipe, Three
from torch import Tensor

from treadle.nn import Recurrent

TOLERANCE = 1e-9


@settings(
    max_examples=100,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # every attempt to shrink compiles again; minutes would go by
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(
    recipe=RECIPES,
    batch=st.integers(1, 6),
    steps=st.integers(1, 7),
    seed=st.integers(0, 1000),
    given_=st.sets(st.sampled_from(["lengths", "reset", "state"])),
    reverse=st.booleans(),
    threads=st.sampled_from([1, 1, 1, 3]),
)
def test_a_compiled_cell_equals_its_loop(
    recipe: Recipe, batch: int, steps: int, seed: int, given_: set[str], reverse: bool, threads: int
) -> None:
    cell = RandomCell(recipe)
    torch.manual_seed(seed)
    x = torch.randn(batch, steps, cell.input_size, dtype=torch.float64)
    options = {
        "lengths": torch.randint(0, steps + 1, (batch,)) if "lengths" in given_ else None,
        "reset": torch.rand(batch, steps) < 0.3 if "reset" in given_ else None,
    }
    state = Three(*(0.8 * torch.randn(batch, n, dtype=torch.float64) for n in cell.state_sizes))
    state = state._replace(count=state.count.round() + 0.25)
    leaves = [x, *(state if "state" in given_ else ())]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        quiet = seed % 4 == 0  # one more kernel to compile, and much of the same
        found = outcome(Recurrent(cell, engine="cpu", reverse=reverse), leaves, options, quiet=quiet)
        expected = outcome(Recurrent(cell, engine="eager", reverse=reverse), leaves, options, quiet=quiet)
    finally:
        torch.set_num_threads(before)
    for name, value in expected.items():
        assert torch.isfinite(value).all(), f"{name} of the loop is not finite: the recipe is no test"
        torch.testing.assert_close(
            found[name], value, rtol=TOLERANCE, atol=TOLERANCE, msg=lambda m, n=name: f"{n}: {m}"
        )


def outcome(
    layer: Recurrent, leaves: list[Tensor], options: dict[str, Tensor | None], *, quiet: bool
) -> dict[str, Tensor]:
    """Outputs, states and all gradients; with `quiet` also what the pass that keeps nothing gives."""
    found: dict[str, Tensor] = {}
    if quiet:
        with torch.no_grad():
            y, after = run(layer, leaves, options)
        found = {"quiet y": y, **{f"quiet {name}": value for name, value in after._asdict().items()}}
    x, *state = leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    y, after = run(layer, leaves, options)
    parameters = dict(layer.cell.named_parameters())
    by = {"x": x, **{f"state {i}": s for i, s in enumerate(state)}, **parameters}
    torch.manual_seed(1)
    loss = sum((value * torch.randn(value.shape, dtype=value.dtype)).sum() for value in (y, *after))
    loss = loss + sum(0 * leaf.sum() for leaf in by.values())  # a recipe need not use any
    gradients = torch.autograd.grad(loss, list(by.values()), allow_unused=True)
    for (name, t), gradient in zip(by.items(), gradients, strict=True):
        found[f"d {name}"] = torch.zeros_like(t) if gradient is None else gradient
    return {**found, "y": y, **after._asdict()}


def run(layer: Recurrent, leaves: list[Tensor], options: dict[str, Tensor | None]) -> tuple[Tensor, Three]:
    x, *state = leaves
    return layer(x, Three(*state) if state else None, **options)
