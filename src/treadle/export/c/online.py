"""Learners on a stream in C, as they are now: they answer every step, and learn no more."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError, counted
from treadle.export.c.layers import add_stack
from treadle.export.c.pooling import add_linear
from treadle.export.c.program import Input, Program, Strings
from treadle.export.c.proof import Sample
from treadle.export.c.tables import Tables
from treadle.streaming.layers import settled
from treadle.tasks.online import OnlineClassifier
from treadle.tasks.online.network import OnlineNetwork
from treadle.tasks.online.reading import Reader
from treadle.tasks.online.scale import CLIP, RunningScale

Array = NDArray[Any]

STEPS = 24
"""Steps that a model is held to."""


def program(estimator: Any, name: str, *, int8: bool) -> Program:
    """The model of an `OnlineRegressor` or `OnlineClassifier` that has learnt from some steps.

    Raises:
        InputError: It has learnt from none.
    """
    network = network_of(estimator)
    parts = estimator._parts
    outputs, answers, target = ["the prediction, in the unit of the target"], ["what the model predicts."], None
    if isinstance(estimator, OnlineClassifier):
        outputs, answers = [str(label) for label in estimator.classes_], ["the probability of each class."]
    else:
        target = parts["target"]
    made = begun(name, estimator, "features of a step", parts["reader"], outputs, answers, int8=int8)
    width = parts["reader"].width
    x = made.local(made.advance, "advance", "x", width)
    made.advance += scaled(made, "input", parts["scale"], [f"{x}[i]", "input[i]"], width)
    found = add_network(made, estimator, network, x, made.advance, "advance")
    size = network.head.out_features
    kept = made.remember("output", np.zeros(size), "what the network says of the last step")
    made.advance.append(f"memcpy({kept}, {found}, sizeof {kept});")
    if target is not None:
        mean, deviation = float(target.mean[0]), float(target.deviation[0])
        made.answer.append(f"output[0] = (float)({mean!r} + {deviation!r} * {kept}[0]);")
        return made
    made.helpers.add("softmax")
    made.answer += [f"memcpy(output, {kept}, {len(outputs)} * sizeof(float));", f"softmax(output, {len(outputs)});"]
    made.strings.append(Strings("classes", outputs, "What each number of an answer is the probability of."))
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Steps at random, and what the model says of each without learning from it."""
    network_of(estimator)
    reader, scale = estimator._parts["reader"], estimator._parts["scale"]
    rows = (scale.mean + scale.deviation * random.normal(size=(STEPS, reader.width))).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    told: list[Array] = []
    learner = a_copy(estimator)._learner
    for row in rows.astype(np.float64):
        z = learner.advance(scale.scaled(row)).copy()
        if isinstance(estimator, OnlineClassifier):
            raised = np.exp(z[: len(estimator.classes_)] - z[: len(estimator.classes_)].max())
            told.append(raised / raised.sum())
        else:
            told.append(estimator._parts["target"].unscaled(z))
    unit = 1.0 if isinstance(estimator, OnlineClassifier) else float(estimator._parts["target"].deviation[0]) or 1.0
    return Sample([STEPS], {"input": rows}, f"input + t * {reader.width}", np.array(told), unit)


def network_of(estimator: Any) -> OnlineNetwork:
    """The network as it is now.

    Raises:
        InputError: Nothing was learnt from yet.
    """
    if estimator._learner is None:
        raise InputError(f"this {type(estimator).__name__} has learnt from no step yet, so there is nothing to export")
    found: OnlineNetwork = settled(estimator._learner.network)
    return found


def a_copy(estimator: Any) -> Any:
    """Another in the same state, to go on with."""
    return type(estimator)(**estimator.get_params()).restore(estimator.snapshot())


def begun(
    name: str, estimator: Any, what: str, reader: Reader, outputs: list[str], answers: list[str], *, int8: bool
) -> Program:
    """A program with nothing in it yet.

    Args:
        name: Of the program.
        estimator: The model.
        what: What the numbers of a step are.
        reader: Which column each has.
        outputs: The numbers of an answer.
        answers: What they are.
        int8: Whether matrices are stored in 8 bits.
    """
    shown = {column: key for key, column in reader.columns.items()}
    meaning = [f"{counted(reader.width, 'number')}, the {what}; one that is missing is NAN."]
    if reader.named:
        meaning += [f"[{column}] {shown.get(column, 'nothing: NAN')}" for column in range(reader.width)]
    return Program(
        name,
        f"{type(estimator).__name__}, {counted(estimator.steps_, 'step')} old",
        ["It learns no more: weights and scales are those of the export. A reset takes it back to that moment."],
        Input(f"const float input[{reader.width}]", meaning, [("INPUTS", reader.width, "numbers of a step")]),
        outputs,
        answers,
        Tables(int8=int8),
    )


def scaled(made: Program, name: str, scale: RunningScale, pair: list[str], width: int) -> list[str]:
    """The loop that writes a number in deviations from its mean, cut off, 0 where it is missing.

    Args:
        made: The program.
        name: Of the tables.
        scale: Mean and deviation.
        pair: What is written and what is read, for the i-th column.
        width: Columns.
    """
    out, given = pair
    mean, factor = (
        made.tables.vector(f"{name}_{part}", getattr(scale, part), kind="double") for part in ("mean", "factor")
    )
    return [
        f"for (int i = 0; i < {width}; ++i) {{",
        f"    double z = ({given} - {mean}[i]) * {factor}[i];",
        f"    z = z > {CLIP} ? {CLIP} : (z < -{CLIP} ? -{CLIP} : z);",
        f"    {out} = z == z ? (float)z : 0.0f;",
        "}",
    ]


def add_network(made: Program, estimator: Any, network: OnlineNetwork, x: str, into: list[str], function: str) -> str:
    """The layers from the state that they are in, and the head, which also reads `x`; the array that it has written."""
    first = len(made.fields)
    y = add_stack(made, network.stack, x, into, function)
    now = estimator._learner._steps.state
    for place in range(first, len(made.fields)):
        layer, _, own = made.fields[place].name.partition("_")
        values = now[f"{int(layer.removeprefix('layer')) - 1}.{own}"][0].copy()
        made.fields[place] = type(made.fields[place])(
            made.fields[place].name, "float", values, made.fields[place].meaning
        )
    hidden, size = network.stack.output_size, network.head.out_features
    found = made.local(into, function, "found", size)
    more = made.local(into, function, "direct", size)
    add_linear(made, into, found, "head", y, network.head.weight[:, :hidden], network.head.bias)
    add_linear(made, into, more, "direct", x, network.head.weight[:, hidden:], None)
    into += [f"for (int i = 0; i < {size}; ++i) {{", f"    {found}[i] += {more}[i];", "}"]
    return found
