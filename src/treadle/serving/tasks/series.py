"""Forecasters, as a server has them."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from treadle.data import Table
from treadle.data.delimited import parse_delimited
from treadle.data.forecasting import Panel
from treadle.data.frames import from_object
from treadle.errors import InputError
from treadle.serving.served import Served

PASTED = Path("the table")
"""What error sentences call a table that came as text."""
MOST_HORIZON = 2_000
SHOWN = 400
"""Steps of the past that an answer repeats, the last ones: enough for a picture."""


class ServedForecasts(Served):
    """A forecaster. An input is a table of steps: CSV as a text, or an object of columns such as `ds` and `y`."""

    tasks = ("forecast",)
    options: ClassVar = {"horizon": (1, MOST_HORIZON)}

    def read(self, value: Any) -> Panel:
        """The series of a table.

        Raises:
            InputError: It is no table, or holds no series that the model knows how to read.
        """
        if isinstance(value, str):
            table = parse_delimited(value, PASTED)
        elif isinstance(value, dict) and value and all(isinstance(cells, list) for cells in value.values()):
            for cells in value.values():
                self.check_length(cells)
                if any(isinstance(cell, list | dict) for cell in cells):
                    raise InputError("a column of the table holds a list or an object, expected single values")
            table = from_object(value)
        else:
            raise InputError("an input of this model is a table: CSV as a text, or an object of columns")
        return self._panel(table)

    def check_length(self, value: Any) -> None:
        """A table has as many lines as another input has steps, of some fifty characters each.

        Raises:
            InputError: It has more.
        """
        super().check_length(value.split("\n") if isinstance(value, str) else value)

    def _panel(self, table: Table) -> Panel:
        panel: Panel = self.estimator.read(table)
        if len(panel) > self.limits.rows:
            raise InputError(f"the table has {len(panel):,} series, the server takes up to {self.limits.rows:,}")
        if (steps := sum(map(len, panel.values))) > 10 * self.limits.length:
            raise InputError(f"the series have {steps:,} steps with those that are missing, which is too many")
        return panel

    def answer(self, cells: Sequence[Panel], options: Mapping[str, int]) -> list[dict[str, Any]]:
        """Of every series of a table the end of its past, and what comes after it."""
        return [self._answer(panel, options.get("horizon")) for panel in cells]

    def _answer(self, panel: Panel, horizon: int | None) -> dict[str, Any]:
        columns = self.estimator.predict(panel, horizon=horizon)
        steps = len(columns["ds"]) // len(panel)
        shown = [panel.stamps(number, 0)[-SHOWN:] for number in range(len(panel))]
        written = iter(panel.frequency.written(np.concatenate(shown)))
        told = []
        for number, (name, values) in enumerate(zip(panel.ids, panel.values, strict=True)):
            own = slice(number * steps, (number + 1) * steps)
            ahead = {
                key: [_digits(cell) for cell in cells[own]] for key, cells in columns.items() if key != "unique_id"
            }
            stamps = list(islice(written, len(shown[number])))
            past = {"ds": stamps, "y": [_digits(float(one)) for one in values[-SHOWN:]]}
            told.append({"unique_id": name, "history": past, "forecast": ahead})
        return {"series": told, "note": panel.note}

    def describe(self) -> dict[str, Any]:
        """With the horizon, and the columns that a table must have beside time and value."""
        features = self.estimator.features_
        covariates = [*features.past.names, *features.future.names, *features.static.names]
        return super().describe() | {"horizon": self.estimator.horizon_, "covariates": covariates}


def _digits(cell: Any) -> Any:
    """A number as `treadle predict` writes it."""
    return float(f"{cell:.8g}") if isinstance(cell, float) else cell
