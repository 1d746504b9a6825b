"""Classifiers, regressors and models with a number a step, in C."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.data.numeric import SeriesScaler
from treadle.data.vocabulary import UNKNOWN
from treadle.errors import counted
from treadle.export.c.layers import add_stack
from treadle.export.c.pooling import add_linear, add_pooling
from treadle.export.c.program import Input, Program, Strings
from treadle.export.c.proof import Sample
from treadle.export.c.tables import Tables
from treadle.export.c.tokens import spelt, token_input
from treadle.streaming import StreamModel
from treadle.streaming.layers import settled
from treadle.tasks.sequence import SequenceClassifier
from treadle.tasks.sequence.features import Feature
from treadle.tasks.sequence.targets import ClassTarget, LabelsTarget, NumberTarget

Array = NDArray[Any]

LENGTHS = [7, 1, 16, 4]
"""Steps of the sequences that a model is held to."""


def program(estimator: Any, name: str, *, int8: bool) -> Program:
    """The model of a fitted `SequenceClassifier` or `SequenceRegressor`.

    Raises:
        InputError: It needs the whole sequence; the sentence says what to train instead.
    """
    estimator.stream_model()  # says why where there is no step
    (feature,), target = estimator.features_.values(), estimator.target_
    encoder = settled(estimator.network_).encoder(0)
    outputs, answers = _outputs(target)
    kind = "classifier" if isinstance(estimator, SequenceClassifier) else "regressor"
    made = Program(
        name,
        f"{estimator.describe()}, a sequence {kind}",
        [f"{estimator.describe_size()[0].upper()}{estimator.describe_size()[1:]}."],
        token_input(spelt(feature), "token") if encoder.embedding is not None else _number_input(feature.encoder),
        outputs,
        answers,
        Tables(int8=int8),
    )
    x = made.local(made.advance, "advance", "x", encoder.stack.input_size)
    if encoder.embedding is None:
        _read_numbers(made, feature.encoder)
    else:
        made.advance += made.tables.rows("embedding", encoder.embedding.weight.float()).read(x, "token")
        made.strings.append(Strings("tokens", spelt(feature), "The vocabulary: token i is its entry i.", optional=True))
    y = add_stack(made, encoder.stack, x, made.advance, "advance")
    pooled = add_pooling(made, encoder.pooling, y, encoder.stack.output_size)
    head = settled(estimator.network_).head
    made.answer.append("")
    add_linear(made, made.answer, "output", "head", pooled, head.weight, head.bias)
    _finish(made, target)
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Steps at random, and what the model's stream says after each."""
    model = estimator.stream_model()
    feature: Feature = next(iter(estimator.features_.values()))
    target, steps = estimator.target_, sum(LENGTHS)
    if isinstance(feature.encoder, SeriesScaler):
        inputs = _numbers(feature.encoder, random, steps)
        call = f"input + t * {inputs.shape[1]}"
        rows = [model.read(step) for step in inputs.astype(np.float64)]
        arrays = {"input": inputs}
    else:
        tokens = random.integers(UNKNOWN, feature.size, steps).astype(np.int32)
        call, arrays = "token[t]", {"token": tokens}
        rows = [tokens[t : t + 1].astype(np.int64) for t in range(steps)]
    unit = target.scale if isinstance(target, NumberTarget) else 1.0
    return Sample(LENGTHS, arrays, call, run(model, LENGTHS, rows, _numbers_of), unit)


def run(model: StreamModel, lengths: list[int], rows: list[Array], numbers: Any) -> Array:
    """What a stream says after every step of some sequences, `[steps, outputs]`."""
    found, t = [], 0
    for length in lengths:
        for name, field in model.state.items():
            field[0] = model.initial[name]
        for _ in range(length):
            model.advance(rows[t])
            found.append(numbers(model.answers(1)[0]))
            t += 1
    return np.array(found, dtype=np.float64)


