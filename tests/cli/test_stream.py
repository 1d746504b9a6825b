"""`treadle stream`: a line in, a line out at once, keys, bad lines, snapshots and a kill between them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from treadle import LanguageModel, SequenceClassifier, SequenceTagger, load

Ask = Callable[..., SimpleNamespace]
SMALL: dict[str, Any] = {"hidden_size": 6, "epochs": 1}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small models of each kind, in folders by name."""
    folder, random = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    labels = ["up", "down"] * 8
    series = [random.normal(size=(5, 2)) for _ in labels]
    texts = [" ".join(random.choice(["fine", "dull", "film", "plot"], 4)) for _ in labels]
    made: dict[str, Any] = {
        "series": SequenceClassifier(**SMALL, bidirectional=False).fit(series, labels),
        "text": SequenceClassifier(**SMALL, bidirectional=False).fit(texts, labels),
        "tokens": SequenceClassifier(**SMALL, bidirectional=False).fit([text.split() for text in texts], labels),
        "sub-words": SequenceClassifier(**SMALL, bidirectional=False, unit="subword").fit(texts, labels),
        "both": SequenceClassifier(**SMALL).fit(series, labels),
        "language": LanguageModel(unit="char", layers=1, **SMALL).fit("to be or not to be. " * 20),
        "tagger": SequenceTagger(**SMALL).fit([text.split() for text in texts], [["A", "B", "A", "B"]] * 16),
    }
    for name, model in made.items():
        model.save(folder / name)
    return folder


@pytest.fixture
def ask(treadle: Ask, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """`ask(lines, folder, ...)` gives the exit code, `err`, and `answers`: what was printed for each line."""

    def run(lines: list[str], *arguments: str | Path) -> SimpleNamespace:
        content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))
        said = treadle("stream", *arguments)
        said.answers = [json.loads(line) for line in said.out.splitlines()]
        return said

    return run


def test_every_line_is_answered_as_the_model_does_on_all_lines_so_far(ask: Ask, models: Path) -> None:
    lines, model = ["1 2", "[0.5, -1]", "3, 4", "-1;1e-1"], load(models / "series")
    x = [[1, 2], [0.5, -1], [3, 4], [-1, 0.1]]
    said = ask(lines, models / "series")
    assert said.code == 0
    assert said.err == ""
    for count, answer in enumerate(said.answers, 1):
        assert answer["steps"] == count
        expected = model.predict_proba([np.array(x[:count])])[0]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)


def test_streams_by_key_do_not_mix_and_can_be_closed(ask: Ask, models: Path) -> None:
    model = load(models / "text")
    lines = [
        '{"key": "a", "step": "fine film"}',
        '{"key": 7, "step": "dull"}',
        '{"key": "a", "step": "plot"}',
        "fine",
        '{"step": "plot"}',
        '{"key": "a", "close": true}',
        '{"key": "a", "step": "plot"}',
    ]
    said = ask(lines, models / "text")
    assert said.code == 0
    read = ["fine film", "dull", "fine film plot", "fine", "fine plot", None, "plot"]
    for text, answer in zip(read, said.answers, strict=True):
        if text is not None:
            expected = model.predict_proba([text])[0]
            np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-5)
    assert [answer.get("key") for answer in said.answers] == ["a", 7, "a", None, None, "a", "a"]
    assert said.answers[5] == {"key": "a", "closed": True}


def test_tokens_and_language_models_read_lines_too(ask: Ask, models: Path) -> None:
    tokens = ask(["fine film", '["plot"]', '"fine"'], models / "tokens").answers
    assert [answer["steps"] for answer in tokens] == [2, 3, 4]
    language = ask(["to be", '" or\\n"', "[1]", ""], models / "language").answers
    assert [answer["tokens"] for answer in language] == [5, 9, 12, 12]
    assert language[2]["next"] == language[3]["next"]


BAD = {
    "1 2 3": "a step of this stream is 2 numbers, found 3 numbers",
    "1 x": "a step of this stream is 2 numbers, found 'x' in place 2",
    "": "a step of this stream is 2 numbers, found 0 numbers",
    "[1, ": "which is no JSON",
    '{"key": "a"}': 'expected {"key": ..., "step": ...}',
    '{"key": "a", "stp": [1, 2]}': "there is no field 'stp'; did you mean 'step'?",
    '{"key": [1], "step": [1, 2]}': "the key of a stream is a text or a whole number, found [1]",
    '{"key": null, "close": true}': "the key of a stream is a text or a whole number, found None",
    '{"key": "a", "step": "text"}': "found 'text'",
    '{"key": "z", "close": true}': "there is no stream 'z'",
    "1 1e300": "channel 2 of the step holds 1e+300",
    "1 \udcff": "byte 0xff is not UTF-8",
}


