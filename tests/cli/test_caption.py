"""Captions on the command line: tables of pictures, evaluate, predict, and what is said of bad files."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from treadle.cli import main
from treadle.data.builtin import load
from treadle.data.pictures import read_picture
from treadle.tasks.choice import choose_task
from treadle.tasks.source import DataSource

QUIET = ["dropout=0", "embedding_dropout=0", "embedding_size=12", "batch_size=8", "averaging=0.95", "filters=8"]
FAST = ["--hidden", "16", "--learning-rate", "0.01", "--epochs", "10", "--beam-size", "2", "--set", "blocks=0"]
FAST += [word for pair in QUIET for word in ("--set", pair)]
SHADES = {"a dark picture": 40, "a light picture": 220}


def table(folder: Path, name: str, count: int) -> Path:
    """Pictures of one shade, of several sizes, in a folder beside a CSV."""
    (folder / name).mkdir()
    rows = ["image,caption"]
    for number in range(count):
        caption = list(SHADES)[number % 2]
        pixels = np.full((6 + number % 5, 9 - number % 4, 3), SHADES[caption], np.uint8)
        Image.fromarray(pixels).save(folder / name / f"{number:03}.png")
        rows.append(f"{name}/{number:03}.png,{caption}")
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return folder / f"{name}.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on pictures: its folder, and what the command printed."""
    folder = tmp_path_factory.mktemp("caption")
    train, test = table(folder, "train", 60), table(folder, "test", 12)
    patch, printed = pytest.MonkeyPatch(), []
    patch.setattr(
        sys, "argv", ["treadle", "train", str(train), "--test", str(test), *FAST, "--out", str(folder / "run")]
    )
    patch.setattr(sys.stdout, "write", lambda text: printed.append(text) or len(text))
    try:
        code = main()
    finally:
        patch.undo()
    return SimpleNamespace(code=code, folder=folder / "run", test=test, said="".join(printed))


def test_train_says_what_it_looks_at_and_measures_beside_the_nearest(run):
    assert run.code == 0
    assert "'image' is looked at, 'caption' is said" in run.said
    result = json.loads((run.folder / "result.json").read_text())
    wanted = {"bleu", "chrf", "exact_match", "rouge_1", "rouge_2", "rouge_l"}
    assert result["task"] == "caption"
    assert set(result["test"]) == set(result["dev"]) == set(result["baseline"]["test"]) == wanted
    assert result["baseline"]["name"] == "caption of the nearest in training"
    assert result["test"]["exact_match"] == result["baseline"]["test"]["exact_match"] == 1.0
    page = (run.folder / "report.html").read_text()
    assert "Where it looks" in page
    assert "data:image/jpeg;base64," in page


def test_predict_takes_a_table_a_folder_a_file_and_lines_alike(treadle, run, piped):
    expected = list(SHADES) * 6
    files = sorted((run.test.parent / "test").glob("*.png"))
    assert treadle("predict", run.folder, run.test).out.splitlines() == expected
    assert treadle("predict", run.folder, run.test.parent / "test").out.splitlines() == expected
    assert treadle("predict", run.folder, files[1]).out.splitlines() == expected[1:2]
    piped("".join(f"{file}\n" for file in files).encode())
    assert treadle("predict", run.folder, "-").out.splitlines() == expected
    told = json.loads(treadle("predict", run.folder, files[0], "--json", "--n-best", "2").out)
    assert told["caption"] == expected[0]
    assert len(told["looked_at"]) == len(told["tokens"]) == 3
    assert told["regions"] == [2, 3]
    assert len(told["n_best"]) == 2


def test_evaluate_takes_another_beam(treadle, run):
    said = treadle("evaluate", run.folder, run.test, "--beam-size", "1", "--json")
    assert json.loads(said.out)["exact_match"] == 1.0
    assert treadle("evaluate", run.folder, run.test, "--beam-size", "0").err.startswith("treadle: beam_size is 0")


def test_which_data_is_for_a_captioner(run, tmp_path):
    assert choose_task(DataSource(str(run.test))) == "caption"
    assert choose_task(DataSource("builtin:shapes")) == "caption"
    (tmp_path / "t.csv").write_text("image,label\na.png,x\n")
    assert choose_task(DataSource(str(tmp_path / "t.csv"))) != "caption"


def test_a_data_set_of_pictures_is_written_with_its_pictures(treadle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert treadle("datasets", "shapes", "--split", "dev").out == "500 rows written to shapes-dev.jsonl\n"
    said = treadle("datasets", "shapes", "--split", "dev", "--out", "drawn").out  # a name without a suffix is no folder
    assert said == "500 rows written to drawn.jsonl\n"
    assert Path("drawn.jsonl").read_text("utf-8").count("drawn/") == 500
    rows = [json.loads(line) for line in Path("shapes-dev.jsonl").read_text().splitlines()]
    assert rows[0]["image"] == "shapes-dev/001.png"
    np.testing.assert_array_equal(read_picture(rows[499]["image"]), load("shapes", "dev").columns["image"][499])
    assert choose_task(DataSource("shapes-dev.jsonl")) == "caption"


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ("image,caption\ngone.png,x\na.png,y\n", [], "t.csv, line 2: gone.png: there is no such file"),
        ("image,caption\na.png,x\nt.png,y\n", [], "t.csv, line 3: t.png: is no picture that Pillow knows"),
        ("image,caption\na.png,x\ncut.png,y\n", [], "t.csv, line 3: cut.png: cannot be read as a picture"),
        ("image,caption\na.png,x\na.png,\n", [], "t.csv, line 3, column 'caption': the caption is empty"),
        ("a,b\na.png,x\n", ["--task", "caption"], "the column of the pictures cannot be told among 'a', 'b'"),
        ("image,caption\na.png,x\n", ["--separator", "|", "--task", "caption"], "--separator is not for"),
        (
            "image,caption\na.png,x\n",
            ["--input", "image", "--target", "image", "--task", "caption"],
            "given as input and",
        ),
    ],
)
def test_bad_files_are_one_sentence(treadle, tmp_path, monkeypatch, content, words, said):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)).save("a.png")
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:120])
    Path("t.png").write_text("text")
    Path("t.csv").write_text(content)
    told = treadle("train", "t.csv", *words, "--dev", "t.csv", "--out", "run")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert said in told.err.replace(f"{tmp_path}/", "")
