"""Forecasting on the command line: train, evaluate, predict, and what is said of bad files."""

import csv
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treadle import Forecaster
from treadle.cli import main
from treadle.tasks.choice import choose_task
from treadle.tasks.refit import AT_LAST
from treadle.tasks.source import DataSource

FAST = ["--hidden", "4", "--epochs", "1", "--set", "lookback=8", "--set", "season=4"]
LENGTHS = {"north": 60, "south, east": 44}


def values_of(name, steps):
    generator = np.random.default_rng(len(name))
    return generator.normal(size=steps).cumsum() + 20 + 4 * np.sin(np.arange(steps) * np.pi / 2)


def write(path: Path, *, start=0, ends=None, ahead=0, covariate=False, skip=()) -> Path:
    """A CSV of two daily series, from a step to an end, and rows of the covariate beyond it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unique_id", "ds", "y", *(["price"] if covariate else [])])
        for name, length in (ends or LENGTHS).items():
            y = values_of(name, length)
            for step in range(start if start >= 0 else length + start, length + ahead):
                if step in skip:
                    continue
                day = np.datetime64("2024-01-01") + step
                cell = f"{y[step]:.6f}" if step < length else ""
                writer.writerow([name, day, cell, *([step % 5] if covariate else [])])
    return path


def run_of(folder: Path, *arguments: str) -> SimpleNamespace:
    """`treadle train ...`: the exit code, the run folder, and what was printed."""
    patch, printed = pytest.MonkeyPatch(), []
    patch.setattr(sys, "argv", ["treadle", "train", *arguments, *FAST, "--out", str(folder)])
    patch.setattr(sys.stdout, "write", lambda text: printed.append(text) or len(text))
    try:
        code = main()
    finally:
        patch.undo()
    return SimpleNamespace(code=code, folder=folder, words=arguments, said="".join(printed))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a file of two series, of which it set the last three steps apart."""
    folder = tmp_path_factory.mktemp("forecast")
    data = write(folder / "sales.csv")
    made = run_of(folder / "run", str(data), "--horizon", "3")
    return SimpleNamespace(data=data, **vars(made))


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """A run with a covariate that is known in advance."""
    folder = tmp_path_factory.mktemp("priced")
    data = write(folder / "sales.csv", covariate=True)
    made = run_of(folder / "run", str(data), "--horizon", "3", "--set", "future=['price']")
    return SimpleNamespace(data=data, **vars(made))


def test_train_says_what_it_set_apart_and_writes_figures_of_model_and_baseline(run):
    assert run.code == 0
    assert "test: the last 3 steps of every series, which training does not see" in run.said
    assert "2 series of 44 to 60 steps, a step is 1 day" in run.said
    result = json.loads((run.folder / "result.json").read_text())
    wanted = {"mase", "smape", "crps", "coverage", "rmse", "mae"}
    assert result["task"] == "forecast"
    assert set(result["dev"]) == wanted
    assert set(result["test"]) == set(result["baseline"]["test"]) == wanted | {"owa"}
    assert result["baseline"]["name"] == "exponential smoothing"
    page = (run.folder / "report.html").read_text()
    assert "Forecasts and what happened" in page
    assert "south, east" in page


def test_counts_are_told_which_output_is_theirs(run, tmp_path):
    data = tmp_path / "sold.csv"
    data.write_text("ds,y\n" + "".join(f"{day},{day % 3}\n" for day in range(40)))
    advice = "--set output=negative-binomial"
    assert advice in run_of(tmp_path / "a", str(data), "--horizon", "3").said
    chosen = run_of(tmp_path / "b", str(data), "--horizon", "3", "--set", "output=negative-binomial")
    assert chosen.code == 0
    assert advice not in chosen.said
    assert advice not in run.said


def test_dev_is_learnt_in_the_end_unless_it_is_given(run, tmp_path):
    assert AT_LAST in run.said
    assert "The weights are the mean of both trainings" in (run.folder / "report.html").read_text()
    longer = {name: length + 7 for name, length in LENGTHS.items()}
    later = write(tmp_path / "later.csv", start=-7, ends=longer)
    given = run_of(tmp_path / "given", str(run.data), "--horizon", "3", "--dev", str(later))
    assert AT_LAST not in given.said
    assert AT_LAST in run_of(tmp_path / "both", *given.words, "--set", "refit=True").said