def test_a_bad_line_is_answered_with_what_is_wrong_and_its_stream_goes_on(ask: Ask, models: Path) -> None:
    good = ["1 2", '{"key": "a", "step": [2, 1]}', "3 4", '{"key": "a", "step": [0, 0]}']
    clean = ask(good, models / "series")
    said = ask([*good[:2], *BAD, *good[2:]], models / "series")
    assert said.code == 2
    assert said.err == f"treadle: {len(BAD)} lines could not be used, line 3 first; their answers say why\n"
    assert [answer for answer in said.answers if "error" not in answer] == clean.answers
    for number, (sentence, answer) in enumerate(zip(BAD.values(), said.answers[2:-2], strict=True), 3):
        assert answer["error"].startswith(f"line {number}: ")
        assert sentence in answer["error"]


@pytest.mark.parametrize("name", ["text", "sub-words"])
def test_half_a_surrogate_pair_ends_no_other_stream(ask: Ask, models: Path, name: str) -> None:
    said = ask(['{"key": "a", "step": "\\ud83d"}', '{"key": "\\ud83d", "step": "fine"}', "fine"], models / name)
    assert said.code == 2
    assert ["probabilities" in answer for answer in said.answers] == [True, False, True]
    assert said.answers[1] == {
        "error": "line 2: the key '\\ud83d' holds half of a surrogate pair, expected whole characters"
    }


def test_an_empty_key_is_not_the_stream_without_one(ask: Ask, models: Path) -> None:
    said = ask(["fine", '{"key": "", "step": "fine"}', "fine"], models / "text")
    assert said.code == 2
    assert said.answers[1] == {
        "error": "line 2: the key is empty, expected a text or number; a line without one is of the stream without one"
    }
    assert said.answers[2]["steps"] == 2


def test_models_that_need_the_whole_are_refused_with_what_could_be_had(ask: Ask, models: Path) -> None:
    said = ask(["1 2"], models / "both")
    assert said.code == 2
    assert "train a causal one with bidirectional=False" in said.err
    said = ask(["fine"], models / "tagger")
    assert said.code == 2
    assert "this tagger is bidirectional" in said.err
    assert "train a causal one with bidirectional=False" in said.err
    for options, sentence in {
        ("--every", "0"): "every is 0; expected 1 or more",
        ("--resume",): "expected their folder by --snapshots",
        ("--limit", "0"): "limit is a whole number of streams, at least 1, found 0",
    }.items():
        said = ask([], models / "series", *options)
        assert said.code == 2
        assert sentence in said.err


def keyed(count: int, streams: int = 5) -> list[str]:
    random = np.random.default_rng(3)
    steps = random.normal(size=(count, 2)).tolist()
    return [json.dumps({"key": f"k{random.integers(streams)}", "step": step}) for step in steps]


def test_a_stopped_command_goes_on_from_its_last_snapshot(ask: Ask, models: Path, tmp_path: Path) -> None:
    lines = keyed(40)
    whole = ask(lines, models / "series").answers
    options = [models / "series", "--snapshots", tmp_path, "--every", "4", "--limit", "2"]
    first = ask(lines[:17], *options)
    assert first.answers == whole[:17]
    again = ask(lines[17:], *options)
    assert again.code == 2
    assert "holds a snapshot; go on from it by --resume" in again.err
    second = ask(lines[17:25], *options, "--resume")
    assert "5 streams as after line 17" in second.err
    assert second.answers == whole[17:25]
    third = ask(lines, *options, "--resume", "--replay")
    assert third.answers == whole[25:]
    assert "holds no snapshot yet" in ask([], models / "series", "--snapshots", tmp_path / "new", "--resume").err


def test_idle_streams_of_a_run_that_wrote_no_snapshot_are_not_mixed_with_new_ones(
    ask: Ask, models: Path, tmp_path: Path
) -> None:
    lines = keyed(12)
    whole = ask(lines, models / "series").answers
    options = [models / "series", "--snapshots", tmp_path, "--limit", "2"]
    ask(lines, *options)
    (tmp_path / "streams.safetensors").unlink()
    assert list((tmp_path / "idle").iterdir())
    again = ask(lines, *options)
    assert (again.code, again.answers) == (2, [])
    assert "idle: holds idle streams of a run that wrote no snapshot; begin anew by --resume" in again.err
    said = ask(lines, *options, "--resume")
    assert "holds no snapshot yet, all streams begin anew" in said.err
    assert said.answers == whole


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_a_killed_command_has_answered_each_line_at_once_and_resumes(ask: Ask, models: Path, tmp_path: Path) -> None:
    lines = keyed(20)
    whole = ask(lines, models / "series").answers
    options = [str(models / "series"), "--snapshots", str(tmp_path), "--every", "3", "--limit", "2"]
    program = "import sys; from treadle.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "stream", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as ran:
        assert ran.stdin is not None
        assert ran.stdout is not None
        answers = []
        for line in lines[:11]:  # the next line is given when this one is answered
            print(line, file=ran.stdin, flush=True)
            answers.append(json.loads(ran.stdout.readline()))
        ran.kill()
    assert answers == whole[:11]
    said = ask(lines, *options, "--resume", "--replay")
    assert "as after line 9" in said.err
    assert said.answers == whole[9:]
