"""`treadle export`: what it says, and what it refuses."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace


def test_a_run_folder_becomes_files(
    treadle: Callable[..., SimpleNamespace], run_folder: SimpleNamespace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = treadle("export", run_folder.folder, "--to", "onnx", "--out", out)
    assert said.code == 0
    assert "largest difference from Treadle: " in said.out
    assert {path.name for path in out.iterdir()} == {"model.onnx", "preprocessing.json"}

    again = treadle("export", run_folder.folder, "--to", "onnx", "--out", out)
    assert (again.code, again.out) == (2, "")
    assert again.err == f"treadle: {out}: is there already and is not an empty folder, expected a new one\n"


def test_a_format_or_a_folder_that_does_not_exist_is_refused_in_a_sentence(
    treadle: Callable[..., SimpleNamespace], tmp_path: Path
) -> None:
    for folder, form, why in (("none", "onnx", "none"), ("none", "onyx", "there is no format 'onyx'")):
        said = treadle("export", tmp_path / folder, "--to", form, "--out", tmp_path / "out")
        assert said.code == 2
        assert why in said.err
        assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
