"""A second training on everything: what it learns from, what it leaves alone, and that it can be stopped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stop_at import StopAt

from treadle.data.forecasting import Frequency, Panel
from treadle.errors import InputError
from treadle.tasks.estimator import trained_by
from treadle.tasks.forecast import Forecaster, features
from treadle.tasks.forecast.blend import refit_base
from treadle.training import Interrupted

SMALL: dict[str, Any] = {
    "horizon": 3, "season": 4, "lookback": 4, "hidden_size": 5, "epochs": 3, "seed": 1, "device": "cpu",
    "transform": "none",
}  # fmt: skip


def walk(steps: int = 80) -> Panel:
    """A random walk of each of four phases."""
    random = np.random.default_rng(0)
    y = np.cumsum(random.normal(size=(steps // 4 + 1, 4)), 0).flatten()[:steps] * 0.1 + 5
    return Panel(["s"], [0], [y], Frequency("step"))


def model(**options: Any) -> Forecaster:
    return Forecaster(**(SMALL | options))


def weights(taught: Any) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in taught.network_.parameters()])


def test_it_is_a_training_on_all_steps_for_the_epochs_that_were_best_on_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one epoch there is one to choose; steps that follow are dev then, and nobody learns from them."""
    chosen = "0.6 last, ridge 0.3 + 0.4 season"  # else shares are found without dev by the one and with it by the other

    def fixed(windows: Any, ahead: Any, *_: Any) -> Any:
        return chosen, refit_base(chosen, windows, ahead, 4)

    monkeypatch.setattr(features, "fit_base", fixed)
    panel, longer = walk(80), walk(120)
    refitted = model(epochs=1, refit=True).fit_panel(panel)
    plain = model(epochs=1, refit=False).fit_panel(panel, longer.cut(40)[1])
    assert torch.equal(weights(refitted), weights(plain))
    assert np.array_equal(refitted.features_.weights, plain.features_.weights)


def test_the_first_training_is_kept_as_it_was() -> None:
    panel = walk()
    once, twice = (model(refit=refit).fit_panel(panel) for refit in (False, True))
    assert torch.equal(weights(twice.unrefit_), weights(once))
    assert [record["dev_loss"] for record in twice.history_] == [record["dev_loss"] for record in once.history_]
    assert not torch.equal(weights(twice), weights(once))
    assert twice.refit_seconds_ > 0 == once.refit_seconds_


def test_only_the_second_training_learns_from_dev() -> None:
    """Two series that differ there alone; with one epoch there is none to choose by them."""
    panel = walk()
    values = panel.values[0].copy()
    values[-5:] *= 3
    other = Panel(panel.ids, panel.starts, [values], panel.frequency)
    for refit in (False, True):
        first, second = (model(epochs=1, refit=refit).fit_panel(one) for one in (panel, other))
        assert torch.equal(weights(first), weights(second)) is not refit
        assert np.array_equal(first.features_.weights, second.features_.weights) is not refit
        assert first.features_.base == second.features_.base


def test_what_goes_on_from_a_run_finds_the_features_that_its_weights_belong_to() -> None:
    """As `treadle compress` does: it trains once, in the place of both trainings."""
    taught, again, asked = model(refit=True).fit_panel(walk()), model(refit=True), []

    def look(objective: Any, *_: Any, **__: Any) -> list[dict[str, Any]]:
        asked.append(objective)
        return []

    with trained_by(again, look):
        again.fit_panel(walk())
    assert len(asked) == 1
    assert np.array_equal(again.features_.weights, taught.features_.weights)


def test_calibration_needs_steps_that_nobody_has_learnt_from() -> None:
    with pytest.raises(InputError, match="needs steps that training has not seen, expected refit=False"):
        model(refit=True, conformal=True).fit_panel(walk())


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    expected, path, watch = (
        model(refit=True).fit_panel(walk()),
        tmp_path / "last.safetensors",
        StopAt(training=2, step=7),
    )
    with pytest.raises(Interrupted):
        model(refit=True).fit_panel(walk(), checkpoint=path, progress=watch)
    assert watch.records == 3, "the records of an epoch are those of the first training"
    resumed = model(refit=True).fit_panel(walk(), checkpoint=path, resume=True)
    assert torch.equal(weights(resumed), weights(expected))
