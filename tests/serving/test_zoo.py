"""A server opens what it was given and nothing else: links, ways out and damaged folders are refused in a sentence."""

import os
import shutil
from pathlib import Path

import pytest

from treadle.errors import InputError
from treadle.serving import create_app, open_zoo
from treadle.serving.zoo import open_model_folder


@pytest.fixture
def mood(zoo: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(zoo / "mood", tmp_path / "zoo" / "mood"))


def test_a_folder_of_models_lists_those_in_it_and_says_which_cannot_be_served(mood: Path, zoo: Path) -> None:
    folder = mood.parent
    shutil.copytree(zoo / "poet", folder / "poet")
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("nothing")
    shutil.copytree(zoo / "level", folder / "broken")
    (folder / "broken" / "features.json").write_text("{")
    (folder / "away").symlink_to(zoo / "names")
    said: list[str] = []
    opened = open_zoo([folder], said.append)
    assert [one.name for one in opened] == ["mood", "poet"]
    assert len(said) == 2
    assert "away: is a link" in said[0]
    assert "features.json: damaged" in said[1]
    assert [one.name for one in open_zoo([folder / "mood", zoo / "poet"], pytest.fail)] == ["mood", "poet"]


@pytest.mark.parametrize("name", ["config.toml", "features.json", "model.safetensors"])
def test_a_file_that_is_a_link_is_not_followed(mood: Path, tmp_path: Path, name: str) -> None:
    moved = tmp_path / "elsewhere"
    (mood / name).rename(moved)
    (mood / name).symlink_to(moved)
    with pytest.raises(InputError, match=f"{name}: is a link"):
        open_zoo([mood], pytest.fail)
    (mood / name).unlink()
    (mood / name).symlink_to("../../elsewhere")
    with pytest.raises(InputError, match=f"{name}: is a link"):
        open_zoo([mood], pytest.fail)


def test_a_file_that_never_ends_is_not_waited_for(mood: Path) -> None:
    (mood / "features.json").unlink()
    os.mkfifo(mood / "features.json")
    with pytest.raises(InputError, match="is no plain file"):
        open_zoo([mood], pytest.fail)


def test_a_model_that_would_read_elsewhere_is_refused(zoo: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(zoo / "tones", tmp_path / "served" / "tones"))
    config = (folder / "config.toml").read_text()
    secret = tmp_path / "secret.txt"
    secret.write_text("low mid\n")
    for named in (str(secret), f"{folder}/../../secret.txt", "/etc/passwd"):
        (folder / "config.toml").write_text(
            config.replace("beam_size = 1", f'beam_size = 4\nlanguage_model = "{named}"')
        )
        with pytest.raises(InputError, match="outside of the folders that are served"):
            open_zoo([folder], pytest.fail)
    inside = folder.parent / "words.txt"
    inside.write_text("low mid\n")
    (folder / "config.toml").write_text(config.replace("beam_size = 1", f'beam_size = 4\nlanguage_model = "{inside}"'))
    assert len(open_zoo([folder.parent], pytest.fail)) == 1


def test_places_without_a_model(mood: Path, tmp_path: Path, zoo: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place, sentence in {
        tmp_path / "empty": "holds no model",
        tmp_path / "nowhere": "found nothing",
        mood / "config.toml": "found a file",
    }.items():
        with pytest.raises(InputError, match=sentence):
            open_zoo([place], pytest.fail)
    with pytest.raises(InputError, match="have one name"):
        open_zoo([mood, zoo / "mood"], pytest.fail)
    (mood / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no model\.safetensors"):
        open_model_folder(mood, [mood])
    with pytest.raises(InputError, match="no model that can be served"):
        create_app([])
