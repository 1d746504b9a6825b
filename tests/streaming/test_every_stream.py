"""Every task with every cell: a stream in random chunks is the whole so far; a new process goes on bit for bit."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treadle import Forecaster, LanguageModel, SequenceClassifier, SequenceRegressor, SequenceTagger, load
from treadle.cells import cell_names
from treadle.data.forecasting import Frequency, Panel

STEPS = 9
SMALL: dict[str, Any] = {"hidden_size": 6, "epochs": 1, "seed": 2, "device": "cpu"}
CAUSAL: dict[str, Any] = {**SMALL, "bidirectional": False, "embedding_size": 5}
TEXT = "to be or not to be that is the question\n"
WORDS = TEXT.split()


@dataclass(frozen=True)
class Task:
    """A task on a stream.

    Attributes:
        made: A fitted model.
        steps: What its stream reads, a step each.
        joined: Several steps as one chunk; None where a stream takes one at a time.
        said: The numbers of an answer.
        whole: What the model says of all steps together.
    """

    made: Callable[[], Any]
    steps: list[Any]
    joined: Callable[[list[Any]], Any] | None
    said: Callable[[dict[str, Any]], list[float]]
    whole: Callable[[Any, list[Any]], Any]


def series() -> Any:
    return [*np.random.default_rng(0).normal(size=(12, STEPS, 2))]


def panel(values: Any) -> Panel:
    return Panel(["a"], [0], [np.asarray(values, np.float64)], Frequency("step"))


def probabilities(answer: dict[str, Any]) -> list[float]:
    return list(answer["probabilities"].values())


def forecast(model: Forecaster, steps: list[Any]) -> list[float]:
    found = model.predict_panel(panel(steps))
    return [found.point[0][0], *found.quantiles[0][0]]


TASKS = {
    "classify": Task(
        lambda: SequenceClassifier(**CAUSAL, pooling="concat").fit(series(), ["up", "down"] * 6),
        list(series()[0]),
        np.stack,
        probabilities,
        lambda model, steps: model.predict_proba([np.stack(steps)])[0],
    ),
    "regress": Task(
        lambda: SequenceRegressor(**CAUSAL, layers=2, residual=True).fit(
            series(), [one.cumsum(0)[:, 0] for one in series()]
        ),
        list(series()[1]),
        np.stack,
        lambda answer: [answer["prediction"]],
        lambda model, steps: model.predict([np.stack(steps)])[0][-1:],
    ),
    "tag": Task(
        lambda: SequenceTagger(**CAUSAL, decoder="softmax", character_hidden_size=3).fit(
            [WORDS, WORDS[3:]] * 6, [["A" if "o" in word else "B" for word in some] for some in (WORDS, WORDS[3:])] * 6
        ),
        WORDS[:STEPS],
        None,
        lambda answer: list(answer["tags"].values()),
        lambda model, steps: model.predict_proba([steps])[0][-1],
    ),
    "language-model": Task(
        lambda: LanguageModel(unit="char", layers=1, weight_drop=0.0, **SMALL).fit(TEXT * 8),
        list(TEXT[:STEPS]),
        "".join,
        lambda answer: [answer["bits"]],
        lambda model, steps: [model.log_losses("".join(steps))[0].nats.sum() / math.log(2)],
    ),
    "forecast": Task(
        lambda: Forecaster(horizon=2, season=3, lookback=4, transform="none", **SMALL).fit_panel(
            panel(10 + np.sin(np.arange(30)))
        ),
        (10 + np.sin(np.arange(STEPS))).tolist(),
        None,
        lambda answer: list(answer.values()),
        forecast,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """A fitted model a task."""
    return {name: task.made() for name, task in TASKS.items()}


@pytest.mark.parametrize("cell", list(cell_names()))
def test_every_task_with_every_cell_says_in_chunks_what_it_says_of_the_whole(models: dict[str, Any], cell: str) -> None:
    for name, task in TASKS.items():
        model = models[name].set_params(cell=cell)
        if hasattr(model, "settings_"):
            model.settings_ = model.settings_.model_copy(update={"cell": cell})
        model.build_network().eval()  # fresh weights are as good as learnt ones here
        random = np.random.default_rng(len(cell))
        stream, done = model.stream(), 0
        while done < STEPS:
            count = int(random.integers(1, 4)) if task.joined else 1
            chunk = task.steps[done : done + count]
            answer = stream.step(task.joined(chunk) if task.joined and len(chunk) > 1 else chunk[0])
            done += len(chunk)
            expected = task.whole(model, task.steps[:done])
            np.testing.assert_allclose(task.said(answer), expected, rtol=1e-5, atol=1e-5, err_msg=name)


GO_ON = """
import json, sys
from pathlib import Path
from test_every_stream import continued
from treadle import load
print(json.dumps({folder.name: continued(load(folder), folder) for folder in sorted(Path(sys.argv[1]).iterdir())}))
"""


def continued(model: Any, folder: Path) -> list[list[float]]:
    """What is said of the steps behind each snapshot in a folder."""
    task, stream, found = TASKS[folder.name], model.stream(), []
    for done in range(STEPS):
        stream.restore((folder / f"snapshot-{done}").read_bytes())
        found.append([number for step in task.steps[done:] for number in task.said(stream.step(step))])
    return found


def test_a_snapshot_at_any_step_of_any_task_goes_on_bit_for_bit_in_a_new_process(tmp_path: Path) -> None:
    expected = {}
    for name, task in TASKS.items():
        folder = tmp_path / name
        task.made().save(folder)
        stream = load(folder).stream()
        said = []
        for done, step in enumerate(task.steps):
            (folder / f"snapshot-{done}").write_bytes(stream.snapshot())
            said.append(task.said(stream.step(step)))
        expected[name] = [[number for one in said[done:] for number in one] for done in range(STEPS)]
    words = [sys.executable, "-c", GO_ON, str(tmp_path)]
    ran = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    assert json.loads(ran.stdout) == expected
