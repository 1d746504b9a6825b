"""Translation on the command line: parallel files and tables, evaluate, predict, and what is said of bad files."""

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from treadle.cli import main
from treadle.tasks.choice import choose_task
from treadle.tasks.source import DataSource

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
QUIET = ["dropout=0", "embedding_dropout=0", "embedding_size=12", "batch_size=8", "label_smoothing=0", "averaging=0.98"]
FAST = ["--hidden", "24", "--unit", "word", "--learning-rate", "0.02", "--epochs", "15", "--beam-size", "2"]
FAST += [word for pair in QUIET for word in ("--set", pair)]


def parallel(stem: Path, count: int, seed: int = 0) -> Path:
    draw = random.Random(seed)
    sources = [draw.choices(list(WORDS), k=draw.randint(2, 4)) for _ in range(count)]
    Path(f"{stem}.de").write_text("".join(f"{' '.join(words)}\n" for words in sources))
    Path(f"{stem}.en").write_text("".join(f"{' '.join(WORDS[word] for word in words)}\n" for words in sources))
    return stem


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on parallel files: its folder, and what the command printed."""
    folder = tmp_path_factory.mktemp("translate")
    train, test = parallel(folder / "train", 120), parallel(folder / "test", 20, 1)
    patch, printed = pytest.MonkeyPatch(), []
    words = ["treadle", "train", str(train), "--input", "de", "--target", "en", "--test", str(test), *FAST]
    patch.setattr(sys, "argv", [*words, "--out", str(folder / "run")])
    patch.setattr(sys.stdout, "write", lambda text: printed.append(text) or len(text))
    try:
        code = main()
    finally:
        patch.undo()
    return SimpleNamespace(code=code, folder=folder / "run", test=test, said="".join(printed))


def test_train_says_how_it_understood_the_files_and_measures_beside_a_dictionary(run):
    assert run.code == 0
    assert "two parallel files, 120 pairs" in run.said
    result = json.loads((run.folder / "result.json").read_text())
    wanted = {"bleu", "chrf", "exact_match", "rouge_1", "rouge_2", "rouge_l"}
    assert result["task"] == "translate"
    assert set(result["test"]) == set(result["dev"]) == set(result["baseline"]["test"]) == wanted
    assert result["baseline"]["name"] == "word-for-word dictionary"
    assert result["baseline"]["test"]["exact_match"] > 0.9  # word for word is all there is to it
    assert result["test"]["exact_match"] > 0.8
    page = (run.folder / "report.html").read_text()
    assert "Where it looks" in page
    assert "a beam of 2" in page
    assert "tok:13a" in page


def test_evaluate_takes_another_beam(treadle, run):
    said = treadle("evaluate", run.folder, run.test, "--beam-size", "1", "--json")
    assert json.loads(said.out)["exact_match"] > 0.8
    assert "a beam of" not in said.out
    assert treadle("evaluate", run.folder, run.test, "--beam-size", "0").err.startswith("treadle: beam_size is 0")


def test_predict_answers_lines_of_a_file_and_of_standard_input_alike(treadle, run, piped):
    truth = Path(f"{run.test}.en").read_text().splitlines()
    lines = treadle("predict", run.folder, f"{run.test}.de").out.splitlines()
    assert sum(a == b for a, b in zip(lines, truth, strict=True)) > 0.8 * len(truth)
    assert treadle("predict", run.folder, run.test).out.splitlines() == lines  # the stem finds the file
    piped(Path(f"{run.test}.de").read_bytes())
    assert treadle("predict", run.folder, "-").out.splitlines() == lines
    piped(b"eins zwei\n\n")
    first, second = map(json.loads, treadle("predict", run.folder, "-", "--json", "--n-best", "3").out.splitlines())
    assert first["alignment"][0] == [first["alignment"][0][0], 0]
    assert len(first["n_best"]) == 3
    assert second["translation"] == ""


def test_a_longer_sentence_than_was_learnt_from_is_answered_with_a_note(treadle, run, piped):
    piped(b"eins\n" + b"zwei " * 30 + b"\ndrei\n")
    said = treadle("predict", run.folder, "-")
    assert (said.code, len(said.out.splitlines())) == (0, 3)
    assert said.err.count("\n") == 1
    assert "standard input, line 2: 30 symbols, the longest text that the model has learnt from has 4" in said.err


def test_which_data_is_for_a_translator(tmp_path):
    parallel(tmp_path / "train", 2)
    assert choose_task(DataSource(str(tmp_path / "train"), input=["de"], target="en")) == "translate"
    assert choose_task(DataSource("builtin:dates")) == "translate"


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        ({"a.de": "x\ny\n", "a.en": "x\n"}, ["a", "--input", "de", "--target", "en"], "a.de has 2 lines and"),
        ({"a.de": "x\n\n", "a.en": "x\ny\n"}, ["a", "--input", "de", "--target", "en"], "a.de, line 2: empty"),
        (
            {"a.de": "x\n"},
            ["a", "--input", "de", "--target", "en", "--task", "translate"],
            "no file beside it that ends in 'en'",
        ),
        ({"a.de": "x\n"}, ["a.de", "--task", "translate"], "expected a table of pairs"),
        ({"a.tsv": "s\tt\nx\ty\nz\t\n"}, ["a.tsv", "--task", "translate"], "a.tsv, line 3, column 't': empty"),
        ({"a.tsv": "s\tt\nx\ty\n"}, ["a.tsv", "--task", "translate", "--separator", "|"], "--separator is not for"),
    ],
)
def test_bad_files_are_one_sentence_and_leave_nothing(treadle, tmp_path, monkeypatch, files, words, said):
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        Path(name).write_text(text)
    told = treadle("train", *words, "--out", "run")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert said in told.err
    assert not Path("run").exists()


def test_ways_of_answering_are_for_tasks_that_know_them(treadle, run_folder, reviews):
    told = treadle("predict", run_folder.folder, reviews, "--beam-size", "3")
    assert told.code == 2
    assert "there is no option 'beam_size' for this task" in told.err
