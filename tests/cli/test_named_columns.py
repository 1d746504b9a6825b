"""Data whose columns are called otherwise than in training: `--input` and `--target` of evaluate and predict."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a language model of the column "said" of a table."""
    from treadle.tasks.run import start_run
    from treadle.tasks.source import DataSource

    folder = tmp_path_factory.mktemp("texts")
    (folder / "table.csv").write_text("id,said\n" + "".join(f"{row},the cat sat there\n" for row in range(40)))
    options = {"unit": "word", "hidden_size": 4, "layers": 1, "epochs": 1, "bptt": 8, "batch_size": 4}
    source = DataSource(str(folder / "table.csv"), task="language-model", input=["said"])
    start_run(source, options, folder / "run")
    return folder


def refused(said) -> str:
    """The one sentence of a refusal."""
    assert (said.code, said.err.count("\n")) == (2, 1), said.err
    return said.err


def test_a_table(treadle, run_folder, reviews, tmp_path):
    """The input stands under the target's name of training, and the other way round."""
    _, *rows = reviews.read_text().splitlines()
    (tmp_path / "other.csv").write_text("\n".join(["label,review", *rows]))
    named = ["--input", "label", "--target", "review"]
    expected = treadle("evaluate", run_folder.folder, reviews, "--json").out
    assert treadle("evaluate", run_folder.folder, tmp_path / "other.csv", *named, "--json").out == expected
    expected = treadle("predict", run_folder.folder, reviews).out
    assert treadle("predict", run_folder.folder, tmp_path / "other.csv", *named[:2]).out == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "new.csv", "--input", "txt"], "no column 'txt' to take as input; did you mean 'text'?"),
        (["evaluate", "new.csv", "--input", "text", "--target", "x"], "no column 'x' to take as target"),
        (["evaluate", "new.csv", "--input", "text", "--input", "id"], "--input names 2 columns, and the model reads 1"),
        (["evaluate", "new.csv", "--input", "label"], "column 'label' is named for two of inputs and target"),
        (["predict", "new.csv", "--target", "label"], "predict reads no targets, found --target 'label'"),
        (["predict", "-", "--input", "text"], "--input is for files; standard input has an input a line"),
    ],
    ids=str,
)
def test_columns_that_a_table_or_the_model_has_not(treadle, run_folder, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("id,text,label\n1,a b,good\n2,b,bad\n")
    command, *others = arguments
    assert sentence in refused(treadle(command, run_folder.folder, *others))


def test_a_wide_table(treadle, tmp_path):
    """A series of columns is named in the order of time."""
    rows = [[1 + row % 2 * 5, 2, 3, row % 2] for row in range(24)]
    for name, order in (("wide", (0, 1, 2, 3)), ("other", (2, 0, 1, 3))):
        head = ",".join(("abc" if name == "wide" else "xyz")[place] if place < 3 else "label" for place in order)
        lines = [",".join(str(row[place]) for place in order) for row in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join([head, *lines]))
    out = tmp_path / "run"
    assert treadle("train", tmp_path / "wide.csv", "--hidden", "4", "--epochs", "4", "--out", out).code == 0
    named = [word for name in "xyz" for word in ("--input", name)]
    expected = treadle("predict", out, tmp_path / "wide.csv", "--json").out
    assert treadle("predict", out, tmp_path / "other.csv", *named, "--json").out == expected


def test_a_column_of_texts(treadle, texts, tmp_path):
    (tmp_path / "other.csv").write_text("said,spoken\nno,yes\n")
    for options, length in (([], 2), (["--input", "spoken"], 3)):
        answer = json.loads(treadle("predict", texts / "run", tmp_path / "other.csv", *options, "--json").out)
        assert answer["tokens"][-1]["end"] == length


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["evaluate", "--target"], "--target is not for the task 'language-model', which reads no such data"),
        (["predict", "--target"], "predict reads no targets, found --target 'said'"),
        (["evaluate", "--input"], "new.txt: --input names the column 'said', found text, which has no columns"),
        (["predict", "--input"], "new.txt: --input names the column 'said', found text, which has no columns"),
    ],
)
def test_text_has_no_columns(treadle, texts, tmp_path, options, sentence):
    command, option = options
    (tmp_path / "new.txt").write_text("the cat")
    assert sentence in refused(treadle(command, texts / "run", tmp_path / "new.txt", option, "said"))
