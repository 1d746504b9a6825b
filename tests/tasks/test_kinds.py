"""Every kind of input and of answer is learnt."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from examples import KINDS, chinese, series, small, symbols, texts

import treadle
from treadle import SequenceClassifier, SequenceRegressor
from treadle.data import Kind
from treadle.errors import InputError
from treadle.nn import POOLINGS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_learnt(kind):
    x, y = KINDS[kind](120)
    model = small().fit(x[:80], y[:80])
    assert model.features_["input"].kind == {"chinese": "text"}.get(kind, kind)
    assert model.score(x[80:], y[80:]) >= 0.9


def test_chinese_is_read_by_character_without_being_told():
    encoder = small(epochs=1).fit(*chinese(20)).features_["input"].encoder
    assert encoder.unit == "char"
    assert "好" in encoder.vocabulary.tokens


def test_dna_is_read_by_symbol_without_being_told():
    model = small(epochs=1).fit(*symbols(20))
    assert model.features_["input"].size == 2 + len("ACGT")


@pytest.mark.parametrize("unit", ["char", "subword", "word"])
def test_units_can_be_chosen(unit):
    x, y = texts(60)
    model = small(unit=unit, vocabulary_size=100, epochs=20).fit(x, y)
    assert model.features_["input"].encoder.unit == unit
    assert model.score(x, y) >= 0.9


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_every_pooling_and_cell_learns(pooling, cell):
    x, y = series(80)
    assert small(pooling=pooling, cell=cell).fit(x, y).score(x, y) >= 0.9


@pytest.mark.parametrize("options", [{"bidirectional": False}, {"layers": 2, "residual": True}, {"engine": "eager"}])
def test_shapes_of_the_network(options):
    x, y = series(60)
    assert small(**options).fit(x, y).score(x, y) >= 0.9


def test_several_classes():
    x, y = texts(60)
    third = ["so " + row for row in series_of_words("odd", 30)]
    x, y = x + third, y + ["odd"] * 30
    model = small(epochs=20).fit(x, y)
    assert model.classes_.tolist() == ["bad", "good", "odd"]
    assert model.score(x, y) >= 0.9
    assert np.allclose(model.predict_proba(x).sum(1), 1)


def series_of_words(word: str, rows: int) -> list[str]:
    return [f"the plot {'and ' * (row % 5)}{word} it" for row in range(rows)]


@pytest.mark.parametrize("classes", [[0, 1], [True, False], ["no", "yes"], [7, -2]], ids=str)
def test_predictions_are_the_labels_that_were_given(classes):
    x, y = texts(40)
    labels = [classes[label == "good"] for label in y]
    predicted = small(epochs=15).fit(x, labels).predict(x).tolist()
    assert predicted == labels
    assert type(predicted[0]) is type(labels[0])


@pytest.fixture(params=["dict", "pandas", "polars"])
def fused(request):
    """A text and a numeric sequence a row; the label is "both" only where the text is good and the series rises."""
    sentences, moods = texts(160, seed=5)
    numbers, ways = series(160)
    order = np.random.default_rng(6).permutation(160)
    numbers, ways = [numbers[i][:, 0].tolist() for i in order], [ways[i] for i in order]
    y = ["both" if (mood, way) == ("good", "up") else "other" for mood, way in zip(moods, ways, strict=True)]
    columns = {"review": sentences, "sensor": numbers}
    return {"dict": dict, "pandas": pd.DataFrame, "polars": pl.DataFrame}[request.param](columns), y


def test_a_text_and_a_series_are_fused(fused):
    x, y = fused
    model = small(epochs=30, class_weight="balanced").fit(x, y)
    assert {name: feature.kind for name, feature in model.features_.items()} == {
        "review": Kind.TEXT,
        "sensor": Kind.SERIES,
    }
    assert model.score(x, y) >= 0.95  # either column alone leaves at least a quarter of the rows to chance


def test_a_missing_column_names_the_nearest():
    x, y = texts(20)
    model = small(epochs=1).fit({"review": x, "title": x}, y)
    with pytest.raises(InputError, match=r"no column 'review', which the model was trained on; did you mean 'reviews'"):
        model.predict({"reviews": x, "title": x})


def test_columns_may_come_in_another_order_and_with_others():
    x, y = texts(20)
    other, _ = texts(20, seed=9)
    model = small(epochs=2).fit({"a": x, "b": other}, y)
    assert (model.predict_proba({"b": other, "spare": x, "a": x}) == model.predict_proba({"a": x, "b": other})).all()


def test_missing_numbers_are_read_as_such():
    """Where half of the values are missing, which ones are is the whole information."""
    random = np.random.default_rng(7)
    y = [row % 2 for row in range(120)]
    x = []
    for label in y:
        one = random.normal(size=(10, 1))
        one[(slice(0, 5) if label else slice(5, 10)), 0] = np.nan
        x.append(one)
    model = small(epochs=20).fit(x, y)
    assert model.score(x, y) >= 0.95
    assert np.isfinite(model.predict_proba([np.full((4, 1), np.nan)])).all()


def test_missing_texts_are_empty_texts():
    x, y = texts(40)
    x = [None, "", *x]
    y = ["bad", "good", *y]
    model = small(epochs=2).fit(x, y)
    proba = model.predict_proba([None, "", "   "])
    assert np.isfinite(proba).all()
    assert (proba[0] == proba[1]).all()


def test_max_length_ends_what_is_read():
    x, y = texts(40)
    model = small(epochs=3, max_length=3).fit(x, y)
    assert (model.predict_proba(["a fine film"]) == model.predict_proba(["a fine film " + "dull " * 50])).all()


def test_lower_case_is_an_option():
    x, y = texts(40)
    folded, exact = small(epochs=2).fit(x, y), small(epochs=2, lowercase=False).fit(x, y)
    assert (folded.predict_proba(["FINE"]) == folded.predict_proba(["fine"])).all()
    assert (exact.predict_proba(["FINE"]) != exact.predict_proba(["fine"])).any()


def test_a_number_is_predicted_in_its_own_unit():
    """Between one and two million, at a thousandth of that error."""
    levels = np.linspace(-1, 1, 96)
    x = [np.full((4 + row % 3, 1), level) for row, level in enumerate(levels)]
    y = 1.5e6 + 0.5e6 * levels
    options = {"hidden_size": 16, "dropout": 0.0, "epochs": 60, "learning_rate": 0.01, "batch_size": 8}
    model = SequenceRegressor(**options).fit(x, y)
    assert model.score(x, y) > 0.98
    shifted = SequenceRegressor(**options).fit(x, y * 1e-6)
    assert np.allclose(shifted.predict(x) * 1e6, model.predict(x), rtol=1e-3)


def test_a_number_is_predicted_from_a_text():
    x, y = texts(80)
    model = SequenceRegressor(hidden_size=12, embedding_size=12, dropout=0.0, epochs=20, learning_rate=0.02)
    assert model.fit(x, [3.5 if label == "good" else -1.0 for label in y]).score(x, [3.5, -1.0] * 40) > 0.8


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (["a", "b"], ["x"], "there are 2 rows and 1 targets, expected equally many"),
        (["a b", "b"], ["x", "x"], "all rows have one class, 'x'; expected at least two classes"),
        ([3.0, 4.0], [0, 1], "Expected 2D array"),
        ([], [], "the data has no row"),
        (iter(()), [0, 1], "the data is of type tuple_iterator, expected a list of sequences"),
        (["a b", "b"], ["x", None], "the target of row 1 is missing, expected a label in every row"),
        ([[[1, 2], [3, 4]], [[1, 2, 3]]], [0, 1], "row 1 (counted from 0), column 'input': the series has 3 channels"),
        ([["a", "b"], "text"], [0, 1], "column 'input' holds cells of type list, str, expected texts, lists"),
        ([[1.0, np.inf], [1.0]], [0, 1], "row 0 (counted from 0)"),
        (["", None], [0, 1], "column 'input' is empty in every row, expected sequences"),
        ("one text", [0], "the data is of type str, expected a list of sequences, one a row"),
        ([["a"], [1]], [0, 1], "column 'input' holds cells of type"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,  # an iterator's str is its address
)
def test_what_cannot_be_trained_on_is_refused(x, y, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the sentence is checked below)
        small(epochs=1).fit(x, y)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "labels",
    [
        ["x", "y", None],
        ["x", "y", np.nan],
        np.array(["x", "y", np.nan], dtype=object),
        np.array([0.0, 1.0, np.nan]),
        np.ma.masked_array(["x", "y", "x"], [False, False, True]),
        pd.Series(["x", "y", None]),
        pd.Series(["x", "y", None], dtype="string"),
        pd.Series(["x", "y", None], dtype="category"),
        pd.array([0, 1, None], dtype="Int64"),
        pd.array([False, True, None], dtype="boolean"),
        [0, 1, pd.NaT],
        pl.Series(["x", "y", None]),
    ],
    ids=lambda labels: f"{type(labels).__module__}.{getattr(labels, 'dtype', '')}",
)
def test_a_missing_label_is_no_class(labels):
    with pytest.raises(InputError, match="the target of row 2 is missing, expected a label in every row"):
        small(epochs=1).fit(["a", "b", "c"], labels)


def test_a_number_that_a_mask_hides_is_no_target():
    with pytest.raises(InputError, match="the target of row 2 is nan, expected a finite number"):
        SequenceRegressor(epochs=1).fit(["a", "b", "c"], np.ma.masked_array([1.0, 2.0, 3.0], [False, False, True]))


@pytest.mark.parametrize("labels", [pd.array([0, 1] * 5, dtype="Int64"), pd.Series([0, 1] * 5), np.array([0, 1] * 5)])
def test_whole_numbers_stay_whole(labels):
    assert small(epochs=1).fit(["a", "b"] * 5, labels).classes_.tolist() == [0, 1]


def test_text_where_numbers_were_trained_on():
    x, y = series(20)
    model = small(epochs=1).fit(x, y)
    with pytest.raises(InputError, match=r"row 0 .*, column 'input': found 'a text', expected numbers"):
        model.predict(["a text"])
    with pytest.raises(InputError, match=r"row 0 .*3 channels, expected 2"):
        model.predict([np.zeros((4, 3))])


def test_tensors_are_arrays():
    x, y = series(20)
    model = small(epochs=1).fit([torch.from_numpy(row) for row in x], y)
    expected = small(epochs=1).fit(x, y).predict_proba(x)
    assert (model.predict_proba([torch.from_numpy(row) for row in x]) == expected).all()
    assert model.predict(torch.zeros(3, 7, 2)).shape == (3,)


def test_a_few_rows_are_enough_to_train():
    assert SequenceClassifier(epochs=1, hidden_size=4).fit(["a b", "c d"], [0, 1]).predict(["a"]).shape == (1,)
    assert SequenceRegressor(epochs=1, hidden_size=4).fit(["a b", "c d"], [0.5, 1]).predict(["a"]).shape == (1,)


def test_what_a_mask_hides_is_missing():
    x, y = series(20)
    steps = min(map(len, x))
    numbers = np.stack([one[:steps] for one in x])
    hidden = np.random.default_rng(0).random(numbers.shape) < 0.2
    masked, missing = np.ma.masked_array(numbers, hidden), np.where(hidden, np.nan, numbers)
    model = small(epochs=1).fit(masked, y)
    assert (model.predict_proba(masked) == model.predict_proba(missing)).all()
    assert (model.predict_proba(list(masked)) == model.predict_proba(missing)).all()
    assert (model.predict_proba({"input": masked}) == model.predict_proba(missing)).all()
    assert (small(epochs=1).fit(missing, y).predict_proba(missing) == model.predict_proba(missing)).all()


def test_a_list_is_the_only_input_of_a_model_whatever_its_column_is_called(tmp_path):
    x, y = texts(20)
    small(epochs=1).fit({"review": x}, y).save(tmp_path)
    loaded = treadle.load(tmp_path)
    assert (loaded.predict_proba(x) == loaded.predict_proba({"review": x})).all()
    with pytest.raises(InputError, match="there is no column 'review', which the model was trained on"):
        loaded.predict({"text": x})
