"""E9: a resumed run ends in the same bits as one that was never interrupted, whenever and however it was stopped."""

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from treadle import SequenceClassifier
from treadle.data import Kind
from treadle.training import Interrupted, Silent, load_state

STEPS_AN_EPOCH, EPOCHS = 3, 3
STEPS = STEPS_AN_EPOCH * EPOCHS

OPTIMIZERS = ["adamw", "adam", "rmsprop", "sgd"]
SCHEDULES = ["one-cycle", "cosine", "step", "plateau", "constant"]
NETWORKS: list[dict[str, Any]] = [
    {"cell": "gru", "layers": 2, "pooling": "attention"},
    {"cell": "elman", "bidirectional": False, "pooling": "last"},
    {"cell": "lstm", "engine": "eager", "residual": True, "layers": 2},
    {"averaging": 0.9, "clip_norm": 0.0},
    {"averaging": 0.0, "precision": "bfloat16"},
    {"patience": 1, "averaging": 0.0},
    {"dropout": 0.0, "embedding_dropout": 0.0, "word_dropout": 0.0},
]


def notes(rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Sentences with two words that tell their label, some of them misleading."""
    draw = random.Random(seed)
    labels = [("good", "bad")[row % 2] for row in range(rows)]
    found = []
    for label in labels:
        telling = {"good": "warm kind swift", "bad": "dull harsh murky"}[label if draw.random() < 0.9 else "good"]
        words = draw.choices([f"word{i}" for i in range(30)], k=draw.randint(1, 9)) + draw.choices(telling.split(), k=2)
        draw.shuffle(words)
        found.append(" ".join(words))
    return found, labels


class StopAt(Silent):
    """Presses Ctrl-C, or dies, in certain steps."""

    def __init__(self, stops: set[int], how: BaseException | None = None) -> None:
        self.stops = stops
        self.how = how
        self.begun: int | None = None

    def start(self, *, step: int, steps: int, epochs: int) -> None:
        assert steps == STEPS
        self.begun = step

    def advance(self, *, epoch: int, step: int, loss: float) -> None:
        if step in self.stops:
            if self.how is not None:
                raise self.how
            signal.raise_signal(signal.SIGINT)


def train(
    options: dict[str, Any], *, checkpoint: Path | None = None, resume: bool = False, progress: Silent | None = None
) -> SequenceClassifier:
    """A small run of the real estimator: dropout of words, embeddings and features, so that random numbers matter."""
    small: dict[str, Any] = {"hidden_size": 6, "embedding_size": 5}
    noise = {"word_dropout": 0.2, "embedding_dropout": 0.2, "dropout": 0.3}
    short = {"batch_size": 8, "epochs": EPOCHS, "learning_rate": 0.02, "min_count": 1, "device": "cpu", "seed": 3}
    model = SequenceClassifier(**(small | noise | short | options))
    (texts, labels), (dev_texts, dev_labels) = notes(STEPS_AN_EPOCH * 8, 0), notes(12, 1)
    return model.fit_columns(
        {"text": texts},
        {"text": Kind.TEXT},
        labels,
        dev=({"text": dev_texts}, dev_labels),
        checkpoint=checkpoint,
        checkpoint_seconds=0.0,
        resume=resume,
        progress=progress,
    )


def assert_equal(model: SequenceClassifier, expected: SequenceClassifier) -> None:
    """The same weights, to the last bit, and the same records, but for their times."""
    found: dict[str, Tensor] = model.network_.state_dict()
    for name, value in expected.network_.state_dict().items():
        assert torch.equal(found[name], value), name
    histories = [[{**record, "seconds": 0} for record in each.history_] for each in (model, expected)]
    assert histories[0] == histories[1]


def stop_and_go(options: dict[str, Any], path: Path, stops: list[int]) -> SequenceClassifier:
    """Stopped in each of some steps, and taken up again each time."""
    for before, stop in zip([0, *stops], stops, strict=False):
        progress = StopAt({stop})
        with pytest.raises(Interrupted):
            train(options, checkpoint=path, resume=bool(before), progress=progress)
        assert progress.begun == before
    return train(options, checkpoint=path, resume=True)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_stopped_after_every_single_step(tmp_path: Path, optimizer: str, schedule: str) -> None:
    """So at the start, in the middle and at the end of an epoch, and after the very last step."""
    options = {"optimizer": optimizer, "schedule": schedule}
    assert_equal(stop_and_go(options, tmp_path / "last", list(range(1, STEPS + 1))), train(options))


@pytest.mark.parametrize("options", NETWORKS, ids=lambda options: ", ".join(f"{k}={v}" for k, v in options.items()))
def test_whatever_the_network(tmp_path: Path, options: dict[str, Any]) -> None:
    assert_equal(stop_and_go(options, tmp_path / "last", [2, 3, 4]), train(options))


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_died_in_any_step(tmp_path: Path, step: int) -> None:
    """Without a chance to save: the run goes on from the checkpoint of the step before, or from the beginning."""
    options: dict[str, Any] = {}
    with pytest.raises(ConnectionAbortedError):
        train(options, checkpoint=tmp_path / "last", progress=StopAt({step}, ConnectionAbortedError()))
    progress = StopAt(set())
    assert_equal(train(options, checkpoint=tmp_path / "last", resume=True, progress=progress), train(options))
    assert progress.begun == step - 1


def test_a_run_that_ended_can_be_resumed_and_stays_as_it_is(tmp_path: Path) -> None:
    first = train({}, checkpoint=tmp_path / "last")
    progress = StopAt(set())
    assert_equal(train({}, checkpoint=tmp_path / "last", resume=True, progress=progress), first)
    assert progress.begun == STEPS


def test_the_random_numbers_matter_to_these_tests(tmp_path: Path) -> None:
    """A run resumed with other random numbers ends elsewhere; else the tests above could not fail for that reason."""
    path = tmp_path / "last"
    with pytest.raises(Interrupted):
        train({}, checkpoint=path, progress=StopAt({4}))

    class Disturb(Silent):
        def start(self, *, step: int, steps: int, epochs: int) -> None:
            torch.rand(1)

    with pytest.raises(AssertionError):
        assert_equal(train({}, checkpoint=path, resume=True, progress=Disturb()), train({}))


# ---- the same through the command line, where a process is killed for real

PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is switched off
from treadle.cli import main
sys.exit(main())
"""

OPTIONS = [
    *("--epochs", "20", "--hidden", "8", "--seed", "5", "--device", "cpu", "--checkpoint-every", "0"),
    *("--set", "batch_size=16", "--set", "embedding_size=8", "--set", "dropout=0.3", "--set", "word_dropout=0.2"),
]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`treadle ARGUMENTS` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a process that must succeed."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and a run that was never interrupted, `whole`."""
    folder = tmp_path_factory.mktemp("resume")
    with (folder / "notes.jsonl").open("w") as file:
        for text, label in zip(*notes(160, 2), strict=True):
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    finish(start(folder, "train", "notes.jsonl", "--out", "whole", *OPTIONS))
    return folder


def records(run: Path) -> list[dict[str, Any]]:
    """A run's lines, one an epoch."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(run: Path, expected: Path) -> None:
    """Byte for byte: the model, its features and its figures; the records, but for their times."""
    for name in ("model.safetensors", "features.json", "result.json"):
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name
    assert len(records(expected)) == 20
    assert [{**r, "seconds": 0} for r in records(run)] == [{**r, "seconds": 0} for r in records(expected)]
    assert (run / "report.html").stat().st_size > 10_000
    assert not list(run.glob("checkpoints/.*.part")), "what a kill left half-written is cleared away"


def steps_made(run: Path) -> int:
    """The step of a run's checkpoint, 0 without one."""
    checkpoint = run / "checkpoints" / "last.safetensors"
    return int(load_state(checkpoint)["run"]["step"]) if checkpoint.exists() else 0


def kill_after(process: subprocess.Popen[str], file: Path | None, seconds: float) -> None:
    """kill -9, some time after the process has written a file anew, or after its start."""
    before = file.stat().st_mtime_ns if file is not None and file.exists() else 0
    while file is not None and process.poll() is None and not (file.exists() and file.stat().st_mtime_ns > before):
        time.sleep(0.005)
    time.sleep(seconds)
    process.kill()
    process.communicate()


def test_killed_at_ten_random_moments(workplace: Path) -> None:
    """kill -9 while a process starts, trains, and draws its conclusions, each time taken up by --resume."""
    run, draw, reached = workplace / "killed", random.Random(9), []
    checkpoint, model = run / "checkpoints" / "last.safetensors", run / "model.safetensors"
    training = sum(record["seconds"] for record in records(workplace / "whole"))
    moments: list[tuple[Path | None, float]] = [(None, 0.5), (None, 2.0), (None, 2.5)]
    moments += [(checkpoint, training / 5)] * 5 + [(model, 1.5)] * 2
    for file, longest in moments:
        begun = (run / "config.toml").exists()
        command = ["--resume", "--checkpoint-every", "0"] if begun else ["notes.jsonl", *OPTIONS]
        process = start(workplace, "train", *command, "--out", "killed")
        kill_after(process, file, draw.uniform(0, longest))
        reached.append(steps_made(run))
    assert reached == sorted(reached), "what was reached is never lost"
    assert len({step for step in reached if 0 < step < 180}) >= 2, f"kills must fall into the training: {reached}"
    finish(start(workplace, "train", "--resume", "--out", "killed"))
    assert_same_run(run, workplace / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_stopped_politely_it_says_how_to_go_on(workplace: Path, number: signal.Signals) -> None:
    run = workplace / number.name
    process = start(workplace, "train", "notes.jsonl", "--out", number.name, *OPTIONS)
    while not (run / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    told = re.search(r"Stopped; step ([\d,]+) is saved\. Go on with: treadle (.*)", err)
    assert told is not None, err
    assert 0 < int(told[1]) == steps_made(run) < 180
    assert not (run / "model.safetensors").exists()
    finish(start(workplace, *shlex.split(told[2])))
    assert_same_run(run, workplace / "whole")


def test_nothing_in_a_run_folder_is_a_pickle(workplace: Path) -> None:
    """Only TOML, JSON, HTML and safetensors, and none of them in disguise."""
    files = [path for path in (workplace / "whole").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".toml", ".json", ".jsonl", ".html", ".safetensors"}
    for path in files:
        content = path.read_bytes()
        assert not content.startswith((b"\x80", b"PK")), path
        if path.suffix == ".safetensors":
            length = int.from_bytes(content[:8], "little")
            assert isinstance(json.loads(content[8 : 8 + length]), dict)
        else:
            content.decode()
