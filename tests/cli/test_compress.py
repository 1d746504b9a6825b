"""`treadle compress`: a folder that is really smaller, loads, streams, and says what it costs."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from treadle import LanguageModel, SequenceTagger, load
from treadle.errors import InputError
from treadle.nn.low_rank import Factors
from treadle.tasks.weights import from_bytes, to_bytes


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("abcabd" * 300)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory, lines):
    """A causal language model of characters, trained by the command line."""
    from treadle.tasks.run import start_run
    from treadle.tasks.source import DataSource

    folder = tmp_path_factory.mktemp("runs") / "model"
    arguments = {"unit": "char", "hidden_size": 32, "layers": 1, "epochs": 8, "learning_rate": 0.02, "cell": "gru"}
    start_run(DataSource(str(lines), task="language-model"), arguments, folder)
    return folder


def zeros(folder):
    weights = [p for p in load(folder).network_.parameters() if p.dim() >= 2]
    return sum(int((p == 0).sum()) for p in weights), sum(p.numel() for p in weights)


def test_zeros_are_exact_kept_by_fine_tuning_and_not_on_the_disk(treadle, model, tmp_path):
    said = treadle("compress", model, "--sparsity", "0.75", "--epochs", "4", "--out", tmp_path / "small")
    assert said.code == 0
    assert "75 % zeros" in said.out
    assert "dev loss" in said.out
    found, whole = zeros(tmp_path / "small")
    assert found / whole == pytest.approx(0.75, abs=0.01)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (model, tmp_path / "small")]
    assert sizes[1] < 0.45 * sizes[0]
    assert f"{sizes[0]:,} bytes before, {sizes[1]:,} after" in said.out
    assert load(tmp_path / "small").perplexity("abcabd" * 20) < 1.5 * load(model).perplexity("abcabd" * 20)


def test_factors_load_stream_and_go_on(treadle, model, tmp_path):
    said = treadle("compress", model, "--rank", "4", "--epochs", "2", "--out", tmp_path / "small")
    assert said.code == 0, said.err
    small = load(tmp_path / "small")
    cell = small.network_.stack.layers[0][0].cell
    assert isinstance(cell.weight_hh, Factors)
    assert cell.weight_hh.up.shape == (96, 4)
    assert small.network_.stack.explain().engine == "cpu"
    assert small.compression_.ranks == {"stack.layers.0.0.cell.weight_ih": 4, "stack.layers.0.0.cell.weight_hh": 4}
    stream = small.stream()
    for symbol in "abcab":
        answer = stream.step(symbol)
    expected = np.exp(small.next_log_probabilities("abcab").max())
    assert max(answer["next"].values()) == pytest.approx(expected, rel=1e-4)
    assert "LowRankGRUCell" in treadle("explain", tmp_path / "small").out
    assert "weight" in treadle("diagnose", tmp_path / "small").out
    small.save(tmp_path / "again")
    torch.testing.assert_close(
        load(tmp_path / "again").network_.state_dict(), small.network_.state_dict(), rtol=0, atol=0
    )


def test_a_curve_is_a_page_and_no_model(treadle, model, tmp_path):
    arguments = ["--sparsity", "0.5", "--sparsity", "0.8", "--rank", "4", "--epochs", "1"]
    said = treadle("compress", model, *arguments, "--curve", tmp_path / "curve.html")
    assert said.code == 0
    page = (tmp_path / "curve.html").read_text()
    assert "50 % zeros" in page
    assert "rank 4" in page
    assert [path.name for path in tmp_path.iterdir()] == ["curve.html"]


def test_another_task_is_compressed_too(treadle, run_folder, tmp_path):
    said = treadle("compress", run_folder.folder, "--sparsity", "0.5", "--epochs", "2", "--out", tmp_path / "small")
    assert "dev accuracy" in said.out
    (tmp_path / "one.csv").write_text("review\nthe film was fine\n")
    assert treadle("predict", tmp_path / "small", tmp_path / "one.csv").out.strip() in ("good", "bad")


def test_tensors_without_their_zeros_are_the_same_again():
    torch.manual_seed(0)
    weights = {"a": torch.randn(7, 13), "b": torch.randn(5), "c": torch.zeros(3, 3, 3), "d": torch.ones(4, 4)}
    weights["a"][torch.rand(7, 13) < 0.8] = 0
    found = from_bytes(to_bytes(weights, sparse=True))
    torch.testing.assert_close(found, weights, rtol=0, atol=0)
    assert len(to_bytes({"a": torch.zeros(512, 512)}, sparse=True)) < 0.04 * 512 * 512 * 4


@pytest.mark.parametrize("part", [":values", ":mask", ":shape"])
def test_a_folder_whose_parts_do_not_fit_is_refused(treadle, model, tmp_path, part):
    treadle("compress", model, "--sparsity", "0.8", "--epochs", "0", "--out", tmp_path / "small")
    path = tmp_path / "small" / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith(part))
    tensors[name] = tensors[name][:-1].clone() if part != ":shape" else torch.tensor([1 << 40, 1 << 40])
    save_file(tensors, path)
    with pytest.raises(InputError, match="do not fit"):
        load(tmp_path / "small")


def test_ranks_that_no_matrix_has_are_refused(treadle, model, tmp_path):
    treadle("compress", model, "--rank", "4", "--epochs", "0", "--out", tmp_path / "small")
    path = tmp_path / "small" / "features.json"
    content = json.loads(path.read_text())
    content["compression"]["ranks"]["stack.layers.0.0.cell.weight_hh"] = 1 << 40
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="rank"):
        load(tmp_path / "small")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sparsity", "0.5"], "--out FOLDER, or a picture"),
        (["--out", "small"], "expected one of --sparsity"),
        (["--sparsity", "0.5", "--rank", "4", "--out", "small"], "several are for --curve"),
        (["--sparsity", "1.5", "--out", "small"], "sparsity is 1.5"),
        (["--rank", "4000", "--out", "small"], "no matrix of a cell would get smaller"),
        (["--sparsity", "0.5", "--scope", "row", "--out", "small"], "'layer' or 'global'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_refused(treadle, model, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    said = treadle("compress", model, *arguments)
    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "small").exists()


def test_a_full_folder_and_a_folder_without_a_run_are_refused(treadle, model, tmp_path):
    assert "new or empty folder" in treadle("compress", model, "--rank", "4", "--out", model).err
    tagger = SequenceTagger(hidden_size=4, epochs=1).fit([["a", "b"]] * 4, [["O", "X"]] * 4)
    tagger.save(tmp_path / "tagger")
    said = treadle("compress", tmp_path / "tagger", "--rank", "1", "--out", tmp_path / "small")
    assert "does not say on which data" in said.err
    assert isinstance(load(model), LanguageModel)
