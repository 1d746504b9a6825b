"""Columns that training data was found to have are those of every later file, in whatever order they stand there."""

import json
import random
from pathlib import Path

import pytest

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
QUIET = ["dropout=0", "embedding_dropout=0", "embedding_size=12", "batch_size=8", "label_smoothing=0"]
FAST = ["--hidden", "24", "--unit", "word", "--learning-rate", "0.02", "--epochs", "12", "--beam-size", "1"]
FAST += [word for pair in QUIET for word in ("--set", pair)]
TAGGER = ["--hidden", "8", "--epochs", "1"]


def table(path: Path, columns: list[str], count: int = 60) -> Path:
    """A table of pairs, and of topics; a comma between columns of any names."""
    draw, lines = random.Random(count), [",".join(columns)]
    for _ in range(count):
        words = draw.choices(list(WORDS), k=draw.randint(1, 3))
        cells = {"german": " ".join(words), "english": " ".join(WORDS[word] for word in words), "domain": "news"}
        lines.append(",".join(cells.get(column, cells["german"]) for column in columns))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def translated(treadle, tmp_path):
    """The folder of a model from German to English, which no option named."""
    train = table(tmp_path / "train.csv", ["german", "english"], 150)
    swapped = table(tmp_path / "swapped.csv", ["english", "german"])
    said = treadle("train", train, "--task", "translate", "--test", swapped, *FAST, "--out", tmp_path / "run")
    assert said.code == 0
    assert said.out.count("'german' to 'english'") == 2
    return tmp_path / "run"


def test_pairs_are_found_by_their_names(treadle, translated, tmp_path):
    figures = []
    for columns in (["german", "english"], ["english", "german"], ["domain", "german", "english"]):
        said = treadle("evaluate", translated, table(tmp_path / "t.csv", columns), "--json")
        figures.append(json.loads(said.out)["exact_match"])
        answers = treadle("predict", translated, tmp_path / "t.csv")
        assert "news" not in answers.out
        assert "t.csv: CSV" in answers.err
    assert figures[0] == figures[1] == figures[2] > 0.9


def test_pairs_of_other_names_are_asked_for(treadle, translated, tmp_path):
    other = table(tmp_path / "other.csv", ["domain", "deutsch"])
    for command, name, option in (("predict", "german", "--input"), ("evaluate", "german", "--input")):
        said = treadle(command, translated, other)
        assert (said.code, said.out) == (2, "")
        assert f"there is no column {name!r}, as in training; another is named by {option}" in said.err
    named = treadle("predict", translated, other, "--input", "deutsch")
    alone = treadle("predict", translated, table(tmp_path / "alone.csv", ["deutsch"]))
    assert named.out == alone.out == treadle("predict", translated, table(tmp_path / "t.csv", ["german"])).out
    assert "alone.csv: CSV, header, 60 rows, 'deutsch', 60 texts" in alone.err
    assert named.err == ""
    bare = tmp_path / "bare.csv"
    bare.write_text("".join(table(tmp_path / "t.csv", ["german", "english"]).read_text().splitlines(True)[1:]))
    assert treadle("evaluate", translated, bare, "--no-header").code == 0  # columns without names, in their order


def test_a_run_goes_on_with_its_columns(treadle, tmp_path):
    train = table(tmp_path / "train.csv", ["german", "english"])
    words = ["train", train, "--task", "translate", *FAST[:-2], "--set", "epochs=1", "--out", tmp_path / "run"]
    assert treadle(*words).code == 0
    assert treadle("train", "--resume", "--out", tmp_path / "run").code == 0
    assert treadle("train", "builtin:dates", *FAST, "--epochs", "1", "--out", tmp_path / "dates").code == 0
    assert treadle("train", "--resume", "--out", tmp_path / "dates").code == 0


@pytest.mark.parametrize("form", ["conll", "jsonl"])
def test_tags_are_found_by_their_names(treadle, tmp_path, form):
    def write(name: str, columns: list[str]) -> Path:
        path, draw = tmp_path / f"{name}.{form}", random.Random(0)
        kinds = {"ner_tags": ["O", "B-PER"], "tags": ["B-NP", "O"], "ner": ["O", "B-PER"], "chunk": ["B-NP", "O"]}
        lines = [] if form == "jsonl" else ["# global.columns = " + " ".join(map(str.upper, columns))]
        for _ in range(30):
            rows = [draw.choice([("Ada", 1), ("runs", 0), ("home", 0)]) for _ in range(4)]
            made = {name: [kinds[name][kind] for _, kind in rows] for name in columns if name in kinds}
            made |= {name: [word for word, _ in rows] for name in columns if name not in kinds}
            if form == "jsonl":
                lines.append(json.dumps({name: made[name] for name in columns}))
            else:
                lines += [" ".join(made[name][step] for name in columns) for step in range(4)] + [""]
        path.write_text("\n".join(lines) + "\n")
        return path

    first = ["tokens", "ner_tags"] if form == "jsonl" else ["form", "chunk", "ner"]
    second = ["tokens", "tags", "ner_tags"] if form == "jsonl" else ["form", "ner", "chunk"]
    run = tmp_path / "run"
    words = ["--task", "tag", "--test"]
    assert treadle("train", write("one", first), *words, write("two", second), *TAGGER, "--out", run).code == 0
    one, two = (treadle("evaluate", run, tmp_path / f"{name}.{form}").out for name in ("one", "two"))
    assert one == two
    assert treadle("train", "--resume", "--out", run).code == 0
    plain = tmp_path / "plain.conll"  # a file without names has its tokens first and its tags last, as ever
    plain.write_text("Ada B-PER\nruns O\n\n")
    assert treadle("evaluate", run, plain).code == 0