def test_what_goes_on_from_a_run_finds_the_model_that_was_kept(treadle, run, tmp_path):
    kept = (run.folder / "model.safetensors").read_bytes()
    said = treadle("compress", run.folder, "--sparsity", "0.5", "--epochs", "1", "--out", tmp_path / "small")
    assert "the model has learnt dev" in said.out
    before, after = (json.loads((folder / "features.json").read_text()) for folder in (run.folder, tmp_path / "small"))
    assert before["features"] == after["features"]
    assert "dev rows that its run set aside, which it learnt in the end" in treadle("diagnose", run.folder).out
    assert treadle("train", "--resume", "--out", run.folder).code == 0
    assert (run.folder / "model.safetensors").read_bytes() == kept


def test_evaluate_gives_the_figures_of_the_run_again(treadle, run, tmp_path):
    said = treadle("evaluate", run.folder, run.data, "--json", "--report", tmp_path / "page.html")
    figures = json.loads(said.out.splitlines()[0])
    expected = json.loads((run.folder / "result.json").read_text())["test"]
    assert figures == pytest.approx({name: value for name, value in expected.items() if name != "owa"})
    assert "Beside simpler methods" in (tmp_path / "page.html").read_text()
    assert treadle("evaluate", run.folder, run.data).out.startswith("2 forecasts of 2 series, 3 steps ahead  mase")


def test_evaluate_rolls_over_a_file_and_says_what_the_model_had_learnt(treadle, run):
    said = treadle("evaluate", run.folder, run.data, "--rolling", "--set", "windows=4", "--set", "step=1").out
    assert said.startswith("8 forecasts of 2 series, 3 steps ahead, 6 of them within what the model has learnt  mase")
    every = treadle("evaluate", run.folder, run.data, "--rolling", "--set", "windows=all").out
    assert every.startswith("31 forecasts of 2 series, 3 steps ahead, 29 of them within")


def test_evaluate_goes_on_from_the_series_of_the_run(treadle, run, tmp_path):
    longer = {name: length + 7 for name, length in LENGTHS.items()}
    later = write(tmp_path / "later.csv", start=-7, ends=longer)
    said = treadle("evaluate", run.folder, later)
    # Seven more days, three at a time, each from all that came before; the last three are not over yet.
    assert said.out.startswith("6 forecasts of 2 series, 3 steps ahead  mase")
    whole = write(tmp_path / "whole.csv", ends=longer)
    rolled = [treadle("evaluate", run.folder, one, "--rolling", "--set", "windows=2").out for one in (later, whole)]
    assert rolled[0] == rolled[1]


def test_predict_goes_on_with_the_series_of_the_run(treadle, run):
    rows = list(csv.DictReader(treadle("predict", run.folder).out.splitlines()))
    levels = [f"y_{level}" for level in range(10, 100, 10)]
    assert list(rows[0]) == ["unique_id", "ds", "y", *levels]
    assert [row["unique_id"] for row in rows] == ["north"] * 3 + ["south, east"] * 3
    assert rows[0]["ds"] == "2024-03-01"  # 60 days after the first of January
    for row in rows:
        quantiles = [float(row[level]) for level in levels]
        assert quantiles == sorted(quantiles)
        assert row["y"] == row["y_50"]
    lines = [json.loads(line) for line in treadle("predict", run.folder, "--json").out.splitlines()]
    assert [line["y"] for line in lines] == [float(row["y"]) for row in rows]
    assert lines[5]["unique_id"] == "south, east"


def test_predict_gives_what_the_estimator_gives(treadle, run, tmp_path):
    other = write(tmp_path / "other.csv", ends={"north": 50})
    said = treadle("predict", run.folder, other)
    assert "other.csv: stands for itself, without what the run had before" in said.err
    rows = list(csv.DictReader(said.out.splitlines()))
    expected = Forecaster.load(run.folder).predict(other)
    assert [row["ds"] for row in rows] == expected["ds"]
    assert [float(row["y_90"]) for row in rows] == pytest.approx(expected["y_90"], rel=1e-6)


