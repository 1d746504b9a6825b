"""What is predicted: how a target becomes numbers, what its loss is, and how an answer becomes a prediction again."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from treadle.errors import InputError, nearest
from treadle.evaluation import Task

Array = NDArray[Any]


class Target(Protocol):
    """A kind of target, fitted on training data."""

    size: int
    """Numbers in the network's answer."""
    measured: Task
    """By which metrics it is judged."""
    classes: Array
    """The classes or labels in the order of the answer's numbers; none for a number."""
    per_step: bool
    """Whether every step of a row has a target, and every step an answer, one row after the other."""

    def encode(self, y: Sequence[Any]) -> Tensor:
        """The targets of rows as a tensor whose first axis is the row."""

    def loss(self, answer: Tensor, target: Tensor) -> Tensor:
        """The mean loss of a batch."""

    def output(self, answer: Tensor) -> Array:
        """What is measured: probabilities `[rows, classes]`, or numbers `[rows]`."""

    def predict(self, answer: Tensor) -> Array:
        """The prediction of every row."""

    def answer(self, output: Any) -> dict[str, Any]:
        """One row of `output` in words: its `prediction`, and what is known of it."""

    def dev_metrics(self, answer: Tensor, target: Tensor) -> dict[str, float]:
        """What is followed during training beside the loss."""

    def merit(self, dev: dict[str, float]) -> list[float]:
        """How good an epoch is, given its dev loss and metrics: the larger the better, compared one after the other."""

    def to_json(self) -> dict[str, Any]:
        """What `load_target` needs, as JSON can hold it."""


