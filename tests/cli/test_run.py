"""A run from a file to a report, and what can be done with the folder it leaves."""

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from treadle import SequenceClassifier, load
from treadle.cli import COMMANDS
from treadle.data.builtin import DATASETS
from treadle.training import Interrupted


def test_train_says_what_it_understood(run_folder, reviews):
    assert run_folder.code == 0
    for sentence in (
        f"{reviews}: CSV, header, 60 rows",
        "target: 'label', by its name",
        "input 'review': text, ",
        "task: classify, 2 distinct values",
        "test: CSV, header, 60 rows",
        "dev: 10% of the training rows, set aside by seed 0",
        f"report    {run_folder.folder / 'report.html'}",
    ):
        assert sentence in run_folder.printed
    assert re.search(r"\ntest +accuracy \d\.\d{4} \(.* to .*\)", run_folder.printed)
    assert re.search(r"\nbaseline +accuracy \d\.\d{4} .*\(TF-IDF \+ logistic regression\)", run_folder.printed)


def test_the_files_of_a_run_folder(run_folder):
    files = {path.name for path in run_folder.folder.iterdir()} - {"checkpoints"}
    assert files == {
        "config.toml",
        "features.json",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
        "result.json",
    }
    config = tomllib.loads((run_folder.folder / "config.toml").read_text())
    assert (config["task"], config["arguments"]["hidden_size"], config["arguments"]["epochs"]) == ("classify", 8, 40)
    epochs = [json.loads(line) for line in (run_folder.folder / "metrics.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in epochs] == list(range(1, 41))
    assert {"train_loss", "dev_loss", "dev_accuracy", "learning_rate", "gradient_norm"} <= set(epochs[0])


def test_result_json_holds_the_figures_by_split(run_folder):
    result = json.loads((run_folder.folder / "result.json").read_text())
    assert result["task"] == "classify"
    figures = {"accuracy", "macro_f1", "log_loss", "calibration_error"}
    assert set(result["dev"]) == set(result["test"]) == set(result["baseline"]["test"]) == figures
    assert result["test"]["accuracy"] >= 0.9
    assert result["baseline"]["test"]["accuracy"] == 1.0


class Links(HTMLParser):
    """Everything a page would load or point to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]


def test_the_report_is_one_page_that_loads_nothing(run_folder):
    page = (run_folder.folder / "report.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert all(link.startswith("#") for link in links.found)
    assert not links.tags & {"script", "link", "iframe", "object"}
    assert "@import" not in page
    assert not re.search(r"url\((?!#|data:)", page)
    result = json.loads((run_folder.folder / "result.json").read_text())
    assert f"{result['test']['accuracy']:.3f}" in page
    assert f"{result['baseline']['test']['accuracy']:.3f}" in page
    assert "TF-IDF + logistic regression" in page
    assert "treadle train" in page


def test_the_command_in_the_report_makes_the_same_run(treadle, reviews, tmp_path, monkeypatch):
    (tmp_path / "plain.csv").write_text("\n".join(reviews.read_text().splitlines()[1:]) + "\n")
    monkeypatch.chdir(tmp_path)
    fast = ["--set", "embedding_size=4", "--hidden", "4", "--epochs", "1", "--causal", "--seed", "3"]
    assert treadle("train", "plain.csv", "--no-header", *fast, "--out", "first run").code == 0
    page = Path("first run/report.html").read_text()
    shown = re.search(r"treadle (train [^<]*?)\s*(?:\n|<)", page)
    assert shown is not None
    words = shlex.split(html.unescape(shown[1]))
    assert words[-2:] == ["--out", "first run"]
    assert treadle(*words[:-1], "second").code == 0
    assert Path("second/model.safetensors").read_bytes() == Path("first run/model.safetensors").read_bytes()


@pytest.fixture
def unlabelled(tmp_path) -> tuple[Path, list[str]]:
    texts = ["the fine plot", "a dull film", "fine", "dull and the", "so fine it was"]
    path = tmp_path / "new.csv"
    path.write_text("id,review\n" + "".join(f"{row},{text}\n" for row, text in enumerate(texts)))
    return path, texts


def test_predict_answers_a_line_a_row_in_order(treadle, run_folder, unlabelled):
    path, texts = unlabelled
    expected = load(run_folder.folder).predict({"review": texts}).tolist()
    assert expected == ["good", "bad", "good", "bad", "good"]
    said = treadle("predict", run_folder.folder, path)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == expected


def test_predict_gives_probabilities_as_json(treadle, run_folder, unlabelled):
    path, texts = unlabelled
    rows = [json.loads(line) for line in treadle("predict", run_folder.folder, path, "--json").out.splitlines()]
    proba = load(run_folder.folder).predict_proba({"review": texts})
    for row, expected in zip(rows, proba, strict=True):
        assert row["probabilities"] == pytest.approx({"bad": expected[0], "good": expected[1]})
        assert row["confidence"] == max(row["probabilities"].values())
        assert row["probabilities"][row["prediction"]] == row["confidence"]


def test_evaluate_measures_what_train_measured(treadle, run_folder, reviews, tmp_path):
    result = json.loads((run_folder.folder / "result.json").read_text())
    said = treadle("evaluate", run_folder.folder, reviews, "--json")
    assert json.loads(said.out) == pytest.approx(result["test"])
    plain = treadle("evaluate", run_folder.folder, reviews, "--report", tmp_path / "page.html")
    assert plain.out.startswith(f"60 rows  accuracy {result['test']['accuracy']:.4f} (")
    assert f"report {tmp_path / 'page.html'}" in plain.out
    assert f"{result['test']['accuracy']:.3f}" in (tmp_path / "page.html").read_text()


def test_explain_names_the_engine(treadle, run_folder):
    said = treadle("explain", run_folder.folder)
    assert said.code == 0
    assert "Bidirectional LSTM" in said.out
    assert "input 'review': engine cpu" in said.out
    assert "engine cpu" in treadle("explain", "--cell", "gru").out


def test_datasets_are_listed_with_source_and_licence(treadle):
    said = treadle("datasets").out
    for data in DATASETS.values():
        assert f"{data.name}: {data.description}" in said
        assert f"source: {data.source}; licence: {data.licence}" in said
    assert said.count("generated;") == sum(data.generated for data in DATASETS.values())


@pytest.mark.parametrize("name", ["vowels", "dates"])
def test_a_data_set_is_written_and_read_again(treadle, tmp_path, name):
    from treadle.data import read
    from treadle.data.builtin import load as load_data

    said = treadle("datasets", name, "--split", "test", "--out", tmp_path / "d.jsonl")
    table = load_data(name, "test")
    assert said.out == f"{len(table):,} rows written to {tmp_path / 'd.jsonl'}\n"
    again = read(tmp_path / "d.jsonl")
    assert (len(again), list(again.columns)) == (len(table), list(table.columns))


def test_a_wide_table_is_a_series_and_standard_input_takes_numbers(treadle, tmp_path, piped):
    rows = [f"{row * 7 % 5},{-row},{row / 2},{'ab'[row % 2]}" for row in range(40)]
    (tmp_path / "wide.csv").write_text("x,y,z,label\n" + "\n".join(rows) + "\n")
    fast = ["--hidden", "4", "--epochs", "1", "--out", tmp_path / "run"]
    said = treadle("train", tmp_path / "wide.csv", *fast)
    assert "input 'series': a series of 3 columns, 'x' to 'z', in this order" in said.out
    from_file = treadle("predict", tmp_path / "run", tmp_path / "wide.csv", "--json").out.splitlines()[:3]
    piped(b"0 0 0\n2, -1, 0.5\n[4,-2,1]\n")
    from_input = treadle("predict", tmp_path / "run", "-", "--json").out.splitlines()
    for one, other in zip(from_input, from_file, strict=True):
        assert json.loads(one)["probabilities"] == pytest.approx(json.loads(other)["probabilities"], abs=1e-6)


def test_a_file_of_several_channels_and_standard_input_of_lists(treadle, tmp_path, piped):
    rows = [{"series": [[row, 1.0], [2.0, -row]], "score": row * 1.5} for row in range(30)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = treadle("train", tmp_path / "d.jsonl", "--hidden", "4", "--epochs", "1", "--out", tmp_path / "run")
    assert "task: regress" in said.out
    from_file = treadle("predict", tmp_path / "run", tmp_path / "d.jsonl").out.splitlines()
    piped(b"[[0, 1.0], [2.0, 0]]\n[[1, 1.0], [2.0, -1]]\n")
    assert [float(line) for line in treadle("predict", tmp_path / "run", "-").out.splitlines()] == pytest.approx(
        [float(line) for line in from_file[:2]]
    )
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert set(result["dev"]) == set(result["baseline"]["dev"]) == {"rmse", "mae", "r2"}


def test_tokens_and_several_labels(treadle, tmp_path, piped):
    rows = [{"tokens": ["the", "ab"[row % 2]], "tags": "x|y" if row % 2 else "x"} for row in range(40)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--separator", "|", "--target", "tags", "--hidden", "8", "--epochs", "25", "--learning-rate", "0.03"]
    assert treadle("train", tmp_path / "d.jsonl", *options, "--out", tmp_path / "run").code == 0
    piped(b"the a\nthe b\n")
    answers = [json.loads(line) for line in treadle("predict", tmp_path / "run", "-").out.splitlines()]
    assert answers == [["x"], ["x", "y"]]
    said = treadle("evaluate", tmp_path / "run", tmp_path / "d.jsonl", "--json")
    assert json.loads(said.out)["micro_f1"] == 1.0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("folder of classes", {f"{label}/{row}.txt": f"{label} film {row}" for label in "ab" for row in range(9)}),
        (
            "中文.csv",
            {"": "\ufeff评论;标签\n" + "".join(f"第{row}次{sign};{sign}\n" for row in range(12) for sign in "好差")},
        ),
        ("tabs.tsv", {"": "text\tlabel\n" + "a fine film\tgood\na dull film\tbad\n" * 9}),
        ("lines.train", {"": "1 a fine film\n0 a dull film\n" * 9}),
        ("seqs.fasta", {"": "".join(f">s{row}|{'ab'[row % 2]}\n{'ACGT' * (5 + row)}\n" for row in range(12))}),
    ],
)
def test_odd_but_sound_files(treadle, tmp_path, monkeypatch, name, content):
    monkeypatch.chdir(tmp_path)
    for part, text in content.items():
        path = tmp_path / name / part if part else tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    said = treadle("train", name, "--hidden", "4", "--epochs", "1", "--set", "embedding_size=4")
    assert said.code == 0, said.err
    folder = Path("runs") / f"{name.split('.')[0]}-1"
    answers = treadle("predict", folder, name).out.splitlines()
    assert len(answers) >= 12
    assert treadle("evaluate", folder, name).code == 0


def test_runs_are_numbered(treadle, reviews, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert treadle("train", reviews, "--hidden", "2", "--epochs", "1", "--set", "embedding_size=2").code == 0
        assert (tmp_path / "runs" / f"reviews-{number}" / "result.json").is_file()


def test_a_label_that_the_console_cannot_show_is_escaped(treadle, tmp_path):
    (tmp_path / "d.csv").write_text("text,label\n" + "很好,好\n太差,差\n" * 6, encoding="utf-8")
    options = ["--target", "label", "--hidden", "2", "--epochs", "1"]
    assert treadle("train", tmp_path / "d.csv", *options, "--out", tmp_path / "run").code == 0
    program = "import sys; from treadle.cli import main; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", program, "predict", tmp_path / "run", tmp_path / "d.csv"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    assert set(ran.stdout.decode("ascii").split()) <= {r"\u597d", r"\u5dee"}


def test_every_command_is_a_module():
    from importlib import import_module

    for command in COMMANDS:
        assert callable(getattr(import_module(f"treadle.cli.{command}"), command))


def test_figures_that_are_not_defined_are_null(treadle, tmp_path):
    rows = [f"{'word ' * (row % 7 + 2)},{row % 7 * 1.5}" for row in range(30)]
    (tmp_path / "d.csv").write_text("text,score\n" + "\n".join(rows) + "\n")
    (tmp_path / "one.csv").write_text("text,score\nword word,1.5\n")
    options = ["--target", "score", "--hidden", "2", "--epochs", "1", "--out", tmp_path / "run"]
    assert treadle("train", tmp_path / "d.csv", "--test", tmp_path / "one.csv", *options).code == 0
    content = (tmp_path / "run" / "result.json").read_text()
    assert "NaN" not in content
    assert json.loads(content)["test"]["r2"] is None
    said = treadle("evaluate", tmp_path / "run", tmp_path / "one.csv", "--json")
    assert json.loads(said.out)["r2"] is None
    assert "NaN" not in said.out


def test_one_row_is_written_as_one_and_what_is_not_defined_as_a_dash(treadle, tmp_path):
    """R2 of a single row is not defined: no `nan (nan to nan)`, on the terminal or the page."""
    lines = [f'"{row % 3} {row % 5} {row % 7}",{row % 7 * 1.5}' for row in range(30)]
    (tmp_path / "d.csv").write_text("series,score\n" + "\n".join(lines) + "\n")
    (tmp_path / "one.csv").write_text("series,score\n1 2 3,1.5\n")
    options = ["--target", "score", "--hidden", "1", "--epochs", "1", "--out", tmp_path / "run"]
    said = treadle("train", tmp_path / "d.csv", "--test", tmp_path / "one.csv", *options).out
    said += treadle("evaluate", tmp_path / "run", tmp_path / "one.csv").out
    page = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]*>", " ", (tmp_path / "run" / "report.html").read_text())
    for text in (said, page):
        assert not re.search(r"(?<![\d.,])1 (rows|threads|epochs|units|channels)\b", text)
        assert "nan" not in text.lower()
    assert said.count("r2 –") == 3  # the model's, the baseline's and evaluate's
    assert "1 row  rmse" in said


def test_the_same_command_with_resume_begins_a_run_that_never_began(treadle, reviews, tmp_path):
    out = tmp_path / "killed at once"
    said = treadle("train", reviews, "--out", out, "--resume", "--epochs", "1", "--hidden", "4")
    assert said.code == 0, said.err
    assert (out / "result.json").exists()


def test_a_resumed_run_saves_itself_as_often_as_it_was_told_to(treadle, reviews, tmp_path, monkeypatch):
    """`--checkpoint-every` is remembered; another one may be given, and is remembered in its turn."""
    asked = []

    def stop(*_, **how):
        asked.append(how["checkpoint_seconds"])
        raise Interrupted(0, None)

    monkeypatch.setattr(SequenceClassifier, "fit_columns", stop)
    out = ["--out", tmp_path / "run"]
    assert treadle("train", reviews, "--checkpoint-every", "7", *out).code == 130
    assert treadle("train", "--resume", *out).code == 130
    assert treadle("train", "--resume", "--checkpoint-every", "9.5", *out).code == 130
    assert treadle("train", "--resume", *out).code == 130
    assert asked == [7, 7, 9.5, 9.5]
    assert treadle("train", reviews, "--out", tmp_path / "other").code == 130
    assert asked[-1] == 60


def test_a_run_that_has_ended_is_not_trained_again(treadle, reviews, tmp_path):
    """Only the result and the report are written anew; the other files stay as they are, to the last byte."""
    out = tmp_path / "run"
    assert treadle("train", reviews, "--out", out, "--epochs", "3", "--hidden", "4").code == 0
    kept = {name: (out / name).read_bytes() for name in ("metrics.jsonl", "model.safetensors", "features.json")}
    (out / "result.json").unlink()
    again = treadle("train", "--resume", "--out", out)
    assert again.code == 0
    assert "epoch" not in again.err
    assert (out / "result.json").exists()
    assert {name: (out / name).read_bytes() for name in kept} == kept
    (out / "checkpoints" / "last.safetensors").unlink()
    gone = treadle("train", "--resume", "--out", out)
    assert gone.code == 2
    assert "the run has ended and its checkpoints/last.safetensors is gone, there is nothing to go on with" in gone.err
    assert (out / "metrics.jsonl").read_bytes() == kept["metrics.jsonl"]


@pytest.mark.parametrize("part", ["train", "dev"])
def test_a_run_does_not_go_on_with_other_data(treadle, reviews, tmp_path, part):
    """Even where it has as many rows, words and labels as before."""
    files = {name: Path(shutil.copy(reviews, tmp_path / f"{name}.csv")) for name in ("train", "dev")}
    out = tmp_path / "run"
    assert treadle("train", files["train"], "--dev", files["dev"], "--out", out, "--epochs", "1").code == 0
    head, *rows = files[part].read_text().splitlines()
    files[part].write_text("\n".join([head, *reversed(rows)]) + "\n")
    said = treadle("train", "--resume", "--out", out)
    assert said.code == 2
    assert "has changed since the run began; train anew in another folder" in said.err
