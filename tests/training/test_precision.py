"""Mixed precision, and several runs in one process with different devices and precisions."""

import copy

import pytest
import torch
from torch import nn
from toy import make_model, make_objective, settings, train, weights

from treadle.errors import InputError
from treadle.training import fit
from treadle.training.accelerator import make_accelerator
from treadle.training.objective import Rows


def test_bfloat16_learns_and_differs_from_float32() -> None:
    exact, exact_history = train(epochs=6)
    mixed, history = train(epochs=6, precision="bfloat16")
    assert torch.isfinite(weights(mixed)).all()
    assert {p.dtype for p in mixed.parameters()} == {torch.float32}, "the weights themselves stay exact"
    assert history[-1]["dev_loss"] < 0.9 * history[0]["dev_loss"]
    assert history[-1]["dev_loss"] == pytest.approx(exact_history[-1]["dev_loss"], rel=0.05)
    assert not torch.equal(weights(exact), weights(mixed)), "bfloat16 was really used"


def test_runs_of_different_precision_in_one_process_do_not_disturb_each_other() -> None:
    before, _ = train()
    mixed, _ = train(precision="bfloat16")
    after, _ = train()
    mixed_again, _ = train(precision="bfloat16")
    assert torch.equal(weights(before), weights(after))
    assert torch.equal(weights(mixed), weights(mixed_again))


def test_a_model_trained_in_mixed_precision_predicts_as_its_saved_copy_does() -> None:
    """Nothing of the training's casts may stay on the model."""
    model, _ = train(precision="bfloat16")
    opened = make_model(seed=99)
    opened.load_state_dict(model.state_dict())
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    model.eval(), opened.eval()
    assert torch.equal(model(x), opened(x))
    assert torch.equal(copy.deepcopy(model)(x), opened(x))


def test_a_precision_that_the_device_lacks_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"^precision 'float16' is not possible on device 'cpu'$"):
        train(precision="float16")
    train()  # and the next run is not spoilt by it


def test_each_run_chooses_its_device_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accelerate remembers the device of a process; "cpu" after "auto" must still be the CPU, and the other way."""
    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "meta")  # stands for a GPU, which this machine may not have
    assert make_accelerator("auto", "float32").device.type == "meta"
    monkeypatch.delenv("ACCELERATE_TORCH_DEVICE")
    assert make_accelerator("cpu", "float32").device.type == "cpu"


def test_products_in_bfloat16_are_those_of_training_and_of_nothing_else() -> None:
    """Weights stay in float32 and training goes on as before; the mode is there in a step and gone in evaluation."""
    seen: dict[str, set[str]] = {"loss": set(), "evaluate": set()}
    objective = make_objective()
    loss, evaluate = objective.loss, objective.evaluate

    def watched_loss(model: nn.Module, rows: Rows) -> torch.Tensor:
        seen["loss"].add(torch.get_float32_matmul_precision())
        return loss(model, rows)

    def watched_evaluate(model: nn.Module) -> dict[str, float]:
        seen["evaluate"].add(torch.get_float32_matmul_precision())
        return evaluate(model)

    objective.loss, objective.evaluate = watched_loss, watched_evaluate
    before = torch.get_float32_matmul_precision()
    history = fit(objective, settings(precision="bfloat16-products", epochs=8))
    assert seen == {"loss": {"medium"}, "evaluate": {before}}
    assert torch.get_float32_matmul_precision() == before
    assert weights(objective.model).dtype == torch.float32
    _, exact = train(epochs=8)
    assert history[-1]["dev_loss"] == pytest.approx(exact[-1]["dev_loss"], rel=0.05)
