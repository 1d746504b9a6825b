"""Files whose rows are steps, from training to an answer for each sequence."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

FAST = ["--hidden", "4", "--epochs", "1"]


def engines(path: Path, first: int, units: int) -> Path:
    """Engines of 5 to 12 cycles in any order, with what is left of each one's life."""
    random = np.random.default_rng(first)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unit", "cycle", "heat", "hum", "rul", "maker"])
        for unit in range(first, first + units):
            cycles = int(random.integers(5, 13))
            for cycle in random.permutation(cycles):
                left = cycles - int(cycle) - 1
                heat, hum = random.normal(size=2) + cycle
                writer.writerow([unit, cycle, f"{heat:.4f}", f"{hum:.4f}", left, "AB"[unit % 2]])
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return engines(tmp_path / "train.csv", 0, 24), engines(tmp_path / "test.csv", 100, 6)


def test_a_number_for_each_step(treadle, files, tmp_path):
    train, test = files
    run = tmp_path / "run"
    words = ["--id", "unit", "--time", "cycle", "--target", "rul", "--input", "heat", "--input", "hum", "--causal"]
    said = treadle("train", train, "--test", test, *words, *FAST, "--out", run)
    assert said.code == 0
    assert "24 sequences by 'unit', of 5 to 12 rows in the order of 'cycle'" in said.out
    lines = [json.loads(line) for line in treadle("predict", run, test, "--json").out.splitlines()]
    assert [line["id"] for line in lines] == list(range(100, 106))
    rows = list(csv.DictReader(test.read_text().splitlines()))
    assert [len(line["prediction"]) for line in lines] == [
        sum(row["unit"] == str(line["id"]) for row in rows) for line in lines
    ]
    shuffled = tmp_path / "shuffled.csv"
    header, *body = test.read_text().splitlines(keepends=True)
    shuffled.write_text(header + "".join(sorted(body, key=lambda line: (int(line.split(",")[0]), hash(line)))))
    assert treadle("predict", run, shuffled).out == treadle("predict", run, test).out
    assert treadle("evaluate", run, test).out.startswith("6 rows")
    assert json.loads((run / "result.json").read_text())["task"] == "regress"
    assert treadle("train", "--resume", "--out", run).code == 0


def test_a_class_for_each_sequence_of_numbers_and_names(treadle, files, tmp_path):
    train, test = files
    run = tmp_path / "run"
    said = treadle("train", train, "--test", test, "--id", "unit", "--target", "maker", *FAST, "--out", run)
    assert said.code == 0
    assert "channels: 4" in said.out
    answers = treadle("predict", run, test).out.splitlines()
    assert [line.split("\t")[0] for line in answers] == [str(unit) for unit in range(100, 106)]
    assert {line.split("\t")[1] for line in answers} <= {"A", "B"}
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(test.read_text().replace("maker", "made by"))
    assert treadle("evaluate", run, renamed, "--target", "made by").code == 0
    lost = treadle("predict", run, renamed, "--input", "heat")
    assert (lost.code, lost.out) == (2, "")
    assert "--input is for rows that are sequences" in lost.err


def test_a_table_that_looks_like_steps_is_asked_about(treadle, files, tmp_path):
    train, _ = files
    rows = sorted(csv.reader(train.read_text().splitlines()), key=lambda row: (row[0] != "unit", row[0]))
    wide = tmp_path / "wide.csv"
    with wide.open("w", newline="") as file:
        csv.writer(file).writerows([row[0], *row[2:4], row[5]] for row in rows)
    said = treadle("train", wide, "--target", "maker", *FAST, "--out", tmp_path / "run")
    assert "rows of one 'unit' have one target: are they steps of a sequence, --id unit" in said.out


def test_series_to_forecast_have_the_same_words(treadle, tmp_path):
    path = tmp_path / "sold.csv"
    days = np.datetime64("2026-01-01") + np.arange(40)
    rows = [f"{shop},{day},{number % 7}\n" for shop in "ab" for number, day in enumerate(days)]
    path.write_text("shop,day,sold\n" + "".join(rows))
    words = ["--task", "forecast", "--id", "shop", "--time", "day", "--target", "sold", "--horizon", "3"]
    assert treadle("train", path, *words, *FAST, "--out", tmp_path / "run").code == 0
    assert treadle("predict", tmp_path / "run").out.count("\n") == 7
    assert treadle("train", "--resume", "--out", tmp_path / "run").code == 0


def test_one_sentence_where_they_mean_nothing(treadle, files, tmp_path):
    train, _ = files
    for words, sentence in (
        (["--time", "cycle", "--target", "rul"], "--time orders the rows of a sequence, expected --id beside it"),
        (["--id", "unit", "--input", "heat"], "the target cannot be told among the columns"),
        (["--id", "unit", "--target", "unit"], "column 'unit' is named twice"),
        (["--id", "unit", "--task", "tag"], "--id is not for the task 'tag'"),
        (["--id", "unit", "--target", "rul", "--task", "classify"], "found 2 after 3|expected one target for all its"),
    ):
        said = treadle("train", train, *words, *FAST, "--out", tmp_path / "run")
        assert (said.code, said.out) == (2, "")
        assert any(part in said.err for part in sentence.split("|"))


def test_names_beside_a_number_for_each_step_are_refused_with_the_way_on(treadle, files, tmp_path):
    train, _ = files
    said = treadle("train", train, "--id", "unit", "--target", "rul", *FAST, "--out", tmp_path / "run")
    assert (said.code, said.out) == (2, "")
    assert "found names in 'maker'; name the others: --input cycle --input heat --input hum" in said.err


def test_codes_that_look_like_numbers_stay_as_they_are_written(treadle, tmp_path):
    lines = [f"{row // 2},{('250.00', 'V27', '401.10')[row * 7 % 3]},{'ab'[row // 2 % 2]}\n" for row in range(60)]
    (tmp_path / "train.csv").write_text("id,code,label\n" + "".join(lines))
    run = tmp_path / "run"
    assert treadle("train", tmp_path / "train.csv", "--id", "id", *FAST, "--out", run).code == 0
    plain = [line for line in lines if "V27" not in line]
    (tmp_path / "numbers.csv").write_text("id,code,label\n" + "".join(plain))
    (tmp_path / "more.csv").write_text("id,code,label\n" + "".join([*plain, "99,V27,a\n"]))
    found, more = (treadle("predict", run, tmp_path / name).out.splitlines() for name in ("numbers.csv", "more.csv"))
    assert found == more[:-1]
