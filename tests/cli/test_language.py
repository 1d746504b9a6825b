"""Language models on the command line: from a text to a report, and what can be done with the folder."""

import json
import random
import re
import sys

import numpy as np
import pytest

from treadle import load
from treadle.cli import main

FAST = ["--hidden", "8", "--layers", "1", "--epochs", "2", "--set", "bptt=16", "--set", "batch_size=4"]
TASK = ["--task", "language-model"]


def sentences(lines: int, seed: int) -> str:
    draw = random.Random(seed)
    parts = [["the", "a"], ["cat", "dog", "bird"], ["sat", "ran", "sang"], ["here", "there"]]
    return "".join(" ".join(map(draw.choice, parts)) + ".\n" for _ in range(lines))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A model of words with its own dev and test texts, and one of characters without."""
    folder = tmp_path_factory.mktemp("language")
    for name, lines in (("train", 120), ("dev", 20), ("test", 20)):
        (folder / f"{name}.txt").write_text(sentences(lines, len(name)))
    text, out = str(folder / "train.txt"), str(folder)
    held = ["--dev", f"{out}/dev.txt", "--test", f"{out}/test.txt"]
    patch = pytest.MonkeyPatch()
    said = []
    for name, options in (("words", [*held, "--unit", "word"]), ("characters", ["--unit", "char"])):
        printed: list[str] = []
        patch.setattr(sys, "argv", ["treadle", "train", text, *TASK, *FAST, *options, "--out", f"{out}/{name}"])
        patch.setattr(sys.stdout, "write", lambda text, to=printed: to.append(text) or len(text))
        assert main() == 0
        patch.undo()
        said.append("".join(printed))
    return folder, *said


@pytest.fixture
def folder(runs):
    return runs[0]


def test_train_says_what_it_understood(runs):
    folder, words, characters = runs
    for sentence in (
        f"{folder}/train.txt: text, a document a file, 1 document in 1 file, ",
        "test: 120 words, all known\n",
        "report    ",
    ):
        assert sentence in words
    assert re.search(r"\ntest +perplexity \d+\.\d{4} ", words)
    assert re.search(r"\nbaseline +perplexity .*\(5-gram Kneser-Ney\)", words)
    assert re.search(r"\n(Better|Worse) than 5-gram Kneser-Ney\. Perplexity ", words)
    assert "dev: the last 10% of the training text, set aside" in characters
    assert re.search(r"\n(Better|Worse) than 7-gram Kneser-Ney\. Bits per character ", characters)


def test_the_result_holds_the_same_figures_in_every_unit(folder):
    result = json.loads((folder / "words" / "result.json").read_text())
    assert set(result) == {"task", "dev", "test", "baseline"}
    model = load(folder / "words")
    text = (folder / "test.txt").read_text()
    mean = -model.score(text)
    tokens = len(model.codec_.encode(text))
    for figures in (result["test"], result["baseline"]["test"]):
        nats = figures["nats_per_token"]
        assert figures["perplexity"] == pytest.approx(np.exp(nats))
        assert figures["bits_per_token"] == pytest.approx(nats / np.log(2))
        assert figures["bits_per_character"] == pytest.approx(nats * tokens / len(text) / np.log(2))
    assert result["test"]["nats_per_token"] == pytest.approx(mean, rel=1e-5)


def test_evaluate_finds_what_training_found(treadle, folder):
    said = treadle("evaluate", folder / "words", folder / "test.txt", "--json")
    trained = json.loads((folder / "words" / "result.json").read_text())["test"]
    assert json.loads(said.out) == pytest.approx(trained, rel=1e-5)
    said = treadle("evaluate", folder / "words", folder / "test.txt", "--report", folder / "page.html")
    assert said.out.startswith("1 document, 120 words, all known  perplexity ")
    assert "What it writes" in (folder / "page.html").read_text()


@pytest.mark.parametrize("options", ["cache=50", "dynamic=sgd", "dynamic=rms"])
def test_evaluate_adapts(treadle, folder, options):
    command = ["evaluate", folder / "words", folder / "test.txt"]
    static, adapted = treadle(*command, "--json"), treadle(*command, "--set", options, "--json")
    assert json.loads(adapted.out)["perplexity"] < json.loads(static.out)["perplexity"]
    assert ", adapted by " in treadle(*command, "--set", options).out


def test_documents_are_read_as_they_were_in_training(treadle, folder, tmp_path):
    run = tmp_path / "run"
    assert treadle("train", folder / "train.txt", *TASK, *FAST, "--format", "lines", "--out", run).code == 0
    assert treadle("evaluate", run, folder / "test.txt").out.startswith("20 documents, ")
    assert treadle("evaluate", run, folder / "test.txt", "--format", "text").out.startswith("1 document, ")
    assert len(treadle("predict", run, folder / "test.txt").out.splitlines()) == 20


def test_a_file_of_another_kind_is_read_by_its_own_look(treadle, folder, tmp_path):
    """Neither the lines of the training text nor the column of a table is asked of what has none."""
    rows = "".join(f'{row},"{line}"\n' for row, line in enumerate(sentences(60, 3).splitlines()))
    (tmp_path / "table.csv").write_text("id,said\n" + rows)
    lines, cells = tmp_path / "lines", tmp_path / "cells"
    assert treadle("train", folder / "train.txt", *TASK, *FAST, "--format", "lines", "--out", lines).code == 0
    table = ("--input", "said", "--format", "csv")
    assert treadle("train", tmp_path / "table.csv", *TASK, *FAST, *table, "--out", cells).code == 0
    assert treadle("evaluate", lines, tmp_path / "table.csv").out.startswith("60 documents, ")
    assert treadle("evaluate", cells, folder / "test.txt").out.startswith("1 document, ")
    assert treadle("evaluate", cells, tmp_path / "table.csv").out.startswith("60 documents, ")


def test_what_a_language_model_does_not_read_by_is_refused_by_every_command(treadle, folder):
    sentence = "--separator is not for the task 'language-model', which reads no such data"
    refused(treadle("evaluate", folder / "words", folder / "test.txt", "--separator", ","), sentence)


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (("--unit", "subword"), "(line ends and repeated spaces: not in any figure)"),
        (("--unit", "char", "--set", "lowercase=True"), "(upper case: not in any figure)"),
    ],
)
def test_what_a_model_does_not_have_to_tell_is_said_beside_its_figures(treadle, folder, tmp_path, options, note):
    """Bits a character would else seem to compare with those of a model that tells every character."""
    assert note in treadle("train", folder / "train.txt", *TASK, *FAST, *options, "--out", tmp_path / "run").out
    assert note in treadle("evaluate", tmp_path / "run", folder / "test.txt").out


def test_folders_tables_and_bytes(treadle, folder, tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for name in ("train", "dev"):
        (texts / f"{name}.txt").write_text((folder / f"{name}.txt").read_text())
    rows = "".join(f'{row},"{line}"\n' for row, line in enumerate(sentences(60, 3).splitlines()))
    (tmp_path / "table.csv").write_text("id,said\n" + rows)
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 8)
    for place, options, note in (
        (texts, [], "2 documents in 2 files"),
        (tmp_path / "table.csv", ["--input", "said"], "texts from column 'said'"),
        (tmp_path / "data.bin", ["--format", "bytes", "--unit", "byte"], "bytes, a document a file"),
    ):
        out = tmp_path / f"run of {place.name}"
        said = treadle("train", place, *TASK, *FAST, *options, "--out", out)
        assert (said.code, said.err.count("treadle:")) == (0, 0)
        assert note in said.out
        assert treadle("evaluate", out, place).code == 0


def test_predict_tells_the_surprise_of_every_line_and_token(treadle, folder, piped):
    piped(b"the cat sat here.\n\nthe zebra\n")
    said = treadle("predict", folder / "words", "-").out.splitlines()
    assert said[1] == "–"
    piped(b"the cat sat here.\n\nthe zebra\n")
    first, empty, last = map(json.loads, treadle("predict", folder / "words", "-", "--json").out.splitlines())
    assert float(said[0]) == pytest.approx(first["perplexity"], abs=1e-4)
    assert (empty["perplexity"], empty["tokens"]) == (None, [])
    assert (first["where"], last["where"]) == ("standard input, line 1", "standard input, line 3")
    assert [token["token"] for token in first["tokens"]] == ["the", "cat", "sat", "here", "."]
    assert [(token["start"], token["end"]) for token in first["tokens"]] == [
        (0, 3),
        (4, 7),
        (8, 11),
        (12, 16),
        (16, 17),
    ]
    assert np.mean([token["nats"] for token in first["tokens"]]) == pytest.approx(first["nats_per_token"], abs=1e-5)
    assert last["tokens"][1]["token"] == "<unk>"


def test_generate_writes_the_same_text_for_a_seed(treadle, folder):
    command = ["generate", folder / "words", "--prompt", "the cat ", "--length", "12", "--seed", "3"]
    said = treadle(*command)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("the cat")
    assert said.out == treadle(*command).out
    text = json.loads(treadle(*command, "--json").out)
    assert "the cat" + text["text"] + "\n" == said.out
    assert {name: text[name] for name in ("tokens", "ended", "seed", "sample", "prompt")} == {
        "tokens": 12,
        "ended": "length",
        "seed": 3,
        "sample": 0,
        "prompt": "the cat ",
    }


def test_generate_reads_a_prompt_stops_and_gives_several_texts(treadle, folder, piped):
    piped("the dog é\n".encode())
    command = ["generate", folder / "characters", "--samples", "3", "--stop", r"\n", "--length", "400", "--json"]
    said = treadle(*command, "--prompt", "-")
    texts = [json.loads(line) for line in said.out.splitlines()]
    assert said.err == "treadle: the model does not know 'é' of the prompt\n"
    assert len({text["text"] for text in texts}) == 3
    assert all(text["ended"] == "stop" and "\n" not in text["text"] for text in texts)
    likely = ["--temperature", "0.5", "--top-k", "5", "--top-p", "0.9", "--repetition-penalty", "1.2"]
    assert treadle("generate", folder / "characters", *likely, "--length", "20").code == 0


def test_control_c_ends_a_text(treadle, folder, monkeypatch):
    from treadle.tasks.language import Generator

    drawn = []

    def interrupted(self):
        drawn.append(1)
        if len(drawn) > 5:
            raise KeyboardInterrupt
        return "x"

    monkeypatch.setattr(Generator, "__next__", interrupted)
    said = treadle("generate", folder / "characters", "--prompt", "the ")
    assert (said.code, said.out, said.err) == (130, "the xxxxx\n", "")


# what stands wrong: (files, arguments of `treadle train`, what the sentence must hold)
TRAIN = {
    "empty": ({"t.txt": " \n\n"}, ["t.txt"], "t.txt: "),
    "one symbol": ({"t.txt": "a"}, ["t.txt"], "the text has 1 character, expected at least two"),
    "no frequent word": (
        {"t.txt": "a b c d"},
        ["t.txt", "--set", "min_count=9"],
        "no word of the training text occurs 9",
    ),
    "a column": ({"t.txt": "a b"}, ["t.txt", "--input", "b"], "--input names the column 'b', found text, which has no"),
    "another task's argument": (
        {"t.txt": "a b"},
        ["t.txt", "--causal"],
        "bidirectional is not for the task 'language-",
    ),
    "an empty dev": ({"t.txt": "a b c d", "d.txt": "\n"}, ["t.txt", "--dev", "d.txt"], "d.txt: "),
    "an unknown argument": (
        {"t.txt": "a b"},
        ["t.txt", "--set", "bpt=3"],
        "has no argument 'bpt'; did you mean 'bptt'?",
    ),
    "a target": ({"t.txt": "a b"}, ["t.txt", "--target", "label"], "--target is not for the task 'language-model'"),
    "no such unit": ({"t.txt": "a b"}, ["t.txt", "--unit", "letter"], "unit is 'letter', expected 'word', 'char', "),
    "another format": ({"t.txt": "a b"}, ["t.txt", "--format", "fasta"], "the format 'fasta' is none of texts"),
    "two columns": ({"t.csv": "a,b\nc,d\n"}, ["t.csv", "--input", "a", "--input", "b"], "reads one column of texts"),
    "numbers": ({"t.csv": "a,b\n1,2\n"}, ["t.csv"], "t.csv: found no column with texts, expected one"),
}


@pytest.mark.parametrize("case", TRAIN)
def test_what_cannot_be_trained_on(treadle, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    files, arguments, sentence = TRAIN[case]
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    refused(treadle("train", *arguments, *TASK, "--out", "run"), sentence)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--hidden", "128"], "hidden_size is 128, but the language model in .* has [0-9]+; leave it out"),
        (["--bidirectional"], "bidirectional is True, but the language model in .* has False; leave it out"),
        (["--set", "embedding_size=128"], "embedding_size is 128, but the language model in .* has [0-9]+; leave"),
    ],
)
def test_what_contradicts_the_language_model_is_refused_even_where_it_is_the_default(
    treadle, folder, tmp_path, option, sentence
):
    rows = "text,label\n" + "the cat,a\nthe dog,b\n" * 10
    (tmp_path / "rows.csv").write_text(rows)
    command = ["train", tmp_path / "rows.csv", "--init-from", folder / "words", "--out", tmp_path / "run"]
    said = treadle(*command, *option)
    assert said.code == 2
    assert re.search(sentence, said.err)


GENERATE = {
    "temperature": (["--temperature", "-0.5"], "temperature is -0.5; expected 0 or more"),
    "top-k": (["--top-k", "0"], "top_k is 0; expected 1 or more"),
    "samples": (["--samples", "0"], "samples is 0; expected 1 or more"),
    "length": (["--length", "-3"], "length is -3; expected 0 or more"),
    "stop": (["--stop", "%%"], "the stop '%%' can never occur: the model never writes '%'"),
    "bytes": (["--prompt", "a\udcff"], "--prompt: byte 0xff is not UTF-8, expected a prompt"),
    "prompt": (["--prompt", "éà"], "the prompt has nothing that the model knows, found 'é', 'à'"),
}


@pytest.mark.parametrize("case", GENERATE)
def test_what_cannot_be_generated(treadle, folder, case):
    arguments, sentence = GENERATE[case]
    refused(treadle("generate", folder / "characters", *arguments), sentence)


def test_a_model_of_another_task_generates_nothing(treadle, run_folder):
    sentence = "holds a model of the task 'classify', expected one of the task 'language-model'"
    refused(treadle("generate", run_folder.folder), sentence)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("cash=3", "there is no option 'cash' for this task; did you mean 'cache'?"),
        ("cache=many", "cache is 'many', expected a whole number"),
        ("cache_weight=0.2", "cache_weight is given without cache, expected both"),
    ],
)
def test_ways_of_measuring_that_there_are_not(treadle, folder, option, sentence):
    refused(treadle("evaluate", folder / "words", folder / "test.txt", "--set", option), sentence)


def test_rms_says_that_the_training_text_is_gone(treadle, folder, tmp_path):
    (tmp_path / "t.txt").write_text(sentences(30, 1))
    assert treadle("train", tmp_path / "t.txt", *TASK, *FAST, "--out", tmp_path / "run").code == 0
    (tmp_path / "t.txt").unlink()
    said = treadle("evaluate", tmp_path / "run", folder / "test.txt", "--set", "dynamic=rms")
    refused(said, "dynamic 'rms' reads the training text; ")


def refused(said, sentence: str):
    """One sentence on standard error, exit code 2, no traceback."""
    assert said.code == 2
    assert sentence in said.err
    assert said.err.startswith("treadle: ")
    assert said.err.count("\n") == 1
