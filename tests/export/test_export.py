"""Exporting is all or nothing."""

from pathlib import Path
from types import ModuleType

import pytest

from treadle import export as package
from treadle.errors import InputError
from treadle.export import export


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A format "made-up" whose writer a test defines."""
    module = ModuleType("made_up")
    monkeypatch.setitem(package.FORMATS, "made-up", "made_up")
    monkeypatch.setitem(__import__("sys").modules, "made_up", module)
    return module


def test_an_unknown_format_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no format 'onyx'; did you mean 'onnx'"):
        export(object(), "onyx", tmp_path / "out")


def test_files_come_into_a_new_or_an_empty_folder(made_up: ModuleType, tmp_path: Path) -> None:
    def write(estimator: object, folder: Path) -> list[str]:
        (folder / "file").write_text("content")
        return ["file"]

    made_up.write = write
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty", "deep/er"):
        assert export(object(), "made-up", tmp_path / name) == ["file"]
        assert [path.name for path in (tmp_path / name).iterdir()] == ["file"]
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o755
    assert not list(tmp_path.glob(".*"))


def test_what_is_there_is_never_overwritten(made_up: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    for out in (tmp_path, tmp_path / "mine"):
        with pytest.raises(InputError, match="is there already"):
            export(object(), "made-up", out)
    assert (tmp_path / "mine").read_text() == "kept"


def test_an_error_leaves_nothing_behind(made_up: ModuleType, tmp_path: Path) -> None:
    def write(estimator: object, folder: Path) -> list[str]:
        (folder / "file").write_text("content")
        raise InputError("it answers differently")

    made_up.write = write
    with pytest.raises(InputError, match="answers differently"):
        export(object(), "made-up", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(package.FORMATS, "odd", "no_such_package")
    with pytest.raises(InputError, match=r"needs the package no_such_package.*treadle\[export\]"):
        export(object(), "odd", tmp_path / "out")
