"""C99 of cells that nobody thought of is the step itself."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from random_cells import RECIPES, RandomCell, Recipe

from c_programs import differences, needs_gcc
from treadle.nn import Recurrent

COUNT = 15


@needs_gcc
def test_the_step_of_random_cells(tmp_path: Path) -> None:
    cells: list[RandomCell] = []

    @settings(
        max_examples=COUNT,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(recipe=RECIPES)
    def draw(recipe: Recipe) -> None:
        cells.append(RandomCell(recipe))

    draw()
    found = differences(tmp_path, [(f"cell{number}", Recurrent(cell)) for number, cell in enumerate(cells)])
    assert len(found) == COUNT
    assert max(found.values()) < 1e-5
    assert pytest.approx(0) != sum(found.values())  # rounding, at least
