"""A number at every step of a series: what is learnt, that windows join, that memory is that of a window."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch.profiler import ProfilerActivity, profile

from treadle import InputError, SequenceRegressor, load
from treadle.compiler import slabs
from treadle.data import Kind, Ragged
from treadle.evaluation.baselines.steps import RECENT, StepBaseline
from treadle.evaluation.intervals import bootstrap_interval
from treadle.tasks.sequence.per_step import StepNetwork, Windows, step_objective
from treadle.tasks.sequence.targets import StepTarget
from treadle.training import Silent

Array = NDArray[np.float64]
SMALL: dict[str, Any] = {
    "cell": "gru", "bidirectional": False, "hidden_size": 6, "epochs": 2, "batch_size": 4, "dropout": 0.0,
    "learning_rate": 0.02, "device": "cpu", "seed": 1,
}  # fmt: skip


def wear(rows: int = 12, seed: int = 0) -> tuple[list[Array], list[Array]]:
    """Machines of two channels, noise and load; what is left of a life of 12 falls by the load of each step."""
    random = np.random.default_rng(seed)
    x = [np.stack([random.normal(size=n), random.random(n)], 1) for n in random.integers(3, 15, rows)]
    return x, [12 - one[:, 1].cumsum() for one in x]


def regressor(**options: Any) -> SequenceRegressor:
    return SequenceRegressor(**(SMALL | options))


def test_it_learns_what_adds_up_over_the_steps() -> None:
    model = regressor(hidden_size=12, epochs=40, averaging=0.9).fit(*wear(60))
    x, y = wear(20, seed=1)
    assert model.score(x, y) > 0.8
    found = model.predict(x)
    assert [one.shape for one in found] == [one.shape for one in y]
    for one, expected in zip(x, found, strict=True):  # alike alone and among others
        np.testing.assert_allclose(model.predict([one])[0], expected, rtol=0, atol=1e-4)
    errors = np.concatenate(found) - np.concatenate(y)
    assert model.score(x, y) == pytest.approx(1 - errors.var() / np.concatenate(y).var(), abs=0.05)


def test_a_stream_says_at_every_step_what_the_whole_series_says() -> None:
    x, y = wear()
    model = regressor().fit(x, y)
    stream = model.stream()
    for step, expected in zip(x[0], model.predict([x[0]])[0], strict=True):
        assert stream.step(step)["prediction"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("options", [{"bptt": 4}, {"bidirectional": True}, {"layers": 2, "residual": True}], ids=str)
def test_it_is_saved_and_cloned_with_all_that_it_needs(tmp_path: Path, options: dict[str, Any]) -> None:
    x, y = wear()
    model = regressor(**options).fit(x, y)
    model.save(tmp_path / "model")
    for one, other in zip(model.predict(x), load(tmp_path / "model").predict(x), strict=True):
        np.testing.assert_array_equal(one, other)
    assert clone(model).get_params() == model.get_params()
    assert "an answer a step" in model.describe_size()


def test_answers_do_not_depend_on_the_windows_they_are_read_in() -> None:
    x, y = wear()
    model = regressor(layers=2).fit(x, y)
    network = model.network_
    assert isinstance(network, StepNetwork)
    whole = model.predict([*x, np.zeros((0, 2))])
    for steps in (1, 3, 100):
        network.bptt = steps
        for one, other in zip(model.predict([*x, np.zeros((0, 2))]), whole, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_windows_as_long_as_the_series_train_as_whole_series_do() -> None:
    x, y = wear()
    whole, windows = regressor().fit(x, y), regressor(bptt=14).fit(x, y)
    for one, other in zip(whole.network_.parameters(), windows.network_.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert regressor(bptt=3).fit(x, y).history_[-1]["dev_loss"] != whole.history_[-1]["dev_loss"]


def test_every_step_is_in_one_window_and_windows_of_the_same_rows_follow_each_other() -> None:
    lengths = torch.tensor([5, 0, 12, 7, 12])
    windows = Windows(lengths, 4, tokens=8, max_rows=32, seed=0)
    seen: set[tuple[int, int]] = set()
    before = None
    for window in windows.epoch(3):
        assert len(window.rows) <= 2  # 8 tokens a window of 4
        assert window.first == (window.start == 0)
        assert window.first or (
            before is not None and before.stop == window.start and (before.rows == window.rows).all()
        )
        steps = {(int(row), t) for row in window.rows for t in range(window.start, min(window.stop, lengths[row]))}
        assert not steps & seen
        seen |= steps
        before = window
    assert len(seen) == int(lengths.sum())


def peak_bytes(run: Callable[[], None]) -> int:
    """The most bytes that torch held at once beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    held = peak = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def training_peak(steps: int, **options: Any) -> int:
    """Of the gradient of every window of two series, and the answers to them."""
    model = regressor(hidden_size=16, epochs=1, layers=2, **options).fit(*wear())
    (feature,) = model.features_.values()
    network = StepNetwork(feature, model.settings_, model.bptt)
    column = Ragged.from_arrays([np.ones((steps, 2), dtype=np.float32)] * 2)
    rows = [column], torch.zeros(2 * steps)
    windows = Windows(column.lengths, model.bptt, tokens=8192, max_rows=2)
    assert isinstance(model.target_, StepTarget)
    objective = step_objective(network, model.target_, windows, rows, rows)

    def run() -> None:
        for window in windows.epoch(0):
            network.zero_grad()
            objective.loss(network, window).backward()

    slabs._store.free.clear()  # memory that a pass has kept for the next one is memory too
    return peak_bytes(run)


