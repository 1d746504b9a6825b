"""Whatever is wrong with what a user gave is one sentence on standard error, exit code 2, and never a traceback."""

import gzip
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

Write = dict[str, str | bytes]
MULTIVARIATE = "@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
WIDE = "a,b,c,label\n"
SERIES = '{"series": [[1, 2], [3, 4]], "label": 0}\n' * 2
DAYS = "ds,y\n" + "".join(f"2024-01-{day:02},{day % 7}\n" for day in range(1, 32))
FINE = "text,label\na,x\nb,y\na,x\nb,y\n"

# name: (files, arguments of `treadle train`, what the sentence must hold)
TRAIN: dict[str, tuple[Write, list[str], str]] = {
    "missing file": (
        {"reviews.csv": ""},
        ["review.csv"],
        "review.csv: there is no such file or folder; did you mean 'reviews.csv'?",
    ),
    "folder without classes": ({"data/notes.md": "text"}, ["data"], "data: found notes.md, expected a folder a class"),
    "empty file": ({"d.csv": ""}, ["d.csv"], "d.csv: the file is empty, expected rows"),
    "header only": ({"d.csv": "text,label\n"}, ["d.csv"], "d.csv, line 1: only a header was found"),
    "unknown input": (
        {"d.csv": FINE},
        ["d.csv", "--input", "txt"],
        "no column 'txt' to take as input; did you mean 'text'?",
    ),
    "unknown target": (
        {"d.csv": FINE},
        ["d.csv", "--target", "lable"],
        "no column 'lable' to take as target; did you mean 'label'?",
    ),
    "input is target": (
        {"d.csv": FINE},
        ["d.csv", "--target", "text", "--input", "text"],
        "'text' is given as input and target",
    ),
    "one class only": (
        {"d.csv": "text,label\na b,x\nc d,x\n"},
        ["d.csv"],
        "every row has the label 'x' in column 'label', expected at least two classes",
    ),
    "a class with one row": (
        {"d.csv": "text,label\na b,x\nc d,y\ne,x\n"},
        ["d.csv"],
        "d.csv, line 3: the label 'y' occurs in this row only",
    ),
    "one row": ({"d.csv": "text,label\na b,x\n"}, ["d.csv"], "every row has the label 'x'"),
    "a row without label": (
        {"d.csv": "text,label\na b,x\nc d,\ne f,y\n"},
        ["d.csv"],
        "d.csv, line 3: the target 'label' is empty, expected a target in every row",
    ),
    "not UTF-8": (
        {"d.csv": "text,label\ncafé au lait,x\nthé,y\n".encode("latin-1")},
        ["d.csv"],
        "d.csv, line 2, column 4: byte 0xe9 is not UTF-8; it looks like latin-1: name it with --encoding latin-1",
    ),
    "an unknown encoding": ({"d.csv": FINE}, ["d.csv", "--encoding", "utf-9"], "utf-9"),
    "text in a numeric column": (
        {"d.csv": WIDE + "1,2,3,x\n" * 12 + "1,2,huh,y\n" + "4,5,6,y\n" * 9},
        ["d.csv"],
        "d.csv, line 14, column 'c': found 'huh', expected a number",
    ),
    "infinity in a numeric column": (
        {"d.csv": WIDE + "1,2,3,x\n4,5,6,y\n" * 5 + "inf,1,2,x\n"},
        ["d.csv"],
        "d.csv, line 12, column 'a': found an infinite value, expected a number",
    ),
    "different channel counts": (
        {"d.ts": MULTIVARIATE + "1,2:3,4:a\n1,2:b\n"},
        ["d.ts"],
        "d.ts, line 6: found 1 channels, expected 2",
    ),
    "different channel counts in JSONL": (
        {"d.jsonl": '{"series": [[1, 2], [3, 4]], "label": 0}\n{"series": [[1], [2]], "label": 1}\n'},
        ["d.jsonl"],
        "d.jsonl, line 2, column 'series': the series has 1 channels, expected 2",
    ),
    "a step of another width": (
        {"d.jsonl": SERIES + '{"series": [[1, 2], [3]], "label": 1}\n'},
        ["d.jsonl"],
        "d.jsonl, line 3, column 'series': found 1 number at step 2, expected 2 as at the first step",
    ),
    "a word in a series": (
        {"d.jsonl": SERIES + '{"series": [[1, 2], [3, "x"]], "label": 1}\n'},
        ["d.jsonl"],
        "d.jsonl, line 3, column 'series': found 'x' at step 2, channel 2, expected a number",
    ),
    "infinity in a series": (
        {"d.jsonl": SERIES + '{"series": [[1, 2], [3, Infinity]], "label": 1}\n'},
        ["d.jsonl"],
        "d.jsonl, line 3, column 'series', step 2, channel 2: found an infinite value, expected a number",
    ),
    "a channel without a value": (
        {"d.jsonl": '{"series": [[1, null], [3, null]], "label": 0}\n{"series": [[2, null]], "label": 1}\n' * 4},
        ["d.jsonl"],
        "column 'series': channel 2 of 2 has no value in any training row, expected some; leave it out",
    ),
    "a row too short": ({"d.csv": "text,label\na,x\nb\n"}, ["d.csv"], "d.csv, line 3: found 1 field, expected 2"),
    "damaged JSON": ({"d.jsonl": '{"text": "a", "label": 1}\n{"text": \n'}, ["d.jsonl"], "d.jsonl, line 2"),
    "truncated gzip": (
        {"d.csv.gz": gzip.compress(b"text,label\n" + os.urandom(4000).hex().encode())[:-99]},
        ["d.csv.gz"],
        "the gzip data is damaged",
    ),
    "a target of words to regress": (
        {"d.csv": "text,label\na,x\nb,y\n"},
        ["d.csv", "--task", "regress"],
        "d.csv, line 2: the target 'label' is 'x', expected a finite number",
    ),
    "no target": (
        {"d.csv": "text\na b\nb c\n"},
        ["d.csv"],
        "the target cannot be told among the columns 'text'; name it with --target",
    ),
    "no input": ({"d.csv": "label\nx\ny\nx\ny\n"}, ["d.csv"], "no column is left to be the input"),
    "an empty column": (
        {"d.csv": "text,label\n,x\n,y\n,x\n,y\n"},
        ["d.csv", "--input", "text"],
        "column 'text' is empty in every row",
    ),
    "dev without labels": (
        {"d.csv": FINE, "v.csv": "text\na b\n"},
        ["d.csv", "--dev", "v.csv"],
        "v.csv: there is no column 'label' to take as target",
    ),
    "test without input": (
        {"d.csv": FINE, "t.csv": "txt,label\na b,x\n"},
        ["d.csv", "--test", "t.csv"],
        "t.csv: there is no column 'text' to take as input; did you mean 'txt'?",
    ),
    "test labels never seen": (
        {"d.csv": "text,label\na,x\nb,yes\na,x\nb,yes\n", "t.csv": "text,label\na b,yess\n"},
        ["d.csv", "--test", "t.csv"],
        "t.csv, line 2: the label 'yess' is not one the model was trained on; did you mean 'yes'?",
    ),
    "test missing": ({"d.csv": FINE}, ["d.csv", "--test", "t.csv"], "t.csv: there is no such file or folder"),
    "unknown --set": (
        {"d.csv": FINE},
        ["d.csv", "--set", "hiden_size=3"],
        "SequenceClassifier has no argument 'hiden_size'; did you mean 'hidden_size'?",
    ),
    "--set without value": ({"d.csv": FINE}, ["d.csv", "--set", "dropout"], "--set takes NAME=VALUE, found 'dropout'"),
    "--set out of range": ({"d.csv": FINE}, ["d.csv", "--set", "dropout=2"], "dropout is 2, expected less than 1"),
    "--set of another type": (
        {"d.csv": FINE},
        ["d.csv", "--set", "hidden_size=[1]"],
        "hidden_size is [1], expected a whole number",
    ),
    "--set of one of two choices": (
        {"d.csv": DAYS},
        ["d.csv", "--set", "transform=cube"],
        "transform is 'cube', expected 'auto', 'none', 'sqrt' or 'log'\n",
    ),
    "--set of no values": (
        {"d.csv": DAYS},
        ["d.csv", "--set", "levels=[]"],
        "levels is [], expected at least 1 value\n",
    ),
    "unknown cell": ({"d.csv": FINE}, ["d.csv", "--cell", "lstn"], "there is no cell 'lstn'; did you mean 'lstm'?"),
    "unknown unit": (
        {"d.csv": FINE},
        ["d.csv", "--unit", "letter"],
        "unit is 'letter', expected 'word', 'char' or 'subword'",
    ),
    "no epochs": ({"d.csv": FINE}, ["d.csv", "--epochs", "0"], "epochs is 0, expected greater than or equal to 1"),
    "unknown format": (
        {"d.csv": FINE},
        ["d.csv", "--format", "cvs"],
        "the format 'cvs' is not known; did you mean 'csv'?",
    ),
    "missing --config": ({"d.csv": FINE}, ["d.csv", "--config", "c.toml"], "c.toml: there is no such file"),
    "damaged --config": (
        {"d.csv": FINE, "c.toml": "a = ["},
        ["d.csv", "--config", "c.toml"],
        "c.toml: is not a TOML file",
    ),
    "unknown name in --config": (
        {"d.csv": FINE, "c.toml": "layer = 2"},
        ["d.csv", "--config", "c.toml"],
        "has no argument 'layer'; did you mean 'layers'?",
    ),
    "a run is there": (
        {"d.csv": FINE, "out/config.toml": ""},
        ["d.csv"],
        "out: holds a run already; go on with it by --resume, or name another folder by --out",
    ),
    "--out is a file": (
        {"d.csv": FINE, "out": ""},
        ["d.csv"],
        "out: found a file, expected a new or empty folder for the run",
    ),
    "unknown data set": ({}, ["builtin:vowel"], "there is no built-in data set 'vowel'; did you mean 'vowels'?"),
    "no data": ({}, [], "no data was given, expected a file, a folder or builtin:NAME"),
    "nothing to resume": ({}, ["--resume"], "out: found nothing, expected a model folder"),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(said) -> str:
    assert said.code == 2
    assert re.fullmatch(r"treadle: [^\n]+\n", said.err)
    assert "Traceback" not in said.out
    return said.err


@pytest.mark.parametrize("case", TRAIN)
def test_train(treadle, tmp_path, case):
    files, arguments, sentence = TRAIN[case]
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(tmp_path.rglob("*"))
    epochs = () if "--epochs" in arguments else ("--epochs", "1")
    assert sentence in refused(treadle("train", *arguments, *epochs, "--out", "out"))
    assert sorted(tmp_path.rglob("*")) == before  # a corrected command may use the same folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["predict", "nowhere", "-"], "nowhere: found nothing, expected a model folder"),
        (["evaluate", "nowhere", "x.csv"], "nowhere: found nothing, expected a model folder"),
        (["explain", "nowhere"], "nowhere: found nothing, expected a model folder"),
        (["explain"], "explain takes a run folder or --cell NAME, one of the two"),
        (["explain", "--cell", "gro"], "there is no cell 'gro'; did you mean 'gru'?"),
        (["datasets", "vowel"], "there is no built-in data set 'vowel'; did you mean 'vowels'?"),
        (["datasets", "vowels", "--split", "tset"], "the data set 'vowels' has no part 'tset'; did you mean 'test'?"),
        (["datasets", "vowels", "--out", "no/such/folder.jsonl"], "no/such/folder.jsonl: No such file or directory"),
        (["train", "--resume"], "--resume needs the run folder"),
    ],
    ids=str,
)
def test_other_commands(treadle, arguments, sentence):
    assert sentence in refused(treadle(*arguments))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--epoks", "3"], "train has no option '--epoks'; did you mean '--epochs'?"),
        (["explain", "--quack"], "explain has no option '--quack'; valid names: --cell"),
        (["predict"], "predict: missing argument 'model'; treadle predict --help shows what there is"),
        (["train", "x.csv", "--epochs", "many"], "train: invalid value for '--epochs': "),
        (["train", "--hidden"], "train: option '--hidden' requires an argument; treadle train --help"),
        (["train", "a.csv", "b.csv"], "train: got unexpected extra argument"),
    ],
    ids=str,
)
def test_wrong_options(treadle, arguments, sentence):
    assert refused(treadle(*arguments)).startswith(f"treadle: {sentence}")


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [("--horizon", "abc", "whole number"), ("--epochs", "1.5", "whole number"), ("--learning-rate", "fast", "number")],
)
def test_options_that_are_no_numbers(treadle, option, value, kind):
    """As typer says it, or in newer versions pydantic."""
    found = refused(treadle("train", "x.csv", option, value))
    ours, theirs = f"found '{value}', expected a {kind}; ", f"'{value}' is not a valid "
    assert (ours in found) != (theirs in found)
    assert "Input should" not in found


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file or folder"),
        ("", "the file is empty"),
        ("reviews,label\na b,good\nb c,bad\n", "no column 'review' to take as input; did you mean 'reviews'?"),
        ("review,label\né,good\n".encode("latin-1"), "is not UTF-8"),
    ],
    ids=str,
)
def test_data_that_does_not_fit_a_model(treadle, run_folder, tmp_path, command, content, sentence):
    path = tmp_path / "new.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert sentence in refused(treadle(command, run_folder.folder, path))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("review\na b\nc d\n", "no column 'label' to take as target"),
        (
            "review,label\na b,god\n",
            "line 2: the label 'god' is not one the model was trained on; did you mean",
        ),
        ("review,label\na b,good\nb,\n", "line 3: the target 'label' is empty"),
    ],
)
def test_labels_that_do_not_fit_a_model(treadle, run_folder, tmp_path, content, sentence):
    (tmp_path / "new.csv").write_text(content)
    assert sentence in refused(treadle("evaluate", run_folder.folder, tmp_path / "new.csv"))


