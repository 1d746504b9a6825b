"""What a run shows: a bar with the time left on a terminal, plain lines elsewhere, one record an epoch in the file."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from toy import STEPS_AN_EPOCH, Watch, make_objective, settings

from treadle.tasks.recorder import Recorder
from treadle.training import Bar, PartOf, Silent, fit

PROGRAM = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from toy import Watch, make_objective, settings
from treadle.training import Bar, PartOf, fit

class SlowBar(Bar):
    def advance(self, **told):
        time.sleep(0.03)
        super().advance(**told)

"""
RESUMED = """
path = Path(sys.argv[1])
fit(make_objective(), settings(epochs=8, checkpoint_seconds=0), checkpoint=path, resume=True, progress=SlowBar())
print("the answer")
"""
TWICE = """
bar = SlowBar()
for part in range(2):
    fit(make_objective(), settings(epochs=8), progress=PartOf(bar, part, 2))
print("the answer")
"""


def on_terminal(program: str, *arguments: str) -> str:
    """What a program shows where standard error is a terminal of 120 columns."""
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + program, *arguments],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**environment, "OMP_NUM_THREADS": "1", "COLUMNS": "120", "TERM": "xterm"},
    )
    os.close(follower)
    shown = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            read = os.read(leader, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not read:
            break
        shown += read
    os.close(leader)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown.decode()
    assert out == b"the answer\n", "standard output is for answers only"
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l"), "the cursor comes back"
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


def test_on_a_terminal_a_bar_shows_the_step_and_the_time_that_is_left(tmp_path: Path) -> None:
    shown = on_terminal(RESUMED, str(tmp_path / "last"))
    total = 8 * STEPS_AN_EPOCH
    steps = [int(step) for step in re.findall(rf"step (\d+) of {total}", shown)]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert steps[-1] == total
    left = [int(minutes) * 60 + int(seconds) for minutes, seconds in re.findall(r"left at most 0:(\d\d):(\d\d)", shown)]
    assert left, shown
    assert left[-1] == 0
    assert max(left) <= 60, "some 1.5 seconds of work"
    assert re.search(r"epoch   8 of 8  train loss 0\.\d{4}  dev loss 0\.\d{4}  dev accuracy [01]\.\d{4}  \d s", shown)


def test_two_trainings_are_one_bar() -> None:
    shown = on_terminal(TWICE)
    total = 2 * 8 * STEPS_AN_EPOCH
    steps = [int(step) for step in re.findall(rf"step (\d+) of {total}", shown)]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[-1] == total
    assert set(re.findall(r"step \d+ of (\d+)", shown)) == {str(total)}, "neither has a bar of its own"
    assert "once more, epoch 8 of 8" in shown
    assert len(re.findall(r"epoch   8 of 8  train loss", shown)) == 1


def test_a_later_training_keeps_its_epochs_to_itself_and_its_steps_come_behind() -> None:
    watch, seen = Watch(), []
    watch.then = seen.append
    for part in range(2):
        fit(make_objective(), settings(epochs=2), progress=PartOf(watch, part, 2))
    assert seen == list(range(1, 4 * STEPS_AN_EPOCH + 1))
    assert watch.started == {"step": 2 * STEPS_AN_EPOCH, "steps": 4 * STEPS_AN_EPOCH, "epochs": 2}
    assert [record["epoch"] for record in watch.records] == [1, 2]


def test_elsewhere_there_are_lines_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As in a log file or a pipe."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    fit(make_objective(), settings(epochs=3), progress=Bar())
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("epoch   1 of 3  train loss ")
    assert lines[-1].startswith("epoch   3 of 3  train loss ")
    assert all(line.startswith("epoch ") and line.isprintable() for line in lines)
    assert "left" not in err


def test_without_progress_nothing_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    fit(make_objective(), settings(epochs=2), progress=Silent())
    fit(make_objective(), settings(epochs=2))
    assert capfd.readouterr() == ("", "")


def test_metrics_have_one_line_an_epoch_also_where_an_epoch_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    history = fit(make_objective(), settings(epochs=5), progress=Recorder(path, Silent()))
    lines = path.read_text().splitlines()
    assert len(lines) == 5
    recorder = Recorder(path, Silent())
    recorder.epoch_ended({**history[3], "train_loss": 0.125})  # a killed run goes on from before its last two lines
    again = path.read_text().splitlines()
    assert again[:3] == lines[:3]
    assert '"train_loss": 0.125' in again[3]
    assert len(again) == 4