def test_predict_goes_on_from_rows_that_follow_the_run(treadle, run, tmp_path):
    longer = {name: length + 2 for name, length in LENGTHS.items()}
    later = write(tmp_path / "later.csv", start=-2, ends=longer)
    whole = write(tmp_path / "whole.csv", ends=longer)
    assert treadle("predict", run.folder, later).out == treadle("predict", run.folder, whole).out


def test_a_late_or_new_series_takes_nothing_from_the_others(treadle, run, tmp_path):
    longer = {name: length + 7 for name, length in LENGTHS.items()}
    rows = write(tmp_path / "on.csv", start=-7, ends=longer).read_text().splitlines()
    said = treadle("predict", run.folder, tmp_path / "on.csv")
    assert "on.csv: goes on with the series of the run" in said.err
    whole = said.out.splitlines()
    late = tmp_path / "late.csv"
    late.write_text("\n".join(row for number, row in enumerate(rows) if number != 8) + "\n")
    found = treadle("predict", run.folder, late).out.splitlines()
    assert found[:4] == whole[:4], "of the other series"
    assert found[4:] != whole[4:]
    assert [row[:24] for row in found[4:]] == [row[:24] for row in whole[4:]], "the same days"
    new = tmp_path / "new.csv"
    new.write_text("\n".join([*rows, "west,2024-03-05,5"]) + "\n")
    refused = treadle("predict", run.folder, new)
    assert refused.code == 2
    assert "series 'west': there is no such series in " in refused.err


def test_covariates_of_the_steps_ahead_come_with_the_series_or_alone(treadle, priced, tmp_path):
    assert priced.code == 0
    together = treadle("predict", priced.folder, write(tmp_path / "whole.csv", ahead=3, covariate=True))
    assert together.out.count("\n") == 7
    alone = tmp_path / "ahead.csv"
    rows = [row for row in csv.reader((tmp_path / "whole.csv").read_text().splitlines()) if row[2] in ("", "y")]
    alone.write_text("\n".join(f'"{row[0]}",{row[1]},{row[3]}' for row in rows) + "\n")
    assert treadle("predict", priced.folder, alone).out == together.out


def test_covariates_that_are_missing_for_the_horizon_are_refused_in_one_sentence(treadle, priced, tmp_path):
    nothing = treadle("predict", priced.folder)
    assert nothing.code == 2
    assert nothing.err.count("\n") == 1
    assert "series 'north', 2024-03-01: the covariate 'price' is missing" in nothing.err
    two = treadle("predict", priced.folder, write(tmp_path / "two.csv", ahead=2, covariate=True))
    assert "2024-03-03: the covariate 'price' is missing" in two.err