@pytest.fixture(scope="session")
def series_model(tmp_path_factory) -> Path:
    """A model of two channels, trained by Python on a JSONL file."""
    from treadle.tasks.run import start_run
    from treadle.tasks.source import DataSource

    folder = tmp_path_factory.mktemp("series")
    values = np.random.default_rng(0).normal(size=(20, 5, 2))
    rows = [{"series": one.tolist(), "label": row % 2} for row, one in enumerate(values)]
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    start_run(DataSource(str(folder / "d.jsonl")), {"epochs": 1, "hidden_size": 4}, folder / "run")
    return folder / "run"


def test_series_of_other_channels_and_text_in_them(treadle, series_model, tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text('{"series": [[1, 2]]}\n{"series": [[1, 2, 3]]}\n')
    assert "new.jsonl, line 2, column 'series': the series has 3 channels, expected 2" in refused(
        treadle("predict", series_model, path)
    )
    path.write_text('{"series": [[1, 2, 3]]}\n')
    assert re.search(r"new.jsonl, line 1\b.*3 channels.*2", refused(treadle("predict", series_model, path)))
    path.write_text('{"series": [[1, "x"]]}\n')
    assert "new.jsonl, line 1, column 'series'" in refused(treadle("predict", series_model, path))


def test_a_resumed_run_is_not_another_run(treadle, run_folder, reviews):
    resume = ["train", "--resume", "--out", run_folder.folder]
    assert "was started with hidden_size 8, not 9" in refused(treadle(*resume, "--hidden", "9"))
    assert "was started on" in refused(treadle(*resume[:1], "other.csv", *resume[1:]))


def test_a_folder_that_may_not_be_made(treadle, reviews):
    assert "/proc/run" in refused(treadle("train", reviews, "--out", "/proc/run"))