class ClassTarget:
    r"""One of several classes: \(p = \mathrm{softmax}(o)\), loss \(-w_y \log p_y\), averaged with the weights \(w\).

    Args:
        classes: The classes in the order of the answer's numbers.
        weights: A weight for each, or None.
    """

    measured: Task = "classify"
    per_step = False

    def __init__(self, classes: Array, weights: Tensor | None = None) -> None:
        self.classes = classes
        self.size = len(classes)
        self.weights = weights

    def encode(self, y: Sequence[Any]) -> Tensor:
        """Class numbers, int64 `[rows]`.

        Raises:
            InputError: A label is none of the classes.
        """
        number = {label: i for i, label in enumerate(self.classes.tolist())}
        return torch.tensor([_number(label, number) for label in np.asarray(y).tolist()], dtype=torch.int64)

    def loss(self, answer: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy in nats."""
        weights = None if self.weights is None else self.weights.to(answer.device, answer.dtype)
        return F.cross_entropy(answer, target, weight=weights)

    def output(self, answer: Tensor) -> Array:
        """Probabilities `[rows, classes]`, float64, each row summing to one."""
        return answer.double().softmax(1).cpu().numpy()

    def predict(self, answer: Tensor) -> Array:
        """The most probable class of every row."""
        predicted: Array = self.classes[answer.argmax(1).cpu().numpy()]
        return predicted

    def answer(self, output: Any) -> dict[str, Any]:
        """The most probable class, its probability, and that of each class."""
        best = int(output.argmax())
        return {
            "prediction": self.classes.tolist()[best],
            "confidence": float(output[best]),
            "probabilities": _by_name(self.classes, output),
        }

    def dev_metrics(self, answer: Tensor, target: Tensor) -> dict[str, float]:
        """Accuracy; with weights also that in which every row counts by the weight of its class."""
        right = (answer.argmax(1) == target).double()
        if self.weights is None:
            return {"accuracy": float(right.mean())}
        weights = self.weights.to(target.device)[target]
        share = float((right * weights).sum() / weights.sum()) if weights.sum() > 0 else 0.0
        return {"accuracy": float(right.mean()), "weighted_accuracy": share}

    def merit(self, dev: dict[str, float]) -> list[float]:
        """Accuracy, then loss: late in training a network grows too sure, so the loss rises while it still learns."""
        return [dev.get("weighted_accuracy", dev["accuracy"]), -dev["loss"]]

    def to_json(self) -> dict[str, Any]:
        """The classes; weights only matter in training."""
        return {"kind": "classes", "classes": self.classes.tolist()}


class LabelsTarget:
    r"""Any number of labels: \(p_k = \sigma(o_k)\), loss \(-\sum_k y_k \log p_k + (1 - y_k) \log(1 - p_k)\), averaged.

    Args:
        classes: The labels in the order of the answer's numbers.
        weights: A weight for each label's positive term, or None.
    """

    measured: Task = "multilabel"
    per_step = False

    def __init__(self, classes: Array, weights: Tensor | None = None) -> None:
        self.classes = classes
        self.size = len(classes)
        self.weights = weights

    def encode(self, y: Sequence[Any] | Array) -> Tensor:
        """Zeros and ones, float32 `[rows, labels]`, from label lists or from zeros and ones.

        Raises:
            InputError: A label is none of those trained on.
        """
        if isinstance(y, np.ndarray):
            if y.shape[1] != self.size:
                raise InputError(f"the targets have {y.shape[1]} columns, expected {self.size}, one a label")
            return torch.from_numpy(y.astype(np.float32))
        number = {label: i for i, label in enumerate(self.classes.tolist())}
        target = torch.zeros(len(y), self.size)
        for row, labels in enumerate(y):
            for label in labels:
                target[row, _number(label, number)] = 1
        return target

    def loss(self, answer: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy in nats, summed over the labels."""
        weights = None if self.weights is None else self.weights.to(answer.device, answer.dtype)
        return F.binary_cross_entropy_with_logits(answer, target, pos_weight=weights, reduction="sum") / len(answer)

    def output(self, answer: Tensor) -> Array:
        """Probabilities `[rows, labels]`, float64, each between zero and one."""
        return answer.double().sigmoid().cpu().numpy()

    def predict(self, answer: Tensor) -> Array:
        """Zeros and ones `[rows, labels]`: the labels whose probability is at least one half."""
        return (answer >= 0).long().cpu().numpy()

    def answer(self, output: Any) -> dict[str, Any]:
        """The labels whose probability is at least one half, and that of each label."""
        chosen = [name for name, p in zip(self.classes.tolist(), output, strict=True) if p >= 0.5]
        return {"prediction": chosen, "probabilities": _by_name(self.classes, output)}

    def dev_metrics(self, answer: Tensor, target: Tensor) -> dict[str, float]:
        """F1 over all rows and labels together."""
        given, right = answer >= 0, target > 0
        both, either = (given & right).sum(), given.sum() + right.sum()
        return {"micro_f1": float(2 * both / either) if either else 1.0}

    def merit(self, dev: dict[str, float]) -> list[float]:
        """F1, then loss."""
        return [dev["micro_f1"], -dev["loss"]]

    def to_json(self) -> dict[str, Any]:
        """The labels."""
        return {"kind": "labels", "classes": self.classes.tolist()}


class NumberTarget:
    r"""A number: squared error of the target standardised by training data, \((o - (y - m) / s)^2\).

    Args:
        mean: \(m\).
        scale: \(s\), the standard deviation; 1 where it is zero.
    """

    size = 1
    measured: Task = "regress"
    per_step = False
    classes: Array = np.array([])

    def __init__(self, mean: float, scale: float) -> None:
        self.mean = mean
        self.scale = scale or 1.0

    def encode(self, y: Sequence[Any]) -> Tensor:
        """Standardised, float32 `[rows]`."""
        standard = (np.asarray(y, dtype=np.float64) - self.mean) / self.scale
        return torch.from_numpy(standard.astype(np.float32))

    def loss(self, answer: Tensor, target: Tensor) -> Tensor:
        """Mean squared error, in standard deviations squared."""
        return F.mse_loss(answer.squeeze(1), target)

    def output(self, answer: Tensor) -> Array:
        """Numbers in the target's own unit, float64 `[rows]`."""
        return answer.squeeze(1).double().cpu().numpy() * self.scale + self.mean

    def predict(self, answer: Tensor) -> Array:
        """The same."""
        return self.output(answer)

    def answer(self, output: Any) -> dict[str, Any]:
        """The number."""
        return {"prediction": float(output)}

    def dev_metrics(self, answer: Tensor, target: Tensor) -> dict[str, float]:
        """Root mean squared error in the target's own unit."""
        return {"rmse": float((answer.squeeze(1) - target).double().pow(2).mean().sqrt()) * self.scale}

    def merit(self, dev: dict[str, float]) -> list[float]:
        """The loss."""
        return [-dev["loss"]]

    def to_json(self) -> dict[str, Any]:
        """Mean and scale."""
        return {"kind": "number", "mean": self.mean, "scale": self.scale}


class StepTarget(NumberTarget):
    """A number a step: `NumberTarget` over the steps of all rows, one row after the other."""

    per_step = True

    def encode(self, y: Sequence[Any]) -> Tensor:
        """Standardised, float32 `[steps of all rows]`."""
        return super().encode(np.concatenate([np.asarray(one, dtype=np.float64) for one in y]).tolist())

    def to_json(self) -> dict[str, Any]:
        """Mean and scale."""
        return super().to_json() | {"kind": "steps"}


def _by_name(classes: Array, output: Any) -> dict[str, float]:
    return dict(zip(map(str, classes.tolist()), output.tolist(), strict=True))


def _number(label: Any, number: Mapping[Any, int]) -> int:
    if label not in number:
        names = {str(name): name for name in number}
        raise InputError(f"the label {label!r} is none of those trained on{nearest(str(label), names)}")
    return number[label]


def load_target(saved: Any) -> Target:
    """The target that `to_json` saved.

    Raises:
        InputError: It is damaged.
    """
    try:
        if saved["kind"] in ("number", "steps"):
            make = StepTarget if saved["kind"] == "steps" else NumberTarget
            return make(float(saved["mean"]), float(saved["scale"]))
        kinds: dict[str, Any] = {"classes": ClassTarget, "labels": LabelsTarget}
        target: Target = kinds[saved["kind"]](np.array(saved["classes"]))
        return target
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the saved target is damaged: {error!r}") from None
