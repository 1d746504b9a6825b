"""Covariates of a forecaster, and training that is stopped and taken up again."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from treadle.data.forecasting import Frequency, Panel
from treadle.errors import InputError
from treadle.tasks.forecast import Forecaster
from treadle.training import Interrupted, Silent

SMALL: dict[str, Any] = {
    "horizon": 3, "season": 1, "lookback": 8, "hidden_size": 8, "epochs": 2, "learning_rate": 0.01, "seed": 3,
    "transform": "none", "device": "cpu", "batch_size": 4, "dropout": 0.2,
}  # fmt: skip


def driven(n: int = 200, known: int = 3, seed: int = 0) -> Panel:
    """A series that is, but for noise, what a covariate known in advance is at the same step."""
    random = np.random.default_rng(seed)
    cause = random.normal(size=(n + known, 1))
    values = 5 * cause[:n, 0] + 0.1 * random.normal(size=n)
    return Panel(
        ["a"],
        [0],
        [values],
        Frequency("step"),
        past=[random.normal(size=(n, 1))],
        future=[cause],
        static=np.array([[1.5]]),
        past_names=("noise",),
        future_names=("cause",),
        static_names=("kind",),
    )


@pytest.mark.parametrize("mode", ["direct", "autoregressive"])
def test_what_is_known_in_advance_is_made_use_of(mode: str) -> None:
    taught = Forecaster(**(SMALL | {"epochs": 25, "hidden_size": 16, "dropout": 0.0, "mode": mode})).fit_panel(driven())
    panel, origins = driven(known=3, seed=5), list(range(100, 200, 10))
    found = np.array([one.point[0] for one in taught.predict_origins(panel, [origins])])
    expected = np.array([5 * panel.future[0][o : o + 3, 0] for o in origins])
    assert np.abs(found - expected).mean() < 0.5 * np.abs(expected).mean()


def test_missing_future_covariates_are_named_and_can_be_given_apart() -> None:
    taught = Forecaster(**SMALL).fit_panel(driven())
    panel, short = driven(seed=1), driven(known=2, seed=1)
    with pytest.raises(
        InputError, match="series 'a', step 202: the covariate 'cause' is missing, expected its values for"
    ):
        taught.predict_panel(short)
    with pytest.raises(InputError, match="found the future covariates none, the model was trained with cause"):
        taught.predict_panel(Panel(["a"], [0], [panel.values[0]], Frequency("step"), past=panel.past,
                                   past_names=("noise",), static=panel.static, static_names=("kind",)))  # fmt: skip
    expected = taught.predict_panel(panel).point[0]
    given = {"ds": [200, 201, 202], "cause": panel.future[0][200:, 0].tolist()}
    table = {
        "ds": list(range(200)),
        "y": panel.values[0].tolist(),
        "noise": panel.past[0][:, 0].tolist(),
        "cause": panel.future[0][:200, 0].tolist(),
        "kind": [1.5] * 200,
    }
    taught.time = "ds"
    np.testing.assert_allclose(taught.predict(table, future=given)["y"], expected, rtol=1e-5)


class StopAt(Silent):
    """Presses Ctrl-C in a certain step."""

    def __init__(self, stop: int) -> None:
        self.stop = stop

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step == self.stop:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("options", [{}, {"mode": "autoregressive", "output": "gaussian", "optimizer": "sgd"}], ids=str)
@pytest.mark.parametrize("stop", [1, 20, 27])
def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path: Path, stop: int, options: dict[str, Any]) -> None:
    """E9, before, at and after the end of the first epoch of twenty steps."""
    expected = Forecaster(**(SMALL | options)).fit_panel(driven())
    again = Forecaster(**(SMALL | options))
    with pytest.raises(Interrupted):
        again.fit_panel(driven(), checkpoint=tmp_path / "last", progress=StopAt(stop))
    again.fit_panel(driven(), checkpoint=tmp_path / "last", resume=True)
    for name, value in expected.network_.state_dict().items():
        assert torch.equal(again.network_.state_dict()[name], value), name
    records = [[{**record, "seconds": 0} for record in each.history_] for each in (again, expected)]
    assert records[0] == records[1]
