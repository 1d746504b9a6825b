"""`treadle predict --saliency`."""

import json

from treadle import Translator


def test_the_command_line_says_it_too(treadle, run_folder, tmp_path):
    data = tmp_path / "one.csv"
    data.write_text("review\nthe film was fine\n")
    said = treadle("predict", run_folder.folder, data, "--saliency")
    assert said.out.startswith("good\tfine +")
    answer = json.loads(treadle("predict", run_folder.folder, data, "--saliency", "--json").out)
    assert answer["saliency"]["parts"][0]["tokens"] == ["the", "film", "was", "fine"]


def test_a_task_without_it_says_so(treadle, tmp_path):
    model = Translator(hidden_size=8, epochs=1).fit(["a b", "b a"] * 4, ["x y", "y x"] * 4)
    model.save(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("a b\n")
    said = treadle("predict", tmp_path / "model", tmp_path / "texts.txt", "--saliency")
    assert (said.code, "no option 'saliency'" in said.err) == (2, True)


def test_a_model_in_8_bits_has_no_gradients(treadle, run_folder, tmp_path):
    data = tmp_path / "one.csv"
    data.write_text("review\nthe film was fine\n")
    treadle("export", run_folder.folder, "--to", "int8", "--out", tmp_path / "small")
    said = treadle("predict", tmp_path / "small", data, "--saliency")
    assert (said.code, "--saliency takes gradients, which a model in 8 bits has not" in said.err) == (2, True)