def _numbers_of(answer: dict[str, Any]) -> list[float]:
    return list(answer["probabilities"].values()) if "probabilities" in answer else [answer["prediction"]]


def _number_input(scaler: SeriesScaler) -> Input:
    missing = {
        "forward": "the last one of its channel stands in for it (the mean of training before there was one)",
        "mean": "the mean of training stands in for it",
        "linear": "the model has no rule: every number must be there",
    }[scaler.fill]
    meaning = [f"{counted(scaler.channels, 'number')}, a channel each, in the units of the training data."]
    meaning.append(f"Where one is missing (NAN), {missing}.")
    return Input(f"const float input[{scaler.channels}]", meaning, [("INPUTS", scaler.channels, "numbers of a step")])


def _read_numbers(made: Program, scaler: SeriesScaler) -> None:
    """Clip, scale and fill a step; in double, since a channel may lie far from zero beside its spread."""
    tables = made.tables
    shift, scale = (tables.vector(f"input_{one}", getattr(scaler, one), kind="double") for one in ("shift", "scale"))
    loop = ["double value = input[i];"]
    if np.isfinite([scaler.low, scaler.high]).any():
        low, high = (tables.vector(f"input_{one}", getattr(scaler, one), kind="double") for one in ("low", "high"))
        loop.append(f"value = value < {low}[i] ? {low}[i] : (value > {high}[i] ? {high}[i] : value);")
    loop.append(f"value = (value - {shift}[i]) / {scale}[i];")
    mean = (scaler.mean - scaler.shift) / scaler.scale
    if scaler.fill == "forward":
        last = made.remember("observed", mean, "the last value of every channel, scaled", kind="double")
        loop += ["if (value != value) {", f"    value = {last}[i];", "}", f"{last}[i] = value;"]
    if scaler.fill == "mean":
        means = tables.vector("input_mean", mean, kind="double")
        loop += ["if (value != value) {", f"    value = {means}[i];", "}"]
    loop.append("x[i] = (float)value;")
    made.advance += [f"for (int i = 0; i < {scaler.channels}; ++i) {{", *(f"    {line}" for line in loop), "}"]
    for number, channel in enumerate(scaler.masked.tolist()):
        made.advance.append(f"x[{scaler.channels + number}] = input[{channel}] == input[{channel}] ? 1.0f : 0.0f;")


def _outputs(target: Any) -> tuple[list[str], list[str]]:
    names = [str(name) for name in target.classes.tolist()]
    if isinstance(target, ClassTarget):
        return [f"{name}" for name in names], ["the probability of each class; they add up to 1."]
    if isinstance(target, LabelsTarget):
        return names, ["the probability of each label; those of at least 0.5 are the prediction."]
    return ["the prediction, in the unit of the training data"], ["what the model predicts."]


def _finish(made: Program, target: Any) -> None:
    """From the head's numbers to the answer."""
    if isinstance(target, NumberTarget):
        made.answer.append(f"output[0] = (float)(output[0] * {target.scale!r} + {target.mean!r});")
        return
    if isinstance(target, ClassTarget):
        made.helpers.add("softmax")
        made.answer.append(f"softmax(output, {target.size});")
    else:
        made.helpers.add("sigmoid")
        made.answer += [f"for (int i = 0; i < {target.size}; ++i) {{", "    output[i] = sigmoid(output[i]);", "}"]
    made.strings.append(Strings("classes", made.outputs, "What each number of an answer is the probability of."))


def _numbers(scaler: SeriesScaler, random: np.random.Generator, steps: int) -> Array:
    """Steps about what training data is like, with gaps where it had some."""
    values = scaler.mean + scaler.scale * random.normal(size=(steps, scaler.channels)) * 0.7
    if len(scaler.masked) and scaler.fill != "linear":
        gaps = random.random(values.shape) < 0.2
        gaps[np.cumsum([0, *LENGTHS[:-1]])] = False  # a stream begins with a value
        values[gaps] = np.nan
    found: Array = values.astype(np.float32)
    return found
