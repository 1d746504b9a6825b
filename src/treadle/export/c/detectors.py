"""Online forecasters and detectors in C: the next values of a series, and how unusual those are that come."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InputError
from treadle.export.c.online import a_copy, add_network, begun, network_of, scaled
from treadle.export.c.program import Program
from treadle.export.c.proof import Sample
from treadle.export.c.tails import TAIL, add_score
from treadle.tasks.detect import AnomalyDetector
from treadle.tasks.online.series import SeriesOnline

Array = NDArray[Any]

STEPS = 40
"""Steps that a model is held to."""


def program(estimator: SeriesOnline, name: str, *, int8: bool) -> Program:
    """The model of an `OnlineForecaster` or `AnomalyDetector` that has learnt from some steps.

    Raises:
        InputError: It has learnt from none, or it reads features that are known of a step beforehand.
    """
    network, parts = network_of(estimator), estimator._parts
    if parts["known"].width:
        raise InputError(
            f"this {type(estimator).__name__} also reads what is known of a step beforehand, which a step in C has no "
            "place for; train it on the values alone"
        )
    width, detects = parts["values"].width, isinstance(estimator, AnomalyDetector)
    channels = [f"channel {number}" for number in range(1, width + 1)]
    outputs = [f"next value of {channel}" for channel in channels]
    answers = ["the next value of each channel."]
    if detects:
        outputs = ["score of the step", *(f"expected value of {channel} at the step" for channel in channels)]
        answers = [
            f"the score of the step, one minus its tail probability: an alarm from {1 - estimator.false_alarm_rate:g} "
            "on; then what was expected in its place."
        ]
    made = begun(name, estimator, "values of a step", parts["values"], outputs, answers, int8=int8)
    _add_look_ahead(made, estimator, network, width)
    if detects:
        made.functions.insert(0, TAIL)
        add_score(made, estimator, width)
    _add_push(made, parts["history"], width)
    made.begin.append("look_ahead(state);")
    if detects:
        made.answer.append("output[0] = (float)state->score[0];")
    source = "met" if detects else "expected"
    at = "1 + i" if detects else "i"
    made.answer += [
        f"for (int i = 0; i < {width}; ++i) {{",
        f"    output[{at}] = state->{source}[i] == state->{source}[i] ? (float)state->{source}[i] : 0.0f;",
        "}",
    ]
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Values at random, and what the model says after each, without learning from it."""
    network_of(estimator)
    detects, level = isinstance(estimator, AnomalyDetector), estimator._parts["level"]
    frozen, width = a_copy(estimator), estimator._parts["values"].width
    rows = (level.mean + level.deviation * random.normal(size=(STEPS, width))).astype(np.float32)
    rows[random.random(rows.shape) < 0.05] = np.nan
    rows[STEPS // 2] += 6 * level.deviation.astype(np.float32)
    if detects:
        rows[STEPS // 4] += 100 * level.deviation.astype(np.float32)  # far beyond what a tail and a scale are told of
    reader = frozen._parts["values"]
    if reader.named:
        rows[:, sorted(set(range(width)) - set(reader.columns.values()))] = np.nan  # columns that no channel has
    told = []
    for row in rows.astype(np.float64):
        given: Any = {name: row[reader.columns[key]] for name, key in reader.names.items()} if reader.named else row
        if detects:
            expected = np.nan_to_num(frozen._expect(None))
            told.append([frozen.follow_one(given)["score"], *expected])
        else:
            frozen.follow_one(given)
            told.append(np.nan_to_num(frozen._expect(None)))
    unit = max(1.0, float(level.deviation.max())) if not detects else 1.0
    return Sample([STEPS], {"input": rows}, f"input + t * {width}", np.array(told), unit)


def _add_look_ahead(made: Program, estimator: SeriesOnline, network: Any, width: int) -> None:
    """The function that expects the next values from those so far."""
    parts, lines = estimator._parts, list[str]()
    history, seasons = parts["history"], estimator.seasons or ()
    last = made.remember("last", history.last, "the last value of every channel", kind="double")
    change = made.remember("change", history.change, "its last change", kind="double")
    length = len(history.ring)
    if length:
        made.remember("ring", history.ring.reshape(-1), "the last values, for seasons", kind="double")
        made.remember("place", [history.count % length], "where the next one goes", kind="int32_t")
    expected = made.remember("expected", np.full(width, np.nan), "the next values", kind="double")
    x = made.local(lines, "look_ahead", "x", width * (2 + len(seasons)))
    lines += scaled(made, "level", parts["level"], [f"{x}[i]", f"{last}[i]"], width)
    lines += scaled(made, "changes", parts["changes"], [f"{x}[{width} + i]", f"{change}[i]"], width)
    for number, season in enumerate(seasons):
        ago = f"state->ring[(state->place[0] + {length - season}) % {length} * {width} + i] - {last}[i]"
        lines += scaled(made, "changes", parts["changes"], [f"{x}[{width * (2 + number)} + i]", f"({ago})"], width)
    found = add_network(made, estimator, network, x, lines, "look_ahead")
    mean, deviation = (
        made.tables.vector(f"change_{part}", getattr(parts["changes"], part), kind="double")
        for part in ("mean", "deviation")
    )
    lines += [
        f"for (int i = 0; i < {width}; ++i) {{",
        f"    {expected}[i] = {last}[i] + {mean}[i] + {deviation}[i] * {found}[i];",
        "}",
    ]
    made.functions.append(
        [
            "/* Expects the next values: the last ones, and by how much they will change. */",
            f"static void look_ahead({made.name}_state *state)",
            "{",
            *(f"    {line}".rstrip() for line in lines),
            "}",
        ]
    )


def _add_push(made: Program, history: Any, width: int) -> None:
    """Take in the values of a step, and look ahead."""
    length = len(history.ring)
    loop = [
        "const double value = input[i];",
        "state->change[i] = value - state->last[i];",
        "state->last[i] = value == value ? value : state->last[i];",
    ]
    if length:
        loop.append(f"state->ring[state->place[0] * {width} + i] = state->last[i];")
    made.advance += ["", f"for (int i = 0; i < {width}; ++i) {{", *(f"    {line}" for line in loop), "}"]
    if length:
        made.advance.append(f"state->place[0] = (state->place[0] + 1) % {length};")
    made.advance.append("look_ahead(state);")
