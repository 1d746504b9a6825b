"""Ctrl-C and SIGTERM: the step is finished, the state saved, and handlers are put back."""

import signal
import threading
from pathlib import Path

import pytest
import torch
from toy import STEPS_AN_EPOCH, Watch, make_objective, settings, train, weights, without_times

from treadle.training import Interrupted, fit
from treadle.training.interrupt import SIGNALS, deferred_interrupt

BOTH = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)


@BOTH
def test_the_step_is_finished_and_the_run_goes_on_from_there(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "last"
    watch = Watch(lambda step: signal.raise_signal(number) if step == 8 else None)
    with pytest.raises(Interrupted) as caught:
        fit(make_objective(), settings(), checkpoint=path, progress=watch)
    assert (caught.value.step, caught.value.checkpoint) == (8, path)
    assert len(watch.losses) == 8
    expected, history = train()
    objective, watch = make_objective(), Watch()
    assert without_times(fit(objective, settings(), checkpoint=path, resume=True, progress=watch)) == history
    assert watch.started["step"] == 8
    assert len(watch.losses) == 4 * STEPS_AN_EPOCH - 8, "no step was made twice"
    assert torch.equal(weights(objective.model), weights(expected))


def test_an_interrupted_run_counts_as_a_keyboard_interrupt() -> None:
    """So that `except Exception` around a training call does not swallow it."""
    assert issubclass(Interrupted, KeyboardInterrupt)


@BOTH
@pytest.mark.parametrize("epoch", [1, 4], ids=["an evaluation", "the last evaluation"])
def test_asked_during_an_evaluation_it_stops_after_it(tmp_path: Path, number: signal.Signals, epoch: int) -> None:
    path, objective = tmp_path / "last", make_objective()
    evaluate, calls = objective.evaluate, iter(range(1, 9))

    def disturbed(model: torch.nn.Module) -> dict[str, float]:
        if next(calls) == epoch:
            signal.raise_signal(number)
        return evaluate(model)

    objective.evaluate = disturbed
    watch = Watch()
    with pytest.raises(Interrupted) as caught:
        fit(objective, settings(), checkpoint=path, progress=watch)
    assert caught.value.step == epoch * STEPS_AN_EPOCH
    assert len(watch.records) == epoch
    expected, history = train()
    model, resumed = train(checkpoint=path, resume=True)
    assert resumed == history
    assert torch.equal(weights(model), weights(expected))


def test_the_second_time_it_stops_at_once(tmp_path: Path) -> None:
    """In the middle of a step; the last checkpoint stays as it was."""
    path, objective = tmp_path / "last", make_objective()
    loss, calls = objective.loss, iter(range(1, 99))

    def twice(model: torch.nn.Module, rows: object) -> torch.Tensor:
        if next(calls) == 7:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second Ctrl-C was not heard")
        return loss(model, rows)  # type: ignore[arg-type] # the protocol's own type is an array's

    objective.loss = twice
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(objective, settings(checkpoint_seconds=0), checkpoint=path)
    assert not isinstance(caught.value, Interrupted)
    expected, _ = train()
    model, _ = train(checkpoint=path, resume=True)
    assert torch.equal(weights(model), weights(expected))


@BOTH
def test_handlers_are_put_back(number: signal.Signals) -> None:
    def own(*_: object) -> None: ...

    before = signal.signal(number, own)
    try:
        train(epochs=1)
        assert signal.getsignal(number) is own
        with pytest.raises(Interrupted):
            fit(make_objective(), settings(), progress=Watch(lambda step: signal.raise_signal(number)))
        assert signal.getsignal(number) is own
    finally:
        signal.signal(number, before)


def test_training_in_another_thread_leaves_signals_alone() -> None:
    found: list[object] = []

    def work() -> None:
        with deferred_interrupt() as stop:
            found.append(stop.asked)
        train(epochs=1)
        found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False, signal.getsignal(signal.SIGINT)]
