"""What `fit` promises: determinism, a clean caller, the best weights, one record an epoch, one sentence on failure."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from toy import ROWS, STEPS_AN_EPOCH, Watch, make_model, make_objective, settings, train, weights

from treadle.errors import InputError
from treadle.training import Objective, fit


def test_one_seed_gives_the_same_bits_and_another_gives_others() -> None:
    (first, history), (second, again), (other, _) = train(seed=1), train(seed=1), train(seed=2)
    assert torch.equal(weights(first), weights(second))
    assert history == again
    assert not torch.equal(weights(first), weights(other)), "the seed reaches the dropout"


def test_training_does_not_depend_on_the_callers_generator() -> None:
    torch.manual_seed(1)
    first, _ = train()
    torch.manual_seed(2)
    second, _ = train()
    assert torch.equal(weights(first), weights(second))


def numpy_state() -> str:
    return repr(np.random.get_state())  # noqa: NPY002 (the global generator is what is meant)


@pytest.mark.parametrize("learning_rate", [0.01, 1e12], ids=["trains", "diverges"])
def test_the_callers_generators_are_left_as_they_were(learning_rate: float) -> None:
    before = torch.get_rng_state(), numpy_state(), random.getstate()
    try:
        train(learning_rate=learning_rate, clip_norm=0.0, optimizer="sgd")
        assert learning_rate < 1
    except InputError:
        assert learning_rate > 1
    assert torch.equal(torch.get_rng_state(), before[0])
    assert numpy_state() == before[1]
    assert random.getstate() == before[2]


def watched_objective() -> tuple[Objective, list[torch.Tensor]]:
    """An objective, and the weights that were evaluated, in order."""
    seen: list[torch.Tensor] = []
    objective = make_objective()
    evaluate = objective.evaluate

    def looking(model: nn.Module) -> dict[str, float]:
        seen.append(weights(model))
        return evaluate(model)

    objective.evaluate = looking
    return objective, seen


def test_the_model_ends_with_the_weights_of_its_best_epoch() -> None:
    """Merit is made to peak at epoch 2, then the weights must be those of a run that looked at them there."""
    objective, seen = watched_objective()
    merits = iter([1.0, 3.0, 2.0, 3.0])
    objective.merit = lambda dev: [next(merits)]
    history = fit(objective, settings(epochs=4))
    assert [record["best"] for record in history] == [True, True, False, False], "an equal epoch is no better one"
    assert torch.equal(weights(objective.model), seen[1])
    assert len({tuple(w.tolist()) for w in seen}) == 4


def test_an_objective_may_name_the_epoch_that_is_kept() -> None:
    """Training ends with it, at the learning rate of a longer one, and dev is not asked."""
    objective, seen = watched_objective()
    objective.last, objective.merit = 3, lambda dev: pytest.fail("dev was asked")
    history = fit(objective, settings(epochs=6))
    whole, _ = watched_objective()
    rates = [record["learning_rate"] for record in fit(whole, settings(epochs=6))]
    assert [record["learning_rate"] for record in history] == rates[:3]
    assert torch.equal(weights(objective.model), seen[2])


def test_merit_is_compared_number_by_number() -> None:
    objective = make_objective()
    merits = iter([[0.5, -1.0], [0.5, -0.9], [0.4, 9.0], [0.6, -9.0]])
    objective.merit = lambda dev: next(merits)
    assert [record["best"] for record in fit(objective, settings(epochs=4))] == [True, True, False, True]


@pytest.mark.parametrize(("patience", "expected"), [(0, 6), (1, 3), (2, 6), (3, 6)])
def test_patience_counts_epochs_without_a_better_one(patience: int, expected: int) -> None:
    objective = make_objective()
    merits = iter([1.0, 2.0, 1.5, 3.0, 2.0, 1.0])
    objective.merit = lambda dev: [next(merits)]
    assert len(fit(objective, settings(epochs=6, patience=patience))) == expected


def test_a_record_an_epoch_says_what_happened_in_it() -> None:
    objective, watch = make_objective(), Watch()
    history = fit(objective, settings(epochs=3, schedule="constant", clip_norm=0.0), progress=watch)
    assert watch.records == history
    assert watch.started == {"step": 0, "steps": 3 * STEPS_AN_EPOCH, "epochs": 3}
    assert len(watch.losses) == 3 * STEPS_AN_EPOCH
    assert [record["epoch"] for record in history] == [1, 2, 3]
    # `advance` is told the mean of the epoch so far, which at the end of the epoch is its mean.
    ends = [watch.losses[STEPS_AN_EPOCH * epoch - 1] for epoch in (1, 2, 3)]
    assert [record["train_loss"] for record in history] == ends
    assert history[-1]["dev_loss"] < history[0]["dev_loss"], "it learns"
    assert {record["learning_rate"] for record in history} == {0.01}
    for record in history:
        assert 0 < record["gradient_norm"] <= record["gradient_norm_max"]
        assert record["seconds"] > 0
        assert set(record) == {
            *("epoch", "train_loss", "dev_loss", "dev_accuracy", "learning_rate"),
            *("gradient_norm", "gradient_norm_max", "seconds", "best"),
        }


def test_dropout_is_on_in_training_and_off_in_evaluation() -> None:
    modes: dict[str, set[bool]] = {"loss": set(), "evaluate": set()}
    objective = make_objective()
    loss, evaluate = objective.loss, objective.evaluate

    def seen_loss(model: nn.Module, rows: Any) -> torch.Tensor:
        modes["loss"].add(model.training)
        return loss(model, rows)

    def seen_evaluate(model: nn.Module) -> dict[str, float]:
        modes["evaluate"].add(model.training)
        return evaluate(model)

    objective.loss, objective.evaluate = seen_loss, seen_evaluate
    fit(objective, settings(epochs=3))
    assert modes == {"loss": {True}, "evaluate": {False}}


def test_a_learning_rate_far_too_large_is_one_sentence() -> None:
    with pytest.raises(InputError) as caught:
        train(learning_rate=1e25, clip_norm=0.0, optimizer="sgd", schedule="constant", epochs=20)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("training diverged: the ")
    assert "try a learning rate below 1e+25 or a clip_norm above 0" in sentence


def test_a_loss_that_is_no_number_names_the_step() -> None:
    objective = make_objective()
    loss, calls = objective.loss, iter(range(100))
    objective.loss = lambda model, rows: loss(model, rows) * (float("nan") if next(calls) == 8 else 1.0)
    with pytest.raises(InputError, match=r"the loss is nan at step 9, .* rate below 0\.01 or a clip_norm below 1$"):
        fit(objective, settings())


def test_weights_ruined_by_the_last_step_do_not_pass_for_a_model() -> None:
    """The loss of a single step is taken before the step, so only the dev loss shows what the step has done."""
    objective = make_objective(batch=ROWS)
    with pytest.raises(InputError, match=r"the dev loss is (nan|inf) at step 1"):
        fit(objective, settings(epochs=1, learning_rate=1e38, optimizer="sgd", clip_norm=0.0, schedule="constant"))


def test_each_epoch_sees_every_row_once_in_a_new_order() -> None:
    objective = make_objective()
    seen: list[list[int]] = []
    loss = objective.loss

    def noting(model: nn.Module, rows: Any) -> torch.Tensor:
        seen.append(rows.tolist())
        return loss(model, rows)

    objective.loss = noting
    fit(objective, settings(epochs=2))
    first, second = ([row for rows in seen[k : k + STEPS_AN_EPOCH] for row in rows] for k in (0, STEPS_AN_EPOCH))
    assert sorted(first) == sorted(second) == list(range(ROWS))
    assert first != second


def test_training_a_model_further_starts_from_where_it_is() -> None:
    model = make_model()
    _, first = train(model, schedule="constant", epochs=5)
    _, second = train(model, schedule="constant", epochs=5, seed=1)
    assert second[0]["dev_loss"] < first[0]["dev_loss"]


def test_counters_and_masks_among_the_buffers_are_kept_beside_averaged_weights() -> None:
    """A batch norm counts its batches in a whole number, which has no mean."""
    model = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3))
    train(model, epochs=2, averaging=0.9)
    assert model.state_dict()["1.num_batches_tracked"].item() in (STEPS_AN_EPOCH, 2 * STEPS_AN_EPOCH)


def test_averaged_weights_are_those_that_are_evaluated_and_kept() -> None:
    objective, seen = watched_objective()
    objective.merit = lambda dev: [len(seen)]
    fit(objective, settings(epochs=3, averaging=0.9))
    plain, _ = train(epochs=3)
    assert torch.equal(weights(objective.model), seen[-1])
    assert not torch.equal(weights(objective.model), weights(plain))
