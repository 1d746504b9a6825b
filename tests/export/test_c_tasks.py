"""Every task in C: what its stream says after each step; what has no step is refused with what to train instead."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_models import CAUSAL, MODELS, ONLINE, SMALL, classifier, forecaster, series, tagger_in_context, text_classifier

from c_programs import differences, needs_gcc
from treadle import SequenceClassifier, Translator
from treadle.cli import main
from treadle.errors import InputError
from treadle.export import export
from treadle.export.c import proof


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Any]]:
    """A fitted model of every kind."""
    context = tagger_in_context(tmp_path_factory.mktemp("language"))
    return [("context", context), *((name, made()) for name, made in (MODELS | ONLINE).items())]


@needs_gcc
def test_the_step_of_every_task_is_that_of_its_stream(models: list[tuple[str, Any]], tmp_path: Path) -> None:
    assert max(differences(tmp_path, models).values()) < 1e-5


@needs_gcc
def test_weights_in_8_bits_stay_near_for_every_task(models: list[tuple[str, Any]], tmp_path: Path) -> None:
    assert max(differences(tmp_path, models, int8=True).values()) < 0.1


@needs_gcc
def test_no_address_is_out_of_bounds_and_nothing_is_undefined(models: list[tuple[str, Any]], tmp_path: Path) -> None:
    chosen = [pair for pair in models if pair[0] in ("detector", "filled", "chain", "clusters", "covariates", "speech")]
    flags = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    assert max(differences(tmp_path, chosen, flags=flags).values()) < 1e-5


@needs_gcc
def test_the_command_writes_proves_and_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = classifier(fill="mean")
    model.save(tmp_path / "model")
    out = tmp_path / "firmware"
    options = ["--to", "c", "--out", str(out), "--int8", "--name", "motion"]
    monkeypatch.setattr(sys, "argv", ["treadle", "export", str(tmp_path / "model"), *options])
    assert main() == 0
    assert sorted(path.name for path in out.iterdir()) == ["motion.c", "motion.h", "motion_test.c"]
    written, in_float, in_8_bits = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"motion\.c, motion\.h: weights [\d,]+ bytes, state \d+, local arrays \d+", written)
    assert float(re.fullmatch(r"float32: largest difference from Treadle (\S+)", in_float)[1]) < 1e-5  # type: ignore[index]
    assert float(re.fullmatch(r"weights in 8 bits: largest difference from Treadle (\S+)", in_8_bits)[1]) < 0.1  # type: ignore[index]


def test_a_model_in_8_bits_is_held_to_its_weights_not_to_its_rounding(tmp_path: Path) -> None:
    model = classifier(hidden_size=24)
    export(model, "int8", tmp_path / "small")
    _, proved = export(tmp_path / "small", "c", tmp_path / "out")
    assert proved.startswith("float32: largest difference")


def test_a_header_says_what_goes_in_and_comes_out(tmp_path: Path) -> None:
    export(text_classifier(), "c", tmp_path / "words", name="words")
    header = (tmp_path / "words" / "words.h").read_text()
    assert "a number in a vocabulary of 7; 1 stands for whatever is not in it" in header
    assert "[2] c" in header
    assert "void words_step(words_state *state, int32_t token, float output[WORDS_OUTPUTS]);" in header
    source = (tmp_path / "words" / "words.c").read_text()
    assert '"good",' in source  # the vocabulary is a table
    export(forecaster(covariates=True, unit="hour"), "c", tmp_path / "next")
    header = (tmp_path / "next" / "model.h").read_text()
    for part in ("[0] the value", "[1] wind of this step", "[3] price of the next step", "[1] y_10"):
        assert part in header


def test_names_are_names_in_c_and_stay_strings(tmp_path: Path) -> None:
    odd = ['say "no" */ #error', "größe\n??/", "\\"]
    model = SequenceClassifier(**SMALL, bidirectional=False).fit(series(), odd * 4)
    assert export(model, "c", tmp_path / "odd")  # the compiler takes it without a warning
    with pytest.raises(InputError, match="'7 up' cannot begin names in C"):
        export(model, "c", tmp_path / "other", name="7 up")


@needs_gcc
def test_a_difference_is_an_error_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(proof, "TOLERANCE", 1e-12)
    with pytest.raises(InputError, match="answers otherwise than Treadle"):
        export(classifier(), "c", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_nothing_is_called_proved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(proof, "COMPILERS", ("no-such-compiler",))
    _, said = export(classifier(), "c", tmp_path / "out")
    assert said.startswith("nothing was proved")
    assert "cc -std=c99 -O2 -o model_test model.c model_test.c -lm && ./model_test" in said


@pytest.mark.parametrize(
    ("make", "instead"),
    [
        (lambda: text_classifier(bidirectional=True), "bidirectional=False"),
        (lambda: SequenceClassifier(**CAUSAL, scaling="series").fit(series(), ["a", "b"] * 6), "scaling='standard'"),
        (lambda: forecaster(output="student-t"), "output='quantiles'"),
        (lambda: Translator(**SMALL).fit(["a b"] * 8, ["b a"] * 8), "train a causal classifier"),
    ],
)
def test_what_has_no_step_is_refused_with_what_to_train(make: Any, instead: str, tmp_path: Path) -> None:
    model = make()
    with pytest.raises(InputError, match=re.escape(instead)):
        export(model, "c", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_option_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the format 'c' has no option 'int4'; did you mean 'int8'"):
        export(np.zeros(1), "c", tmp_path / "out", int4=True)
