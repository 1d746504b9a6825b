"""Speech on the command line: train, evaluate, predict, stream, and what is said of bad files."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from treadle.cli import main
from treadle.data.audio import read_audio
from treadle.tasks import load
from treadle.tasks.choice import choose_task
from treadle.tasks.source import DataSource

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from spoken import SMALL, spoken

OWN = ("hidden_size", "layers", "epochs", "learning_rate")
FAST = ["--hidden", "16", "--layers", "1", "--epochs", "12", "--learning-rate", "0.03", "--unit", "word", "--causal"]
FAST += [word for name, value in SMALL.items() if name not in OWN for word in ("--set", f"{name}={value}")]


def manifest(folder: Path, name: str, count: int, seed: int) -> Path:
    X, y = spoken(count, seed)
    (folder / name).mkdir()
    lines = []
    for place, (one, text) in enumerate(zip(X, y, strict=True)):
        path = folder / name / f"{place}_{text.replace(' ', '-')}.wav"
        soundfile.write(path, one.samples, one.rate)
        lines.append(json.dumps({"audio": f"{name}/{path.name}", "text": text.title()}))
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return folder / f"{name}.jsonl"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a manifest: its folder, the manifests, and what the command printed."""
    folder = tmp_path_factory.mktemp("speech")
    data, test = manifest(folder, "train", 48, 0), manifest(folder, "test", 12, 900)
    patch, printed = pytest.MonkeyPatch(), []
    command = ["treadle", "train", str(data), "--dev", str(test), "--test", str(test), *FAST]
    patch.setattr(sys, "argv", [*command, "--out", str(folder / "run")])
    patch.setattr(sys.stdout, "write", lambda text: printed.append(text) or len(text))
    try:
        code = main()
    finally:
        patch.undo()
    return SimpleNamespace(code=code, folder=folder / "run", data=data, test=test, said="".join(printed))


def test_train_says_how_it_understood_the_data_and_writes_figures_of_model_and_baseline(run):
    assert run.code == 0
    assert "recordings in column 'audio', transcripts in 'text'" in run.said
    assert "looking 55 ms ahead" in run.said
    result = json.loads((run.folder / "result.json").read_text())
    assert result["task"] == "transcribe"
    assert set(result["dev"]) == set(result["test"]) == set(result["baseline"]["test"]) == {"wer", "cer", "exact"}
    assert result["test"]["wer"] < 0.2
    assert result["baseline"]["name"] == "nearest template"


def test_predict_takes_a_file_a_folder_a_manifest_and_names_on_standard_input(run, treadle, piped):
    rows = [json.loads(line) for line in run.test.read_text().splitlines()]
    expected = load(run.folder).predict([str(run.test.parent / row["audio"]) for row in rows])
    first = run.test.parent / rows[0]["audio"]
    assert treadle("predict", run.folder, first).out == f"{expected[0]}\n"
    assert treadle("predict", run.folder, run.test, "--beam-size", "1").out.splitlines() == expected
    answers = treadle("predict", run.folder, run.test.parent / "test", "--json").out.splitlines()
    found = {Path(one["audio"]).name: one for one in map(json.loads, answers)}
    assert found[first.name]["text"] == expected[0]
    assert set(found[first.name]["words"][0]) == {"word", "start", "end", "confidence"}
    piped(f"{first}\n{first}\n".encode())
    assert treadle("predict", run.folder, "-").out == f"{expected[0]}\n" * 2


def test_evaluate_measures_by_another_search_and_folders_by_their_rule(run, treadle, tmp_path):
    plain = json.loads(treadle("evaluate", run.folder, run.test, "--json").out)
    beam = treadle("evaluate", run.folder, run.test, "--beam-size", "4", "--set", "insertion_bonus=-60", "--json")
    assert json.loads(beam.out)["wer"] > plain["wer"]
    refused = treadle("evaluate", run.folder, run.test, "--set", "beams=4")
    assert refused.code == 2
    assert "there is no option 'beams'" in refused.err
    page = tmp_path / "page.html"
    assert treadle("evaluate", run.folder, run.test, "--report", page).code == 0
    assert "Speech to text" in page.read_text()


def test_a_stream_of_samples_says_what_the_file_says(run, treadle, piped):
    row = json.loads(run.test.read_text().splitlines()[0])
    path = run.test.parent / row["audio"]
    samples = read_audio(path).samples
    lines = [" ".join(f"{value:.9g}" for value in part) for part in np.array_split(samples, 5)]
    piped("\n".join([*lines, '{"step": null}']).encode())
    answers = [json.loads(line) for line in treadle("stream", run.folder).out.splitlines()]
    assert "".join(answer["text"] for answer in answers) == load(run.folder).predict([path])[0]


def test_a_table_with_audio_and_text_is_speech_unless_told_otherwise(run, tmp_path):
    assert choose_task(DataSource(str(run.data))) == "transcribe"
    (tmp_path / "a.csv").write_text("audio,text\na.wav,one\n")
    assert choose_task(DataSource(str(tmp_path / "a.csv"))) == "transcribe"
    assert choose_task(DataSource(str(tmp_path / "a.csv"), target="audio")) == "classify"
    (tmp_path / "b.csv").write_text("audio,label\na.wav,one\n")
    assert choose_task(DataSource(str(tmp_path / "b.csv"))) == "classify"


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([{"audio": "none.wav", "text": "a"}], [], r"line 1: .*none\.wav: there is no such file"),
        ([{"audio": "two.wav", "text": "a"}], [], r"line 1: .*two\.wav: found 2 channels, expected one"),
        ([{"audio": "empty.wav", "text": "a"}], [], r"line 1: .*empty\.wav: the recording has no sample"),
        ([{"audio": "bad.wav", "text": "a"}], [], r"line 1: .*bad\.wav: cannot be read as sound"),
        ([{"audio": "one.wav", "text": "a" * 99}], [], "line 1: the transcript is longer than its recording allows"),
        ([{"audio": "one.wav", "text": "b"}], ["--set", "alphabet=a"], "line 1: the transcript has 'b'"),
        ([{"audio": "one.wav", "text": " "}], [], "line 1, column 'text': the transcript is empty"),
        ([{"audio": "one.wav", "text": "a"}], ["--rule", "a"], "a rule takes the text from the names of files"),
        ([{"audio": "one.wav", "text": "a"}], ["--separator", "|"], "--separator is not for the task 'transcribe'"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_bad_data_is_one_sentence_and_leaves_no_run_behind(treadle, tmp_path, rows, options, said):
    soundfile.write(tmp_path / "one.wav", 0.1 * np.ones(2000), 8000)
    soundfile.write(tmp_path / "two.wav", 0.1 * np.ones((2000, 2)), 8000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    (tmp_path / "bad.wav").write_text("no sound")
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows * 3)) + "\n")
    out = tmp_path / "run"
    got = treadle("train", tmp_path / "m.jsonl", "--dev", tmp_path / "m.jsonl", "--epochs", "1", *options, "--out", out)
    assert got.code == 2
    assert re.search(said, got.err), got.err
    assert len(got.err.strip().splitlines()) == 1
    assert not (out / "model.safetensors").exists()


def test_a_rule_is_for_folders_of_recordings_alone(treadle, reviews, tmp_path):
    got = treadle("train", reviews, "--rule", "(?P<text>a)", "--out", tmp_path / "run")
    assert got.code == 2
    assert "--rule is not for the task 'classify'" in got.err
