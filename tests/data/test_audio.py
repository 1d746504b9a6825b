"""Sound read, resampled, cut into frames; what is wrong with a recording or a manifest is said in one sentence."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from treadle.data.audio import AudioEncoder, FilterBank, Waveform, read_audio, read_utterances
from treadle.data.audio.augment import Augmentation
from treadle.errors import InputError


def tone(hertz: float = 440.0, seconds: float = 0.5, rate: int = 8000) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def wav(path: Path, samples: Any = None, rate: int = 8000) -> Path:
    soundfile.write(path, tone() if samples is None else samples, rate)
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_file_gives_the_samples_that_were_written(tmp_path: Path, suffix: str) -> None:
    read = read_audio(wav(tmp_path / f"a.{suffix}"))
    assert read.rate == 8000
    assert read.seconds == 0.5
    np.testing.assert_allclose(read.samples, tone(), atol=2**-15)


def test_a_resampled_tone_is_the_tone_at_the_other_rate() -> None:
    for rate in (4000, 11025, 16000):
        found = Waveform(tone(300), 8000).at(rate)
        expected = tone(300, rate=rate)
        assert abs(len(found.samples) - len(expected)) <= 1
        inner = slice(rate // 20, rate // 3)  # a filter knows nothing of what stands before and after
        np.testing.assert_allclose(found.samples[inner], expected[inner], atol=5e-3)


def test_a_channel_of_several_is_chosen_and_never_mixed_in_silence(tmp_path: Path) -> None:
    both = np.stack([tone(300), tone(500)], 1)
    path = wav(tmp_path / "two.wav", both)
    np.testing.assert_allclose(read_audio(path, 1).samples, tone(500), atol=2**-15)
    np.testing.assert_allclose(read_audio(path, "mean").samples, both.mean(1), atol=2**-15)
    with pytest.raises(InputError, match=r"two\.wav: found 2 channels, expected one; channel=0"):
        read_audio(path)
    with pytest.raises(InputError, match="found 2 channels, expected one with the number 2"):
        read_audio(path, 2)


def test_a_broken_or_empty_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_bytes(b"RIFF but nothing else")
    (tmp_path / "cut.flac").write_bytes((wav(tmp_path / "whole.flac")).read_bytes()[:60])
    wav(tmp_path / "empty.wav", np.zeros(0, np.float32))
    for name, said in {
        "no.wav": "cannot be read as sound",
        "cut.flac": "",
        "empty.wav": "no sample",
        "none.wav": "there is no such file",
    }.items():
        with pytest.raises(InputError, match=f"{name}.*{said}") as error:
            read_audio(tmp_path / name)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "no sample"),
        (np.zeros((2, 5)), "5 channels"),
        ([0.0, float("nan")], "sample 1"),
        (["a"], "expected samples"),
    ],
)
def test_samples_that_are_none_are_refused(samples: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Waveform(samples, 8000)
    with pytest.raises(InputError, match="the rate is 0"):
        Waveform(tone(), 0)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
def test_frames_of_single_windows_are_those_of_the_whole_to_the_last_bit(rate: int) -> None:
    bank = FilterBank(rate, 30)
    samples = np.random.default_rng(0).normal(0, 0.1, rate // 4 + 7).astype(np.float32)
    whole = bank.compute(samples)
    assert len(whole) == bank.frames(len(samples))
    windows = np.stack([samples[place * bank.shift :][: bank.window] for place in range(len(whole))])
    steps = bank.by_window()
    parts = [steps.compute(windows[start : start + 5]) for start in range(0, len(windows), 5)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert bank.compute(samples[: bank.window - 1]).shape == (0, 30)


def test_a_tone_is_loudest_in_its_own_band() -> None:
    for hertz in (300, 1000, 2500):
        loudest = FilterBank(8000, 40).compute(tone(hertz)).mean(0).argmax()
        mel = lambda f: 1127 * np.log(1 + f / 700)  # noqa: E731 - the mel scale, O'Shaughnessy 1987
        centre = (mel(hertz) - mel(20)) / ((mel(4000) - mel(20)) / 41) - 1
        assert abs(loudest - centre) <= 1


def test_bands_have_mean_zero_and_deviation_one_over_all_training_frames_and_come_back_from_json() -> None:
    random = np.random.default_rng(1)
    cells = [Waveform(random.normal(0, 0.1, count), 8000) for count in (4000, 2500, 100)]
    encoder, frames = AudioEncoder.fit_encode(cells, bins=20)
    joined = np.concatenate(frames)
    np.testing.assert_allclose(joined.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(joined.std(0), 1, atol=1e-4)
    again = AudioEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    for one, other in zip(again.encode(cells), frames, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match="damaged"):
        AudioEncoder.from_json(encoder.to_json() | {"scale": [0.0] * 20})


def test_the_rate_is_the_lowest_of_training_and_faster_sound_is_shorter() -> None:
    encoder, _ = AudioEncoder.fit_encode([Waveform(tone(rate=11025), 11025), Waveform(tone(), 8000)])
    assert encoder.bank.rate == 8000
    sound = [Waveform(tone(seconds=1.1), 8000)]
    assert [len(encoder.encode(sound, speed=speed)[0]) for speed in (1.0, 1.1)] == [108, 98]


def test_augmentation_hides_stretches_and_leaves_the_rest() -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(16, 50, 20) + 3, torch.tensor([50] * 15 + [0])
    y = Augmentation(torch.zeros(20), torch.ones(20), 1, 5, 2, 10, noise=0)(x, lengths)
    hidden = y == 0
    assert 0 < float(hidden.float().mean()) < 0.5
    assert torch.equal(y[~hidden], x[~hidden])
    bands, steps = hidden.all(1).sum(1), hidden.all(2).sum(1)
    assert int(bands.max()) <= 5
    assert int(steps.max()) <= 10  # a fifth of 50 frames, in both masks together


def test_noise_raises_what_is_quiet_and_leaves_what_is_loud() -> None:
    torch.manual_seed(0)
    x = torch.cat([torch.full((64, 40, 10), 12.0), torch.full((64, 40, 10), -12.0)], 2)
    y = Augmentation(torch.zeros(20), torch.ones(20), 0, 0, 0, 0, noise=1)(x, torch.full((64,), 40))
    assert bool((y >= x - 1e-4).all())
    assert float((y - x)[..., 10:].mean()) > 1
    assert float((y - x)[..., :10].mean()) < 0.1


def test_a_manifest_names_files_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    wav(tmp_path / "clips" / "a.wav")
    with (tmp_path / "said.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["audio", "text"], ["clips/a.wav", "one two"], ["clips/a.wav", "3"]])
    (tmp_path / "said.jsonl").write_text(json.dumps({"path": str(tmp_path / "clips/a.wav"), "sentence": "one"}) + "\n")
    read = read_utterances(tmp_path / "said.csv")
    assert read.texts == ["one two", "3"]
    assert read_audio(str(read.audio[0])).rate == 8000
    assert read.where(1).endswith("said.csv, line 3")
    assert read_utterances(tmp_path / "said.jsonl").texts == ["one"]


def test_a_folder_takes_texts_from_names_by_a_rule_or_from_files_beside(tmp_path: Path) -> None:
    for name in ("seven_theo_1", "turn_left_anna_2"):
        wav(tmp_path / f"{name}.wav")
    read = read_utterances(tmp_path, rule=r"^(?P<text>.+)_[a-z]+_\d+$")
    assert read.texts == ["seven", "turn left"]
    with pytest.raises(InputError, match=r"there is no seven_theo_1\.txt beside it"):
        read_utterances(tmp_path)
    (tmp_path / "seven_theo_1.txt").write_text("Seven\n")
    (tmp_path / "turn_left_anna_2.txt").write_text("turn  left")
    assert read_utterances(tmp_path).texts == ["Seven", "turn left"]
    assert read_utterances(tmp_path, transcribed=False).texts is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["audio", "text"], ["a.wav", "  "]], "line 2, column 'text': the transcript is empty"),
        ([["audio", "text"], ["", "one"]], "line 2, column 'audio': found ''"),
        ([["sound", "text"], ["a.wav", "one"]], "the column of the recordings cannot be told"),
        ([["audio", "said"], ["a.wav", "one"]], "the column of the transcripts cannot be told"),
    ],
)
def test_a_manifest_that_lacks_something_is_one_sentence(tmp_path: Path, rows: list[list[str]], said: str) -> None:
    with (tmp_path / "m.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(InputError, match=said):
        read_utterances(tmp_path / "m.csv")


def test_rules_and_places_that_cannot_be_used_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no file of sound"):
        read_utterances(tmp_path)
    path = wav(tmp_path / "a_1.wav")
    for rule, said in {
        "(": "no regular expression",
        "a": "no group",
        "(?P<text>b)": "finds no text in this name",
    }.items():
        with pytest.raises(InputError, match=said):
            read_utterances(tmp_path, rule=rule)
    with pytest.raises(InputError, match="found one file of sound"):
        read_utterances(path)
    assert read_utterances(path, transcribed=False).audio == [str(path)]
