"""The recogniser: it hears, it says when and how surely, it is saved and opened, and bad input is one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from spoken import RATE, SMALL, TONES, recogniser, sound, spoken

from treadle import LanguageModel, SpeechRecognizer, load
from treadle.data.audio import Utterances, Waveform
from treadle.errors import InputError
from treadle.nn.ctc import Emission, align
from treadle.tasks.transcribe.network import SpeechNetwork
from treadle.tasks.transcribe.predictions import rows_of, said_by
from treadle.tasks.transcribe.settings import SpeechSettings
from treadle.tasks.transcribe.units import LONGEST_WORD, Units


@pytest.fixture(scope="module")
def model() -> SpeechRecognizer:
    return recogniser()


@pytest.fixture(scope="module")
def speller() -> SpeechRecognizer:
    return recogniser(unit="char", epochs=14, reduction=2, batch_size=4, hidden_size=24, learning_rate=0.02)


def test_it_hears_what_it_has_not_heard_before_and_says_where(model: SpeechRecognizer) -> None:
    X, y = spoken(20, seed=500)
    assert model.score(X, y) > 0.95
    (heard,) = model.transcribe([sound("low high mid", 7)])
    assert heard.text == "low high mid" == " ".join(word.text for word in heard.words)
    for place, word in enumerate(heard.words):
        begin = (200 + 960 * place) / RATE
        assert begin - 0.06 < word.start < word.end < begin + 0.2
        assert 0.3 < word.confidence <= 1


def test_batch_mates_and_padding_change_no_transcript(model: SpeechRecognizer) -> None:
    X, _ = spoken(12, seed=700)
    together = model.transcribe(X)
    for one, whole in zip(X, together, strict=True):
        (alone,) = model.transcribe([one])
        assert alone.text == whole.text
        for some, others in zip(alone.words, whole.words, strict=True):
            assert some.start == others.start
            assert some.confidence == pytest.approx(others.confidence, abs=1e-5)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_nan_in_the_padding_changes_neither_output_nor_gradient(bidirectional: bool) -> None:
    torch.manual_seed(0)
    settings = SpeechSettings(
        cell="gru", hidden_size=5, layers=2, residual=False, dropout=0, init="recommended", engine="auto",
        bidirectional=bidirectional, reduction=2, convolutions=2, convolution_size=4, kernel_size=3,
    )  # fmt: skip
    network = SpeechNetwork(settings, bins=3, units=4)
    lengths = torch.tensor([9, 4, 0, 1])
    x = torch.randn(4, 9, 3)
    x[torch.arange(9)[None] >= lengths[:, None]] = torch.nan
    logits, steps = network(x, lengths)
    assert steps.tolist() == [4, 2, 0, 0]
    sum(logits[row, :count].sum() for row, count in enumerate(steps)).backward()
    found = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()
    for row, (length, count) in enumerate(zip(lengths, steps, strict=True)):
        alone, _ = network(x[row : row + 1, :length], length[None])
        torch.testing.assert_close(logits[row, :count], alone[0, :count])
        alone[0, :count].sum().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, msg=name)


def test_a_folder_opens_to_the_same_recogniser(model: SpeechRecognizer, tmp_path: Path) -> None:
    model.save(tmp_path)
    X, _ = spoken(6, seed=300)
    again = load(tmp_path)
    assert again.transcribe(X) == model.transcribe(X)
    assert again.search_settings().beam_size == 1
    (tmp_path / "features.json").write_text('{"audio": {}, "units": {}, "roles": null}')
    with pytest.raises(InputError, match="damaged"):
        load(tmp_path)


def test_two_trainings_are_equal_and_augmentation_is_drawn_by_the_seed() -> None:
    noisy = {"speed": 0.1, "noise": 0.5, "frequency_masks": 1, "frequency_width": 3, "time_masks": 1, "dropout": 0.1}
    first, second = (recogniser(epochs=2, **noisy) for _ in range(2))
    assert first.history_[-1]["train_loss"] == second.history_[-1]["train_loss"]
    assert recogniser(epochs=2, **noisy, seed=1).history_[-1]["train_loss"] != first.history_[-1]["train_loss"]


def test_files_of_any_rate_arrays_and_waveforms_are_heard_alike(model: SpeechRecognizer, tmp_path: Path) -> None:
    samples = sound("high low").samples
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    soundfile.write(tmp_path / "b.wav", Waveform(samples, RATE).at(22050).samples, 22050)
    X = [str(tmp_path / "a.flac"), tmp_path / "b.wav", samples, (samples * 32767).astype(np.int16)]
    assert model.predict(X) == ["high low"] * 4


def test_sound_too_short_for_a_step_says_nothing(model: SpeechRecognizer) -> None:
    assert model.predict([Waveform(np.zeros(10), RATE)]) == [""]


def test_a_beam_search_with_an_n_gram_model_or_a_language_model_prefers_what_they_know(
    speller: SpeechRecognizer, tmp_path: Path
) -> None:
    X, y = spoken(12, seed=900)
    greedy = speller.score(X, y)
    assert greedy > 0.5
    frames = rows_of(speller.audio_.encode(X), 12)
    texts = tmp_path / "known.txt"
    texts.write_text("\n".join([*TONES] * 3 + spoken(60, 50)[1]))
    fused = speller.transcribe(X, beam_size=8, language_model=str(texts), language_weight=0.4)
    for row, said in said_by(speller.network_, frames):
        assert len(fused[row].words) == len(fused[row].text.split())
        units = speller.units_.encode(fused[row].text)
        assert speller.units_.words(align(said, units), speller.step_seconds) == fused[row].words
    words = {word for one in fused for word in one.text.split()}
    assert words <= set(TONES) or greedy < 1
    only = tmp_path / "only.txt"
    only.write_text("low\nlow\n")
    forced = speller.transcribe([sound("high")], beam_size=8, language_model=str(only), language_weight=50.0)
    assert "high" not in forced[0].text
    language = LanguageModel(unit="char", hidden_size=8, layers=1, embedding_size=8, epochs=1)
    language.fit("\n".join(spoken(40, 50)[1])).save(tmp_path / "language")
    heard = speller.transcribe(X[:2], beam_size=4, language_model=str(tmp_path / "language"), language_weight=0.01)
    assert [one.text for one in heard] == [one.text for one in speller.transcribe(X[:2], beam_size=4)]


def test_a_bonus_for_words_makes_more_of_them(model: SpeechRecognizer) -> None:
    X, _ = spoken(6, seed=40)
    counts = [
        sum(len(one.words) for one in model.transcribe(X, beam_size=6, insertion_bonus=bonus)) for bonus in (-40.0, 0.0)
    ]
    assert counts[0] < counts[1]


def test_units_are_written_and_read_back() -> None:
    texts = ["the thin thing", "that then", "The Thaw"] * 10
    for unit in ("char", "word", "subword"):
        units = Units.from_json(Units.fit(texts, unit=unit).to_json())
        for text in texts:
            encoded = units.encode(text)
            assert 0 not in encoded
            words = units.words([Emission(one, 2 * t, 2 * t + 1, 0.9) for t, one in enumerate(encoded)], 0.5)
            assert " ".join(word.text for word in words) == text.lower()
            assert words[0].start == 0
            assert words[-1].end == len(encoded) - 0.5
        assert units.foreign("thé then") is not None
    long = Units.fit(["a" * 100], unit="char")
    run = [Emission(1, t, t + 1, 1.0) for t in range(100)]
    assert [len(word.text) for word in long.words(run, 1.0)] == [LONGEST_WORD, 100 - LONGEST_WORD]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": ["low"] * 4}, "5 recordings and 4 transcripts"),
        ({"X": ["a.txt"] * 5}, "expected a file of sound"),
        ({"X": [np.zeros(800)] * 5}, "does not say how many make a second"),
        ({"X": "a.wav"}, "expected a list"),
        ({"y": ["low", 3, "low", "low", "low"]}, r"row 1 .* the transcript is 3"),
        ({"y": [""] * 5}, "all transcripts are empty"),
        ({"alphabet": "low mid"}, "row 3.*the transcript has 'h', which the alphabet has not"),
        ({"y": ["low " * 90] * 5}, "row 0.*longer than its recording allows: its 359 units need 359 steps, and"),
        ({"unit": "word", "alphabet": "low"}, "alphabet is for the unit 'char'"),
        ({"unit": "letter"}, "unit is 'letter'"),
        ({"init_from": "folder"}, "a recogniser cannot begin from"),
        ({"language_model": "x.txt"}, "a language model speaks in a beam search"),
        ({"mel_bins": 2}, "mel_bins is 2"),
        ({"reductoin": 2}, "did you mean 'reduction'"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_one_sentence(change: dict[str, Any], said: str) -> None:
    texts = ["low", "mid", "low", "high", "mid"]
    X, y = change.pop("X", [sound(text) for text in texts]), change.pop("y", texts)
    with pytest.raises(InputError, match=said) as error:
        SpeechRecognizer(**(SMALL | {"unit": "char", "epochs": 1} | change)).fit(X, y, dev=(X, y))
    assert "\n" not in str(error.value)


def test_dev_texts_with_symbols_that_training_lacks_count_as_mistakes(model: SpeechRecognizer) -> None:
    X, y = spoken(8, seed=40)
    assert model.score(X, [text.replace("low", "lów") for text in y]) < model.score(X, y)
    fitted = SpeechRecognizer(**(SMALL | {"unit": "word", "epochs": 1})).fit(X, y, dev=([sound("low")], ["nothing"]))
    assert fitted.history_[0]["dev_loss"] == 0
    assert fitted.history_[0]["dev_wer"] >= 1


def test_a_search_that_is_not_known_is_refused(model: SpeechRecognizer) -> None:
    for search, said in {"beam": "there is no option 'beam'", "beam_size": "beam_size is 0"}.items():
        with pytest.raises(InputError, match=said):
            model.transcribe([sound("low")], **{search: 0})
    with pytest.raises(InputError, match="there is no such file"):
        model.transcribe([sound("low")], beam_size=4, language_model="nowhere.txt")


def test_a_report_shows_worst_recordings_and_what_was_taken_for_what(model: SpeechRecognizer, tmp_path: Path) -> None:
    X, y = spoken(8, seed=60)
    page = model.report(tmp_path, X, [f"{y[0]} mid", *y[1:]]).read_text()
    assert "What was taken for what" in page
    assert "Recordings with mistakes" in page
    assert "Word error rate" in page
    assert model.report(tmp_path, X, model.predict(X)).read_text().count("Recordings with mistakes") == 0


def test_utterances_know_their_places() -> None:
    data = Utterances([sound("low"), sound("mid")], ["low", "mid"], ["a.csv, line 2", "a.csv, line 3"])
    assert data.take([1]).where(0) == "a.csv, line 3"