def test_what_training_holds_is_that_of_a_window_however_long_the_series_are() -> None:
    short, long = training_peak(1_000, bptt=200), training_peak(10_000, bptt=200)
    assert long < 1.1 * short
    whole = training_peak(10_000)
    assert whole > 10 * long  # what is measured does see such a series
    assert training_peak(10_000, checkpoint=100) < 0.5 * whole


class StopAt(Silent):
    """Presses Ctrl-C after a step."""

    def __init__(self, stop: int) -> None:
        self.stop = stop

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step == self.stop:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [2, 5])
def test_a_run_goes_on_in_the_middle_of_a_series_bit_for_bit(tmp_path: Path, stop: int) -> None:
    x, y = wear()
    options: dict[str, Any] = {"checkpoint": tmp_path / "last", "checkpoint_seconds": 0.0}

    def run(**how: Any) -> SequenceRegressor:
        return regressor(bptt=4, dropout=0.2).fit_columns({"input": x}, {"input": Kind.SERIES}, y, **how)

    with pytest.raises(KeyboardInterrupt):
        run(**options, progress=StopAt(stop))
    resumed, expected = run(**options, resume=True), run()
    for one, other in zip(resumed.network_.parameters(), expected.network_.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_trains_the_same_and_holds_less(tmp_path: Path) -> None:
    """For one number a series, too."""
    x, y = wear()
    for targets in (y, [one[-1] for one in y]):
        plain, sparse = (regressor(checkpoint=steps).fit(x, targets) for steps in (None, 3))
        for one, other in zip(plain.network_.parameters(), sparse.network_.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    sparse.save(tmp_path / "model")
    assert load(tmp_path / "model").get_params()["checkpoint"] == 3


def test_targets_of_the_other_kind_are_refused() -> None:
    x, y = wear()
    ends = [one[-1] for one in y]
    for given, others in ((y, ends), (ends, y)):
        found = "one number, expected a list" if others is ends else "a list of targets, expected one number"
        with pytest.raises(InputError, match=f"dev, row 0 .*: found {found}, as in training"):
            regressor().fit(x, given, dev=(x, others))
        with pytest.raises(InputError, match=found):
            regressor(epochs=1).fit(x, given).report("nowhere", x, others)
    with pytest.raises(InputError, match="found one number, expected a list"):
        regressor(epochs=1).fit(x, y).score(x, ends)


X, Y = wear()
REFUSED: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "too few": ({}, X, [Y[0][:-1], *Y[1:]], "found .* steps and .* targets, expected a target for each step"),
    "no list": (
        {},
        X,
        [*Y[:-1], 3.0],
        r"the target of row 11 is 3\.0, expected a number for each step, as of other rows",
    ),
    "too large": ({}, X, [*Y[:-1], [10**400] * len(Y[-1])], "the targets of row 11 are .*, expected a number for each"),
    "large": ({}, X, [*Y[:-1], Y[-1] * 1e160], r"row 11 is 1.*e\+161, expected a finite number up to 3.4e38"),
    "none": ({}, X, [1.0, None] * 6, "the target of row 1 is None, expected a finite number up to 3.4e38"),
    "far off": ({}, X, [1.0] * 11 + [10**400], "the target of row 11 is 1000.*, expected a finite number up to 3.4e38"),
    "not finite": ({}, X, [*Y[:-1], Y[-1] * np.nan], "the target of step 1 of row 11 is nan, expected a finite number"),
    "no number": (
        {},
        X,
        [["a"] * len(one) for one in X],
        "the targets of row 0 are .*, expected a number for each step",
    ),
    "fewer rows": ({}, X, Y[:-1], "there are 12 rows and 11 targets, expected equally many"),
    "text": ({}, ["a b"] * 12, [[1.0, 2.5]] * 12, "targets a step need a series of numbers as input, found text"),
    "two columns": ({}, {"a": X, "b": X}, Y, "targets a step need one input, found 'a', 'b'"),
    "cut": ({"max_length": 3}, X, Y, "max_length=3 reads no more than the first steps, and every step has a target"),
    "bptt of pooled": ({"bptt": 3}, X, [one[-1] for one in Y], "bptt is for targets a step, and there is one number a"),
    "bptt of both ends": ({"bptt": 3, "bidirectional": True}, X, Y, "train a causal one with bidirectional=False"),
    "no step back": ({"bptt": 0}, X, Y, "bptt is 0, expected greater than or equal to 1"),
    "no checkpoint": ({"checkpoint": 0}, X, Y, "checkpoint is 0, expected greater than or equal to 1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_one_sentence(what: str) -> None:
    options, x, y, sentence = REFUSED[what]
    with pytest.raises(InputError, match=sentence):
        regressor(**options).fit(x, y)


def test_targets_may_be_columns_and_data_frames() -> None:
    x = np.random.default_rng(0).normal(size=(12, 5, 1))
    y = x[..., 0].cumsum(1)
    expected = regressor().fit(x, y).predict(x)
    for form in (pd.DataFrame(y), [pd.Series(one) for one in y], y.tolist(), pd.Series(list(y))):
        for found, one in zip(regressor().fit(x, form).predict(x), expected, strict=True):
            np.testing.assert_array_equal(found, one)


def test_the_score_weighs_rows() -> None:
    x, y = wear()
    model = regressor(epochs=1).fit(x, y)
    weights = np.arange(len(x)) % 2
    some = [row for row, weight in enumerate(weights) if weight]
    alone = model.score([x[row] for row in some], [y[row] for row in some])
    assert model.score(x, y, sample_weight=weights) == pytest.approx(alone, abs=1e-6)
    with pytest.raises(InputError, match=r"sample_weight is of shape \[3\], expected a weight for each row"):
        model.score(x, y, sample_weight=[1, 2, 3])


def test_the_baseline_knows_what_was_seen_so_far_and_nothing_else() -> None:
    x, y = wear(40)
    columns = {"input": ("series", x)}
    model = StepBaseline().fit(columns, y)
    found = model.predict(columns)
    assert found.shape == (sum(map(len, x)),)
    assert np.mean((found - np.concatenate(y)) ** 2) < 0.5 * np.concatenate(y).var()  # the load of each step is told
    longer = np.concatenate([x[0], np.full((RECENT, 2), np.nan)])
    again = model.predict({"input": ("series", [longer])})
    np.testing.assert_allclose(again[: len(x[0])], found[: len(x[0])])  # what follows changes nothing before it
    assert np.isfinite(again).all()


def test_an_interval_of_steps_is_that_of_their_series() -> None:
    """Steps that are all alike within a series say no more than one of them."""
    values, groups = np.repeat([0.0, 1.0, 2.0, 3.0], 50), np.repeat(np.arange(4), 50)
    by_series = bootstrap_interval(np.mean, values, groups=groups)
    assert by_series == bootstrap_interval(np.mean, np.arange(4.0))
    assert by_series.high - by_series.low > 3 * np.ptp(bootstrap_interval(np.mean, values))


def test_a_file_of_lists_is_trained_on_measured_and_predicted(tmp_path: Path) -> None:
    from treadle.tasks.run import start_run, work_of
    from treadle.tasks.source import DataSource

    x, y = wear(24)
    rows = [{"sensors": a.tolist(), "left": b.tolist()} for a, b in zip(x, y, strict=True)]
    data = tmp_path / "machines.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    said: list[str] = []
    source = DataSource(str(data), test=str(data), target="left")
    options = {name: value for name, value in SMALL.items() if name != "device"} | {"bptt": 5}
    start_run(source, options, tmp_path / "run", say=said.append)
    assert "task: regress, a number a step" in said
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert set(result["test"]) == set(result["baseline"]["test"]) == {"rmse", "mae", "r2"}
    assert result["baseline"]["name"] == "features so far + ridge"
    measured = work_of(tmp_path / "run").evaluate(tmp_path / "run", DataSource(str(data)), {})
    assert measured.scores["rmse"].value == pytest.approx(result["test"]["rmse"])
    answers = list(work_of(tmp_path / "run").predict(tmp_path / "run", DataSource(str(data)), None, {}))
    model = load(tmp_path / "run")
    for answer, expected in zip(answers, model.predict({"sensors": x}), strict=True):
        np.testing.assert_allclose(json.loads(answer.text), expected, rtol=1e-6)
    rows[3]["left"] = rows[3]["left"][:-1]
    data.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match=r"machines.jsonl, line 4: found \d+ steps and \d+ targets, expected a target"):
        work_of(tmp_path / "run").evaluate(tmp_path / "run", DataSource(str(data)), {})
