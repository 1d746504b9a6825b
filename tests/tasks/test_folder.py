"""A saved model answers as before; a damaged folder is refused in one sentence, by Python and by the command line."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from examples import KINDS, series, small, texts
from safetensors.torch import load_file, save_file

import treadle
from treadle import SequenceClassifier, SequenceRegressor
from treadle.cli import main
from treadle.errors import InputError
from treadle.tasks import config, folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_every_kind_comes_back_the_same(tmp_path, kind):
    x, y = KINDS[kind](30)
    model = small(epochs=2).fit(x, y)
    model.save(tmp_path / "model folder")
    loaded = treadle.load(tmp_path / "model folder")
    assert type(loaded) is SequenceClassifier
    assert loaded.get_params() == model.get_params()
    assert (loaded.predict_proba(x) == model.predict_proba(x)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"unit": "subword", "vocabulary_size": 60},
        {"layers": 2, "residual": True, "bidirectional": False, "pooling": "last"},
        {"cell": "gru", "pooling": "attention", "max_length": 4, "lowercase": False},
        {"class_weight": "balanced"},
        {"class_weight": {"good": 2.0, "bad": 0.5}},
    ],
    ids=str,
)
def test_arguments_come_back(tmp_path, options):
    x, y = texts(30)
    model = small(epochs=1, **options).fit(x, y)
    model.save(tmp_path)
    loaded = treadle.load(str(tmp_path))
    assert loaded.get_params() == model.get_params()
    assert (loaded.predict_proba(x) == model.predict_proba(x)).all()


@pytest.mark.parametrize("classes", [["b", "a"], [3, -1], [True, False], [1.0, 2.0], ["好", "差"]], ids=str)
def test_classes_come_back_with_their_type(tmp_path, classes):
    x, y = texts(20)
    model = small(epochs=1, class_weight={classes[0]: 2.0}).fit(x, [classes[label == "good"] for label in y])
    model.save(tmp_path)
    loaded = SequenceClassifier.load(tmp_path)
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert type(loaded.predict(x).tolist()[0]) is type(classes[0])
    assert loaded.class_weight == model.class_weight


def test_missing_values_several_columns_labels_and_numbers_come_back(tmp_path):
    numbers, _ = series(20)
    numbers[3][1, 0] = np.nan
    sentences, _ = texts(20)
    columns = {"sensor": numbers, "review": sentences}
    many = small(epochs=1, fill="linear", scaling="minmax", clip_outliers=4.0).fit(columns, [["a"], ["a", "b"]] * 10)
    number = SequenceRegressor(epochs=1, hidden_size=4).fit(columns, np.linspace(0, 1e6, 20))
    for place, model in enumerate((many, number)):
        model.save(tmp_path / str(place))
        assert (treadle.load(tmp_path / str(place)).predict(columns) == model.predict(columns)).all()


def test_an_estimator_of_ones_own_is_opened_by_the_name_of_its_task(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "ESTIMATORS", known := dict(config.ESTIMATORS))
    monkeypatch.setattr(config, "ESTIMATORS", known)

    class Mood(SequenceClassifier):
        task = "mood"

        def __init__(self, *, calm: float = 0.5, **options):
            super().__init__(**options)
            self.calm = calm

    x, y = texts(20)
    model = Mood(hidden_size=4, epochs=1, calm=0.25).fit(x, y)
    model.save(tmp_path)
    loaded = treadle.load(tmp_path)
    assert type(loaded) is Mood
    assert loaded.get_params() == model.get_params()
    assert (loaded.predict_proba(x) == model.predict_proba(x)).all()


def test_rows_of_a_matrix_keep_their_number_of_features(tmp_path):
    x = np.random.default_rng(0).normal(size=(20, 6))
    small(epochs=1).fit(x, [0, 1] * 10).save(tmp_path)
    with pytest.raises(ValueError, match="X has 5 features, but SequenceClassifier is expecting 6"):
        treadle.load(tmp_path).predict(x[:, :5])


def test_nothing_in_the_folder_is_a_pickle(tmp_path):
    small(epochs=1).fit(*texts(20)).save(tmp_path)
    files = {path.name for path in tmp_path.rglob("*")}
    assert files == {"config.toml", "features.json", "model.safetensors"}
    assert not any(path.read_bytes().startswith((b"\x80", b"PK")) for path in tmp_path.iterdir())


def test_a_model_of_another_task_is_not_taken(tmp_path):
    small(epochs=1).fit(*texts(20)).save(tmp_path)
    with pytest.raises(InputError, match="holds a SequenceClassifier, expected a SequenceRegressor"):
        SequenceRegressor.load(tmp_path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    small(epochs=1).fit(*texts(20)).save(folder)
    return folder


Damage = Callable[[Path], object]


def _edit(name: str, old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_text()
        assert old in content
        (folder / name).write_text(content.replace(old, new, 1))

    return damage


def _edit_json(change: Callable[[dict[str, object]], object]) -> Damage:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "features.json").read_text())
        change(content)
        (folder / "features.json").write_text(json.dumps(content))

    return damage


def _cut(name: str, size: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def _one_bit(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-2] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def _other_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name, tensor = weights.popitem()
    save_file({**weights, name: tensor[:-1].contiguous() if tensor.dim() else tensor}, folder / "model.safetensors")


def _a_file_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "missing": (shutil.rmtree, "found nothing, expected a model folder"),
    "a file instead": (_a_file_instead, "found a file, expected a model folder"),
    "empty": (_empty, "holds no config.toml, expected a model folder"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "holds no model.safetensors; training did not come"),
    "no features": (lambda f: (f / "features.json").unlink(), "holds no features.json; training did not come to"),
    "weights cut short": (_cut("model.safetensors", 400), "model.safetensors: damaged or cut short"),
    "weights empty": (_cut("model.safetensors", 0), "model.safetensors: damaged or cut short"),
    "weights with another bit": (_one_bit, "its checksum is wrong"),
    "weights of another size": (_other_weights, "the weights do not fit config.toml and features.json beside it"),
    "features cut short": (_cut("features.json", 100), "features.json: damaged or cut short"),
    "features not text": (lambda f: (f / "features.json").write_bytes(b"\xff\xfe\xfd"), "features.json: damaged"),
    "features a list": (lambda f: (f / "features.json").write_text("[]"), "damaged, expected a JSON object"),
    "features without target": (_edit_json(lambda c: c.pop("target")), "features.json: damaged"),
    "features of unknown kind": (_edit_json(lambda c: c["features"]["input"].update(kind="smell")), "damaged"),
    "features without encoder": (_edit_json(lambda c: c["features"]["input"].pop("encoder")), "damaged"),
    "features none": (_edit_json(lambda c: c.update(features=None)), "features.json: damaged"),
    "features empty": (_edit_json(lambda c: c.update(features={})), "features.json: damaged"),
    "classes of no kind": (_edit_json(lambda c: c["target"].update(kind="odd")), "damaged"),
    "classes a number": (_edit_json(lambda c: c["target"].update(classes=3)), "damaged"),
    "classes nested": (_edit_json(lambda c: c["target"].update(classes=[[1], [2, 3]])), "damaged"),
    "roles of no form": (_edit_json(lambda c: c.update(roles={"inputs": 3})), "features.json: damaged"),
    "length of no number": (_edit_json(lambda c: c["features"]["input"].update(max_length="x")), "damaged"),
    "config cut short": (_cut("config.toml", 60), "config.toml: damaged"),
    "config not text": (lambda f: (f / "config.toml").write_bytes(b"\xff"), "config.toml: damaged"),
    "config without format": (_edit("config.toml", "format = 1\n", ""), "expected an entry 'format'"),
    "newer": (_edit("config.toml", "format = 1", "format = 2"), "in format 2; this is Treadle"),
    "another task": (_edit("config.toml", 'task = "classify"', 'task = "dance"'), "config.toml"),
    "task of no form": (_edit("config.toml", 'task = "classify"', "task = [1]"), "config.toml"),
    "unknown argument": (_edit("config.toml", "hidden_size =", "hiden_size ="), "did you mean 'hidden_size'?"),
    "argument out of range": (_edit("config.toml", "hidden_size = 12", "hidden_size = 0"), "hidden_size is 0"),
    "argument of another type": (_edit("config.toml", 'cell = "lstm"', "cell = 3"), "cell is 3, expected"),
    "another cell": (_edit("config.toml", 'cell = "lstm"', 'cell = "gru"'), "the weights do not fit config.toml"),
    "no arguments": (_edit("config.toml", "[arguments]", "[options]"), "expected an entry 'arguments'"),
    "arguments a number": (
        lambda f: (f / "config.toml").write_text('format = 1\ntask = "classify"\narguments = 3\ndata = 3\n'),
        "config.toml: damaged",
    ),
}  # fmt: skip


@pytest.fixture(params=DAMAGES)
def damaged(request, sound, tmp_path):
    damage, sentence = DAMAGES[request.param]
    folder = tmp_path / "model"
    shutil.copytree(sound, folder)
    damage(folder)
    return folder, sentence


def test_damage_is_one_sentence_in_python(damaged):
    folder, sentence = damaged
    with pytest.raises(InputError) as caught:
        treadle.load(folder)
    assert sentence in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count(str(folder)) == 1 or "holds no" not in sentence


def test_damage_is_one_sentence_and_exit_code_2_on_the_command_line(damaged, monkeypatch, capsys):
    folder, sentence = damaged
    monkeypatch.setattr(sys, "argv", ["treadle", "predict", str(folder), "-"])
    assert main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("treadle: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_a_model_of_python_objects_reads_no_file(sound, tmp_path, monkeypatch, capsys):
    (tmp_path / "x.csv").write_text("text,label\na,b\n")
    monkeypatch.setattr(sys, "argv", ["treadle", "predict", str(sound), str(tmp_path / "x.csv")])
    assert main() == 2
    assert "was trained on Python objects, not on a file" in capsys.readouterr().err