def without_column(path: Path, *names: str, empty: bool = False) -> Path:
    """A file with some columns taken out, or emptied."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    other = path.with_name(f"{'empty' if empty else 'without'}-{'-'.join(names)}-{path.name}")
    with other.open("w", newline="") as file:
        writer = csv.DictWriter(file, [name for name in rows[0] if empty or name not in names], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row | dict.fromkeys(names, "") for row in rows)
    return other


@pytest.mark.parametrize("begins", ["after the run", "with the run"])
def test_a_file_without_the_target_is_refused_rather_than_left_aside(treadle, run, priced, tmp_path, begins):
    longer = {name: length + 7 for name, length in LENGTHS.items()}
    start = -7 if begins == "after the run" else 0
    later = write(tmp_path / "later.csv", start=start, ends=longer, covariate=True)
    lacking = without_column(later, "y")
    asked = [("evaluate", run), ("predict", run), ("evaluate", priced)]
    for command, made in asked:
        said = treadle(command, made.folder, lacking)
        assert (said.code, said.out) == (2, "")
        assert said.err == (
            f"treadle: {lacking}: there is no column 'y' to take as target; valid names: ds, price, unique_id\n"
        )
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(later.read_text().replace(",y,", ",value,"))
    said = treadle("evaluate", run.folder, renamed)
    assert (said.code, said.out) == (2, "")
    assert "there is no column 'y' to take as target; valid names: ds, price, unique_id, value" in said.err
    lost = treadle("predict", priced.folder, without_column(later, "y", "price"))
    assert "there is no column 'y' to take as target; valid names: ds, unique_id" in lost.err


def test_the_column_of_the_target_is_known_where_the_data_of_the_run_is_gone(treadle, run, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(run.folder, moved)
    for config in moved.glob("config.toml"):
        config.write_text(config.read_text().replace("sales.csv", "gone.csv"))
    longer = write(tmp_path / "longer.csv", ends={"north": 67}, covariate=True)
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(longer.read_text().replace(",y,", ",value,"))
    for command in ("evaluate", "predict"):
        said = treadle(command, moved, renamed)
        assert (said.code, said.out) == (2, "")
        assert "there is no column 'y' to take as target" in said.err
    asked = treadle("evaluate", moved, renamed, "--target", "value")
    assert asked.code == 0
    assert asked.out.replace("renamed", "longer") == treadle("evaluate", moved, longer).out


def test_the_column_of_values_may_be_empty_for_the_steps_ahead(treadle, priced, tmp_path):
    whole = write(tmp_path / "whole.csv", ahead=3, covariate=True)
    lines = whole.read_text().splitlines(keepends=True)
    ahead = tmp_path / "ahead.csv"
    ahead.write_text(lines[0] + "".join(line for line in lines if ",," in line))
    assert treadle("predict", priced.folder, ahead).out == treadle("predict", priced.folder, whole).out
    nothing = treadle("evaluate", priced.folder, ahead)
    assert (nothing.code, nothing.out) == (2, "")
    assert "column 'y' has no value in any row" in nothing.err


def test_short_covariates_are_missed_in_the_file_that_was_given(treadle, priced, tmp_path):
    short = without_column(write(tmp_path / "ahead.csv", start=60, ends={"north": 60}, ahead=2, covariate=True), "y")
    said = treadle("predict", priced.folder, short)
    assert said.err.startswith(f"treadle: {short}, series 'north', 2024-03-03: the covariate 'price' is missing")
    short.write_text(short.read_text() + "north,2024-03-03,2\n")
    said = treadle("predict", priced.folder, short)
    assert said.err.startswith(f"treadle: {short}, series 'south, east', 2024-02-14: the covariate 'price' is missing")


DAYS = [f"2024-01-{day:02d}" for day in range(1, 21)]
WEEKS = [f"2024-01-{day:02d}" for day in range(2, 31, 7)]


@pytest.mark.parametrize(
    ("stamps", "why"),
    [
        ({"north": [*DAYS[:9], "2024-01-10 06:00", *DAYS[10:]]},
         "line 11: found 2024-01-10 06:00:00 after 2024-01-09, expected steps of 1 day as in training"),
        ({"north": [f"{day} {hour}:00" for day in DAYS[:8] for hour in ("00", "12")]},
         "line 3: 2024-01-01 12:00:00 falls into one step of 1 day with 2024-01-01 at"),
        ({"north": DAYS, "south, east": WEEKS}, "line 23: steps of 1 week begin here, expected 1 day as in training"),
        ({"north": WEEKS}, "line 3: steps of 1 week begin here, expected 1 day as in training"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_stamps_off_the_grid_and_other_frequencies_are_refused(treadle, run, tmp_path, command, stamps, why):
    data = tmp_path / "data.csv"
    rows = [f'"{name}",{stamp},20' for name, own in stamps.items() for stamp in own]
    data.write_text("\n".join(["unique_id,ds,y", *rows, ""]))
    said = treadle(command, run.folder, data)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert why in said.err


def test_the_page_of_rolling_forecasts_says_what_was_learnt_and_does_not_advise_to_roll(treadle, run, tmp_path):
    page = tmp_path / "page.html"
    treadle("evaluate", run.folder, run.data, "--rolling", "--set", "windows=2", "--report", page)
    assert "2 of the 4 forecasts are of steps that the model has learnt from" in page.read_text()
    assert "can be luck" in page.read_text()
    assert "--rolling)" not in page.read_text()
    treadle("evaluate", run.folder, run.data, "--report", page)
    assert "has learnt from" not in page.read_text()
    assert "(treadle evaluate --rolling)" in page.read_text()


def test_test_data_of_its_own_follows_the_training_data(run, tmp_path):
    ends = {name: length - 5 for name, length in LENGTHS.items()}
    train, test = write(tmp_path / "train.csv", ends=ends), write(tmp_path / "test.csv", start=-5)
    made = run_of(tmp_path / "run", str(train), "--test", str(test), "--horizon", "3")
    assert "test: 4 forecasts of 2 series, 3 steps ahead" in made.said
    late = write(tmp_path / "late.csv", start=-4)
    refused = run_of(tmp_path / "other", str(train), "--test", str(late), "--horizon", "3")
    assert refused.code == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["train", "{short}", "--horizon", "30"], "has 20 steps, expected more than the 30 to be set apart"),
        (["train", "{short}", "--input", "y", "--task", "forecast"], "--set past=NAME, future=NAME, static=NAME"),
        (["train", "{twice}", "--horizon", "3"], "line "),
        (["evaluate", "{run}", "{tiny}"], "has 5 steps, expected at least 8 to forecast the last 3"),
        (["evaluate", "{run}", "{short}", "--set", "step=1"], "expected --rolling beside it"),
        (["evaluate", "{run}", "{short}", "--rolling", "--set", "window=1"], "did you mean 'windows'"),
        (["evaluate", "{run}", "{short}", "--rolling", "--set", "windows=0"], "expected a number from 1 or all"),
        (["predict", "{run}", "-"], "which standard input is not"),
        (["predict", "{run}", "missing.csv"], "missing.csv: there is no such file"),
    ],
)
def test_bad_input_is_one_sentence(treadle, run, tmp_path, arguments, why):
    twice = write(tmp_path / "twice.csv")
    twice.write_text(twice.read_text() + "north,2024-01-05,3\n")
    places = {
        "run": run.folder,
        "short": write(tmp_path / "short.csv", ends={"north": 20}),
        "tiny": write(tmp_path / "tiny.csv", ends={"north": 5}),
        "twice": twice,
    }
    said = treadle(
        *(one.format(**places) for one in arguments), *(["--out", tmp_path / "r"] * (arguments[0] == "train"))
    )
    assert said.code == 2
    assert said.err.startswith("treadle: ")
    assert said.err.count("\n") == 1
    assert why in said.err


def test_other_tasks_want_data_and_do_not_roll(treadle, run_folder, reviews):
    assert "no data was given" in treadle("predict", run_folder.folder).err
    assert (
        "there is no option 'rolling' for this task" in treadle("evaluate", run_folder.folder, reviews, "--rolling").err
    )


@pytest.mark.parametrize(
    ("name", "content", "task"),
    [
        ("a.csv", "unique_id,ds,y\na,2024-01-01,1\n", "forecast"),
        ("a.csv", "ds;y\n2024-01-01;1\n", "forecast"),
        ("a.tsv", "y\tds\tprice\n1\t2024-01-01\t2\n", "forecast"),
        ("a.jsonl", '{"unique_id": "a", "ds": 1, "y": 2}\n', "forecast"),
        ("a.csv", "ds,y\r2024-01-01,1\r", "forecast"),
        ("a.csv", "audio,text\ra.wav,hello\r", "transcribe"),
        ("a.csv", "image,caption\ra.png,a house\r", "caption"),
        ("a.csv", "text,label\rfine,good\r", "classify"),
        ("a.csv", "text,label\nfine,good\n", "classify"),
        ("a.csv", "ds,value\n2024-01-01,1\n", "classify"),
        ("a.jsonl", "no json\n", "classify"),
        ("a.txt", "ds,y\n", "classify"),
        ("a.csv", "", "classify"),
    ],
)
def test_files_of_series_are_told_by_their_columns(tmp_path, name, content, task):
    (tmp_path / name).write_text(content)
    place = str(tmp_path / name)
    assert choose_task(DataSource(place)) == task
    assert choose_task(DataSource(place, input=["y"], target="ds")) == "classify"
    assert choose_task(DataSource(place, task="regress")) == "regress"


def test_parquet_and_built_in_series_are_told_too(tmp_path):
    pq.write_table(pa.table({"ds": [1, 2], "y": [1.0, 2.0]}), tmp_path / "a.parquet")
    assert choose_task(DataSource(str(tmp_path / "a.parquet"))) == "forecast"
    assert choose_task(DataSource("builtin:airline")) == "forecast"
