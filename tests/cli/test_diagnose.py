"""`treadle diagnose` on folders, on other data, and on cells beside each other."""

import pytest

from treadle import LanguageModel, SequenceTagger


def test_a_run_is_looked_into_on_its_own_dev_rows(treadle, run_folder, tmp_path):
    page = tmp_path / "page.html"
    said = treadle("diagnose", run_folder.folder, "--out", page)
    assert said.code == 0
    assert "dev rows that its run set aside" in said.out
    assert "layer 1, backward: LSTMCell, 8 units" in said.out
    assert "gradient" in said.out
    html = page.read_text()
    assert "Gradient over distance" in html
    assert "forget: sigmoid(f)" in html
    assert "http" not in html.replace("http://www.w3.org", "")


def test_other_data_can_be_named(treadle, run_folder, tmp_path):
    data = tmp_path / "other.csv"
    data.write_text("review\nthe film was fine and the plot was dull and the scene was fine\nfine\n")
    said = treadle("diagnose", run_folder.folder, "--data", data)
    assert said.code == 0
    assert "of 14 steps" in said.out or "all 14 steps" in said.out


def test_a_folder_without_a_run_needs_data(treadle, tmp_path):
    model = LanguageModel(hidden_size=8, layers=1, epochs=1, unit="char").fit(["abcabcabc" * 20], dev=["abcabc"])
    model.save(tmp_path / "lm")
    said = treadle("diagnose", tmp_path / "lm")
    assert (said.code, "name some by --data" in said.err) == (2, True)
    (tmp_path / "text.txt").write_text("abcabcabcabc")
    assert "stack, layer 1" in treadle("diagnose", tmp_path / "lm", "--data", tmp_path / "text.txt").out


def test_all_layers_of_a_tagger_are_found(treadle, tmp_path):
    tagger = SequenceTagger(hidden_size=8, character_hidden_size=4, epochs=1)
    tagger.fit([["Ann", "sleeps"], ["Bob", "eats", "pie"]] * 4, [["B-PER", "O"], ["B-PER", "O", "O"]] * 4)
    tagger.save(tmp_path / "tagger")
    (tmp_path / "text.conll").write_text("Ann O\nsleeps O\n\nBob O\neats O\n")
    said = treadle("diagnose", tmp_path / "tagger", "--data", tmp_path / "text.conll")
    assert "characters.stack, layer 1" in said.out
    assert "stack, layer 1, backward" in said.out


def test_cells_are_compared(treadle, tmp_path):
    page = tmp_path / "page.html"
    said = treadle(
        "diagnose", "--compare", "elman", "gru", "--lag", "8", "--steps", "30", "--hidden", "4", "--out", page
    )
    assert said.code == 0
    assert "elman       " in said.out
    assert "gru, layer" not in said.out
    assert "Learning" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "takes a run folder, or --compare"),
        (["a", "b"], "takes one run folder, found 2"),
        (["--compare", "elmann"], "did you mean 'elman'?"),
        (["--compare", "elman", "--lag", "1"], "lag is at least 2"),
        (["--compare", "elman", "--data", "x"], "there is no --data"),
        (["nowhere"], "expected a model folder"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_refused(treadle, arguments, message):
    said = treadle("diagnose", *arguments)
    assert said.code == 2
    assert message in said.err
    assert len(said.err.splitlines()) == 1
