"""Sound as a column of a classifier or regressor: files and waveforms become log-mel frames."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from spoken import RATE, sound

from treadle import SequenceClassifier, SequenceRegressor, load
from treadle.cli import main
from treadle.data import infer_kind, infer_roles, read
from treadle.data.audio import FilterBank
from treadle.data.columns import extract
from treadle.data.kinds import Kind
from treadle.errors import InputError

FAST: dict[str, Any] = {"hidden_size": 12, "epochs": 8, "learning_rate": 0.03, "batch_size": 8, "mel_bins": 12}
WORDS = ["low", "mid", "high"]


def keywords(count: int, seed: int = 0) -> tuple[list[Any], list[str]]:
    labels = [WORDS[place % 3] for place in range(count)]
    return [sound(label, seed + place) for place, label in enumerate(labels)], labels


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keywords")
    X, y = keywords(24)
    for place, one in enumerate(X):
        soundfile.write(folder / f"{place}.wav", one.samples, RATE)
    with (folder / "m.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["audio", "label"], *([f"{place}.wav", label] for place, label in enumerate(y))])
    return folder / "m.csv"


def test_names_of_files_and_waveforms_are_sound() -> None:
    assert infer_kind(["a.wav", "b/c.FLAC"] * 5) is Kind.AUDIO
    assert infer_kind([sound("low")]) is Kind.AUDIO
    assert infer_kind(["I heard a.wav and left"] * 5) is Kind.TEXT


def test_a_table_names_files_relative_to_itself(manifest: Path) -> None:
    table = read(manifest)
    roles = infer_roles(table)
    assert roles.kinds == {"audio": Kind.AUDIO}
    assert any("sound, 24 recordings" in reason for reason in roles.reasons)
    assert all(Path(cell).is_file() for cell in extract(table, roles)["audio"])


def test_keywords_are_spotted_in_waveforms_and_files_and_after_opening_the_folder(tmp_path: Path) -> None:
    X, y = keywords(24)
    model = SequenceClassifier(**FAST).fit(X, y)
    others, truth = keywords(12, seed=500)
    assert model.score(others, truth) > 0.9
    soundfile.write(tmp_path / "one.wav", others[0].samples, RATE, subtype="FLOAT")
    assert model.predict_proba([str(tmp_path / "one.wav")]) == pytest.approx(model.predict_proba(others[:1]), abs=1e-5)
    model.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").predict_proba(others), model.predict_proba(others))
    assert "log-mel bands of sound at 8,000 Hz" in model.describe_size()
    page = model.report(tmp_path, others, ["mid", *truth[1:]]).read_text()
    assert "Worst errors" in page


def test_the_network_reads_the_frames_of_each_recording() -> None:
    X, y = keywords(12)
    model = SequenceClassifier(**(FAST | {"epochs": 1, "max_length": 20})).fit(X, y)
    (column,) = model.encode({"input": X})
    assert column.lengths.tolist() == [min(20, FilterBank(RATE, 12).frames(len(one.samples))) for one in X]


def test_a_number_can_be_told_from_sound_beside_another_column() -> None:
    X, _ = keywords(16)
    columns = {"sound": X, "note": ["a b", "c"] * 8}
    model = SequenceRegressor(**FAST, embedding_size=8).fit(columns, [len(one.samples) / RATE for one in X])
    assert model.predict(columns).shape == (16,)


def test_what_is_wrong_with_a_recording_is_said_with_its_place(tmp_path: Path, manifest: Path) -> None:
    X, y = keywords(6)
    with pytest.raises(InputError, match=r"row 2 .*none\.wav: there is no such file"):
        SequenceClassifier(**FAST).fit([*X[:2], "none.wav", *X[3:]], y)
    soundfile.write(tmp_path / "two.wav", np.zeros((900, 2)), RATE)
    with pytest.raises(InputError, match="found 2 channels, expected one"):
        SequenceClassifier(**FAST).fit([*X[:5], str(tmp_path / "two.wav")], y)
    with pytest.raises(InputError, match="has no stream"):
        SequenceClassifier(**(FAST | {"epochs": 1, "bidirectional": False})).fit(X, y).stream()


def test_train_takes_a_manifest_of_keywords_and_writes_the_baseline_beside(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def treadle(*words: Any) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["treadle", *map(str, words)])
        code = main()
        return code, capsys.readouterr().out

    out = manifest.parent / "run"
    words = [part for name in ("batch_size", "mel_bins") for part in ("--set", f"{name}={FAST[name]}")]
    code, _ = treadle(
        "train", manifest, "--epochs", "6", "--hidden", "12", "--learning-rate", "0.03", *words, "--out", out
    )
    assert code == 0
    assert json.loads((out / "result.json").read_text())["baseline"]["name"] == "summary features + logistic regression"
    files = [str(manifest.parent / f"{place}.wav") for place in range(24)]
    assert treadle("predict", out, manifest)[1].split() == load(out).predict({"audio": files}).tolist()
