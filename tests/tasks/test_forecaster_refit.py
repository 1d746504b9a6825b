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
from treadle.tasks.forecast import Forecaster, features, fitting
from treadle.tasks.forecast.base import base_matrix
from treadle.tasks.forecast.blend import refit_base
from treadle.training import Interrupted
from treadle.training.averaging import meet

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


def test_the_second_is_a_training_on_all_steps_for_the_epochs_that_were_best_on_dev(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one epoch there is one to choose; steps that follow are dev then, and nobody learns from them."""
    base = base_matrix("season", 3, 4, 4)  # else it is fitted without dev by the one and with it by the other
    monkeypatch.setattr(features, "fit_base", lambda *_: ("season", base))
    monkeypatch.setattr(features, "refit_base", lambda *_: base)
    monkeypatch.setattr(fitting, "meet", lambda _, second: second.state_dict())
    panel, longer = walk(80), walk(120)
    refitted = model(epochs=1, refit=True).fit_panel(panel)
    plain = model(epochs=1, refit=False).fit_panel(panel, longer.cut(40)[1])
    assert torch.equal(weights(refitted), weights(plain))


def test_what_is_kept_lies_half_way_between_the_two(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(first: Any, second: Any) -> Any:
        seen.extend(torch.cat([one.detach().flatten() for one in network.parameters()]) for network in (first, second))
        return meet(first, second)

    monkeypatch.setattr(fitting, "meet", watched)
    panel = walk()
    twice = model(refit=True).fit_panel(panel)
    assert twice.unrefit_ is not None
    assert torch.equal(seen[0], weights(twice.unrefit_))
    torch.testing.assert_close(weights(twice), (seen[0] + seen[1]) / 2)
    first, base = twice.unrefit_.features_, twice.features_
    windows, ahead, *_ = base.encode(panel).training_pairs()
    anew = refit_base(base.base, windows, ahead, base.season)
    assert not np.allclose(anew, first.weights)
    np.testing.assert_allclose(base.weights, (first.weights + anew) / 2, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("errors", "met"),
    [
        ((1.0, 2.0, 0.5), True),
        ((1.0, 2.0, 2.4), True),
        ((2.0, 1.0, 2.4), True),
        ((1.0, 2.0, 2.6), False),
        ((2.0, 1.0, 2.6), False),
        ((0.0, 0.0, 0.0), True),
        ((1.0, 1.0, float("nan")), False),
    ],
)
def test_where_the_mean_errs_far_more_than_both_the_second_is_kept(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[float, ...], met: bool
) -> None:
    """Of the first, of the second, of their mean, on dev."""
    seen, found = [], iter(errors)

    def watched(first: Any, second: Any) -> Any:
        seen.append(torch.cat([one.detach().flatten() for one in second.parameters()]))
        return meet(first, second)

    monkeypatch.setattr(fitting, "meet", watched)
    monkeypatch.setattr(fitting, "_error", lambda *_: next(found))
    kept = model(refit=True).fit_panel(walk())
    assert kept.met_ is met
    assert torch.equal(weights(kept), seen[0]) is not met
    assert ("the mean of both trainings" in kept.remark()) is met


def test_a_barrier_is_seen_by_what_the_mean_errs_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        fitting, "meet", lambda _, second: {name: one + 100 for name, one in second.state_dict().items()}
    )
    assert not model(refit=True, output="gaussian").fit_panel(walk()).met_


def test_dev_is_learnt_by_default_where_it_was_set_aside_and_calibration_does_not_need_it() -> None:
    panel, longer = walk(80), walk(120)
    assert model().fit_panel(panel).unrefit_ is not None
    assert model().fit_panel(panel, longer.cut(40)[1]).unrefit_ is None
    assert model(conformal=True).fit_panel(panel).unrefit_ is None
    assert torch.equal(weights(model().fit_panel(panel)), weights(model(refit=True).fit_panel(panel)))


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
