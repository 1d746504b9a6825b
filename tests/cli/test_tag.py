"""Tagging on the command line: train, evaluate, predict, and what is said of bad files."""

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from treadle import LanguageModel
from treadle.cli import main
from treadle.tasks.choice import choose_task
from treadle.tasks.source import DataSource
from treadle.tasks.work import WORKS

PLACES, FILLERS = ["Rome", "New York", "Oslo"], ["we", "they", "left", "saw", "in", "from"]
FAST = [
    "--hidden",
    "8",
    "--learning-rate",
    "0.03",
    "--set",
    "embedding_size=8",
    "--set",
    "character_hidden_size=4",
    "--set",
    "dropout=0",
    "--set",
    "embedding_dropout=0",
    "--set",
    "batch_size=8",
]


def conll(path: Path, count: int = 40, seed: int = 0) -> Path:
    """Sentences with places in IOB2, their tags in the third of three columns."""
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        words = draw.choices(FILLERS, k=draw.randint(1, 4))
        words.insert(draw.randint(0, len(words)), draw.choice(PLACES))
        for word in words:
            parts = word.split()
            tags = [("B" if not place else "I") + "-LOC" if word in PLACES else "O" for place in range(len(parts))]
            lines += [f"{part} x {tag}" for part, tag in zip(parts, tags, strict=True)]
        lines.append("")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a CoNLL file: its folder, the file, and what the command printed."""
    folder = tmp_path_factory.mktemp("tag")
    data = conll(folder / "places.conll")
    patch, printed = pytest.MonkeyPatch(), []
    command = ["treadle", "train", str(data), "--test", str(conll(folder / "test.conll", 20, 1)), "--epochs", "12"]
    patch.setattr(sys, "argv", [*command, *FAST, "--target", "3", "--out", str(folder / "run")])
    patch.setattr(sys.stdout, "write", lambda text: printed.append(text) or len(text))
    try:
        code = main()
    finally:
        patch.undo()
    return SimpleNamespace(
        code=code, folder=folder / "run", data=data, test=folder / "test.conll", said="".join(printed)
    )


def test_train_says_how_it_understood_the_data_and_writes_figures_of_model_and_baseline(run):
    assert run.code == 0
    assert "tokens in column 1 and tags in column 3 of 3, 40 sentences, IOB2" in run.said
    result = json.loads((run.folder / "result.json").read_text())
    wanted = {"span_f1", "span_precision", "span_recall", "span_macro_f1", "token_accuracy"}
    assert result["task"] == "tag"
    assert set(result["dev"]) == set(result["test"]) == set(result["baseline"]["test"]) == wanted
    assert result["test"]["span_f1"] > 0.9
    assert "Results by type" in (run.folder / "report.html").read_text()


def test_evaluate_gives_the_figures_of_the_run_again(treadle, run, tmp_path):
    said = treadle("evaluate", run.folder, run.test, "--json", "--report", tmp_path / "page.html")
    figures = json.loads(said.out.splitlines()[0])
    assert figures == json.loads((run.folder / "result.json").read_text())["test"]
    assert (tmp_path / "page.html").exists()
    assert treadle("evaluate", run.folder, run.test).out.startswith("20 sentences  span f1")


def test_predict_marks_spans_in_lines_of_text(treadle, run, piped):
    lines = "we saw New York.\n\n" + json.dumps(["from", "Rome"]) + "\n"
    piped(lines.encode())
    text = treadle("predict", run.folder, "-").out.splitlines()
    assert text[1:] == ["", "from [Rome](LOC)"]
    assert text[0].startswith("we saw [New York](LOC)")
    piped(lines.encode())
    rows = [json.loads(line) for line in treadle("predict", run.folder, "-", "--json").out.splitlines()]
    assert rows[0]["tokens"] == ["we", "saw", "New", "York", "."]
    assert rows[0]["tags"][:4] == ["O", "O", "B-LOC", "I-LOC"]
    (span, *_) = rows[0]["spans"]
    assert rows[0]["text"][span["start_char"] : span["end_char"]] == span["text"] == "New York"
    assert (span["start"], span["end"], span["type"]) == (2, 4, "LOC")
    assert 0 < span["confidence"] <= 1
    assert "text" not in rows[2]  # a JSON list is tokens, and no string to point into


def test_predict_reads_files_with_and_without_tags(treadle, run, tmp_path):
    with_tags = treadle("predict", run.folder, run.test).out
    assert with_tags.count("\n") == 20
    bare = [line.split(" ")[0] for line in run.test.read_text().split("\n")]
    (tmp_path / "bare.conll").write_text("\n".join(bare))
    assert treadle("predict", run.folder, tmp_path / "bare.conll").out == with_tags


def test_predict_does_not_look_at_tags(treadle, run, tmp_path):
    """Slips, tags of another kind, empty ones, labels that are none, and a folder without tags."""
    sentence = [("we", "x"), ("saw", "x"), ("Rome", "x")]
    expected = "we saw [Rome](LOC)\n"
    (tmp_path / "slip.conll").write_text("we O\nsaw O\nRome BLOC\n\n" * 20)
    assert treadle("predict", run.folder, tmp_path / "slip.conll").out == expected * 20
    rows = [[str(number), word, word, "_" if number > 1 else "X", *"_____", ""] for number, (word, _) in
            enumerate(sentence, 1)]  # fmt: skip
    (tmp_path / "half.conllu").write_text("\n".join("\t".join(row) for row in rows) + "\n\n")
    (tmp_path / "n.jsonl").write_text(json.dumps({"tokens": ["we", "saw", "Rome"], "tags": [1.5], "label": ""}))
    (tmp_path / "seq.in").write_text("we saw Rome\n")
    for place in ("half.conllu", "n.jsonl", "."):
        found = treadle("predict", run.folder, tmp_path / place, *([] if place == "." else NAMED[Path(place).suffix]))
        assert (found.err, found.out) == ("", expected)
    refused = treadle("predict", run.folder, run.test, "--target", "3")
    assert refused.code == 2
    assert "predict reads no targets, found --target '3'" in refused.err


NAMED = {".conllu": ["--input", "form"], ".jsonl": ["--input", "tokens"]}


def test_plain_text_is_tagged_a_line_a_sentence(treadle, run, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("we saw New York.\n\nfrom  Rome\n")
    guessed = treadle("predict", run.folder, notes)
    assert guessed.code == 2
    assert "notes.txt: holds a sentence a line or a token a line; say which by --format lines or --format conll" in (
        guessed.err
    )
    said = treadle("predict", run.folder, notes, "--format", "lines")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0].startswith("we saw [New York](LOC)")
    assert said.out.splitlines()[1:] == ["", "from  [Rome](LOC)"]
    rows = treadle("predict", run.folder, notes, "--format", "lines", "--json").out.splitlines()
    row = json.loads(rows[2])
    assert row["offsets"] == [[0, 4], [6, 10]]
    assert row["text"][row["spans"][0]["start_char"] :] == "Rome"
    for option, sentence in {"--header": "--header is not for", "--input=1": "lines of text have no columns"}.items():
        assert sentence in treadle("predict", run.folder, notes, "--format", "lines", option).err
    columns = tmp_path / "columns.txt"
    columns.write_text("from x O\nRome x B-LOC\n")
    assert treadle("predict", run.folder, columns, "--format", "conll").out == "from [Rome](LOC)\n"
    columns.write_text("\n")
    assert "columns.txt: the file is empty, expected sentences" in treadle("predict", run.folder, columns).err


def test_labels_of_sentences_and_parts_of_speech(treadle, tmp_path):
    rows = [{"words": ["go", place], "pos": ["VERB", "X"], "label": place} for place in ("in", "out")] * 10
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = treadle(
        "train", tmp_path / "d.jsonl", "--task", "tag", "--input", "words", "--target", "pos", "--epochs", "3", *FAST,
        "--set", "decoder=softmax", "--out", tmp_path / "run",
    )  # fmt: skip
    assert said.code == 0, said.err
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert set(result["dev"]) == set(result["baseline"]["dev"]) == {"token_accuracy", "sentence_accuracy"}
    line = treadle("predict", tmp_path / "run", tmp_path / "d.jsonl").out.splitlines()[0]
    label, _, tagged = line.partition("\t")
    assert label in ("in", "out")
    assert [part.split("/")[0] for part in tagged.split()] == ["go", "in"]
    row = json.loads(treadle("predict", tmp_path / "run", tmp_path / "d.jsonl", "--json").out.splitlines()[0])
    assert row["label"] == label
    assert len(row["confidence"]) == 2
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_the_built_in_commands_are_tagged_and_labelled():
    source = DataSource("builtin:commands")
    assert choose_task(source) == "tag"
    work = WORKS["tag"].open(source)
    assert work.data.scheme == "iob2"
    assert len(work.data.labels) == len(work.data)


FINE = "in O\nRome B-LOC\n\nin O\nOslo B-LOC\n"
REFUSED = {
    "uneven columns": ({"d.conll": "in O\nRome\n"}, ["d.conll"], "d.conll, line 2: found 1 column, expected 2 as in"),
    "no tokens": ({"d.conll": "\n\n"}, ["d.conll"], "d.conll: the file is empty, expected a token and its tag a line"),
    "no tags": ({"d.conll": "in\nRome\n"}, ["d.conll"], "d.conll: found tokens and no tags, expected a tag for each"),
    "tags under another name": (
        {"d.jsonl": '{"words": ["in", "Rome"], "ner": ["O", "B-LOC"], "id": 3}\n'},
        ["d.jsonl", "--task", "tag"],
        "d.jsonl: found tokens and no tags, expected a tag for each token; columns: words, ner, id; name that of the "
        "tags by --target\n",
    ),
    "a named column without tags": (
        {"d.jsonl": '{"words": ["in", "Rome"], "tags": null}\n'},
        ["d.jsonl", "--task", "tag", "--target", "tags"],
        "d.jsonl: found tokens and no tags, expected a tag for each token\n",
    ),
    "a slip": (
        {"d.conll": "in O\n" * 40 + "Rome B-LOC\nOslo BLOC\n"},
        ["d.conll"],
        "d.conll, line 42: found the tag 'BLOC', expected O or a letter, a hyphen and a type such as 'B-LOC'",
    ),
    "one tag only": ({"d.conll": "in O\nRome O\n\nat O\n"}, ["d.conll"], "all tokens have one tag, 'O'"),
    "an empty sentence": (
        {"d.jsonl": '{"tokens": [], "tags": []}\n'},
        ["d.jsonl", "--task", "tag"],
        "d.jsonl, line 1: the list in 'tokens' is empty, expected tokens",
    ),
    "too few tags": (
        {"d.jsonl": '{"tokens": ["a", "b"], "tags": ["O"]}\n'},
        ["d.jsonl", "--task", "tag"],
        "d.jsonl, line 1: found 1 tag in 'tags', expected 2, one for each token in 'tokens'",
    ),
    "unknown column": (
        {"d.jsonl": '{"tokens": ["a"], "tags": ["O"]}\n'},
        ["d.jsonl", "--task", "tag", "--target", "tgas"],
        "d.jsonl: there is no column 'tgas' to take as tags; did you mean 'tags'?",
    ),
    "a column number too high": (
        {"d.conll": FINE},
        ["d.conll", "--target", "4"],
        "d.conll: there is no column 4, found 2 columns",
    ),
    "two inputs": (
        {"d.conll": FINE},
        ["d.conll", "--input", "1", "--input", "2"],
        "--input names 2 columns, expected one, that of the tokens",
    ),
    "a format of tables": (
        {"d.conll": FINE},
        ["d.conll", "--format", "csv"],
        "the format 'csv' holds no tagged sentences; valid names: conll,",
    ),
    "an option of tables": ({"d.conll": FINE}, ["d.conll", "--header"], "--header is not for the task 'tag'"),
    "an argument of classifiers": (
        {"d.conll": FINE},
        ["d.conll", "--unit", "char"],
        "unit is not for the task 'tag', which has no such argument",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_one_sentence(treadle, tmp_path, monkeypatch, what):
    files, arguments, sentence = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        Path(name).write_text(content)
    said = treadle("train", *arguments, "--epochs", "1", "--out", "out")
    assert said.code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert not Path("out").exists()


def test_tags_that_only_dev_or_test_have_are_mistakes_in_the_figures(treadle, tmp_path):
    train = conll(tmp_path / "train.conll")
    other = tmp_path / "other.conll"
    other.write_text("in O\nRome B-LOC\n\nwe B-PER\nleft O\n")
    said = treadle("train", train, "--dev", other, "--test", other, "--epochs", "2", *FAST, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert max(result[part]["span_recall"] for part in ("dev", "test")) <= 0.5


def test_a_model_of_another_task_is_refused(run):
    from treadle import InputError, SequenceClassifier

    with pytest.raises(InputError, match="holds a SequenceTagger, expected a SequenceClassifier"):
        SequenceClassifier.load(run.folder)


def test_evaluating_on_a_file_without_tags_is_refused(treadle, run, tmp_path):
    (tmp_path / "bare.conll").write_text("in\nRome\n")
    said = treadle("evaluate", run.folder, tmp_path / "bare.conll")
    assert said.code == 2
    assert "there is no column 3, found 1 column" in said.err


def test_tags_in_parquet_under_another_name_are_asked_for(treadle, tmp_path):
    import polars as pl

    pl.DataFrame({"tokens": [["in", "Rome"]] * 4, "ner": [["O", "B-LOC"]] * 4}).write_parquet(tmp_path / "d.parquet")
    said = treadle("train", tmp_path / "d.parquet", "--task", "tag", "--out", tmp_path / "run")
    assert said.code == 2
    assert said.err.endswith("; columns: tokens, ner; name that of the tags by --target\n")


def as_json_lines(path: Path, conll_file: Path) -> Path:
    """The same sentences under other names, beside a column that is called as a column of tags usually is."""
    rows = []
    for block in conll_file.read_text().strip().split("\n\n"):
        words, _, tags = zip(*(line.split(" ") for line in block.split("\n")), strict=True)
        rows.append({"surface": words, "places": tags, "tags": ["X"] * len(words)})
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_model_of_columns_by_number_measures_and_tags_a_file_with_others(treadle, run, tmp_path):
    other = as_json_lines(tmp_path / "other.jsonl", run.test)
    named = ["--input", "surface"]
    figures = json.loads(treadle("evaluate", run.folder, other, *named, "--target", "places", "--json").out)
    assert figures == json.loads((run.folder / "result.json").read_text())["test"]
    expected = treadle("predict", run.folder, run.test).out
    assert treadle("predict", run.folder, other, *named).out == expected


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "other.jsonl: found no list of tokens under 'tokens' or 'words'; columns: surface, places, tags"),
        (["--input", "surface"], "other.jsonl: there is no column '3' to take as tags"),
        (["--input", "surface", "--target", "place"], "no column 'place' to take as tags; did you mean 'places'?"),
        (["--input", "surface", "--input", "tags"], "--input names 2 columns, expected one, that of the tokens"),
    ],
)
def test_columns_that_are_not_there_are_one_sentence(treadle, run, tmp_path, options, sentence):
    said = treadle("evaluate", run.folder, as_json_lines(tmp_path / "other.jsonl", run.test), *options)
    assert said.code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_a_folder_of_parallel_files_has_no_columns_to_name(treadle, run, tmp_path):
    for name, line in (("seq.in", "in Rome"), ("seq.out", "O B-LOC"), ("label", "x")):
        (tmp_path / name).write_text(f"{line}\n")
    said = treadle("evaluate", run.folder, tmp_path)
    assert said.out.startswith("1 sentence "), said.err


def test_a_tagger_reads_a_language_model(treadle, run, tmp_path):
    text = [" ".join(line.split(" ")[0] for line in rows.split("\n")) for rows in run.data.read_text().split("\n\n")]
    LanguageModel(unit="word", hidden_size=6, layers=1, epochs=1, batch_size=2, bptt=8).fit(text).save(tmp_path / "lm")
    said = treadle(
        "train", run.data, "--init-from", tmp_path / "lm", "--epochs", "3", *FAST, "--target", "3",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "of the language model" in said.out
    assert treadle("predict", tmp_path / "run", run.test).out.count("\n") == 20


def test_evaluating_on_tags_of_another_kind_is_refused_with_file_and_line(treadle, run, tmp_path):
    """Parts of speech where the model finds spans, and spans where it gives parts of speech."""
    (tmp_path / "pos.conll").write_text("in x O\nRome x PROPN\n\nis x VERB\n")
    said = treadle("evaluate", run.folder, tmp_path / "pos.conll")
    assert said.code == 2
    assert "pos.conll, line 2: found the tag 'PROPN', expected tags of the kind that the model gives" in said.err
    words = "in ADP\nRome PROPN\n\nat ADP\nOslo PROPN\n\n" * 4
    (tmp_path / "train.conll").write_text(words)
    assert treadle("train", tmp_path / "train.conll", "--epochs", "1", *FAST, "--out", tmp_path / "parts").code == 0
    (tmp_path / "spans.conll").write_text("in O\nRome B-LOC\n")
    said = treadle("evaluate", tmp_path / "parts", tmp_path / "spans.conll")
    assert said.code == 2
    assert "spans.conll, line 1: found the tag 'O', expected tags of the kind that the model gives" in said.err
    (tmp_path / "none.conll").write_text("in x O\nRome x O\n")
    assert treadle("evaluate", run.folder, tmp_path / "none.conll").code == 0


def test_a_single_sentence_is_said_to_tell_nothing_of_others(treadle, tmp_path):
    (tmp_path / "one.conll").write_text("Ada B-PER\nwrote O\n")
    said = treadle("train", tmp_path / "one.conll", "--task", "tag", *FAST, "--epochs", "1", "--out", tmp_path / "run")
    assert "dev: the only one of the training sentences, which is learnt from, too" in said.out
