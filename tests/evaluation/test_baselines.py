import csv
import subprocess
import sys

import numpy as np
import pytest

from treadle.evaluation.baselines import baseline, floor
from treadle.evaluation.baselines.text import unspaced_share, word_tokens
from treadle.evaluation.scores import Predictions, score

PLUS = ["a lovely film", "lovely and warm", "a warm lovely story", "so warm"]
MINUS = ["a dull film", "dull and cold", "a cold dull story", "so cold"]


def accuracy(kind, values, y, test_values, test_y) -> float:
    classes = sorted(set(y))
    model = baseline("classify").fit({"x": (kind, values)}, y, classes)
    return score("classify", Predictions(test_y, model.predict({"x": (kind, test_values)}), classes))["accuracy"].value


def waves(rows: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """Slow and fast waves of different lengths, one in ten values missing."""
    rng = np.random.default_rng(seed)
    series, labels = [], []
    for row in range(rows):
        length = int(rng.integers(20, 60))
        x = np.sin(np.arange(length) * (0.2 if row % 2 else 1.5) + rng.random())[:, None] + rng.normal(
            0, 0.1, (length, 2)
        )
        x[rng.random(x.shape) < 0.1] = np.nan
        series.append(x)
        labels.append("slow" if row % 2 else "fast")
    return series, labels


@pytest.mark.parametrize(
    ("kind", "plus", "minus"),
    [
        ("text", PLUS, MINUS),
        ("text", ["味道很好吃", "很好吃,快", "真好吃啊"], ["太难吃了", "送得慢难吃", "真难吃啊"]),
        ("tokens", [text.split() for text in PLUS], [text.split() for text in MINUS]),
        ("symbols", ["ACGTTTACG", "GGTTTACA", "TTTACCCA"], ["ACGCACACG", "GGCACACA", "CACACCCA"]),
        ("series", [np.array([1.0, 2, 3]), np.array([2.0, 3, 4, 5]), np.array([0.0, 1])],
         [np.array([3.0, 2, 1]), np.array([5.0, 4, 3, 2]), np.array([1.0, 0])]),
    ],
)  # fmt: skip
def test_every_kind_of_column_is_learnt(kind, plus, minus):
    y = ["+"] * len(plus) + ["-"] * len(minus)
    assert accuracy(kind, plus + minus, y, plus + minus, y) == 1.0


def test_series_of_different_lengths_with_gaps():
    assert accuracy("series", *waves(80, 0), *waves(80, 1)) >= 0.95


def test_a_series_without_a_single_value_and_one_without_steps_are_answered():
    series, labels = waves(40, 2)
    model = baseline("classify").fit({"x": ("series", series)}, labels, ["fast", "slow"])
    p = model.predict({"x": ("series", [np.full((5, 2), np.nan), np.empty((0, 2)), np.ones((1, 2))])})
    assert np.isfinite(p).all()


def test_chinese_is_read_by_characters_and_names_are_too():
    chinese = baseline("classify").fit({"x": ("text", ["很好吃", "难吃 very"])}, ["+", "-"], ["+", "-"])
    names = baseline("classify").fit({"x": ("text", ["Ivanov", "Smith"])}, ["ru", "en"], ["ru", "en"])
    english = baseline("classify").fit({"x": ("text", ["good food 好", "bad old food"])}, ["+", "-"], ["+", "-"])
    assert "character" in chinese.description
    assert "character" in names.description
    assert "word" in english.description


def test_the_share_of_scripts_without_spaces():
    assert unspaced_share(["很好吃"]) == 1.0
    assert unspaced_share(["とても おいしい"]) == 1.0
    assert unspaced_share(["very good"]) == 0.0
    assert unspaced_share(["ab 好吃"]) == 0.5
    assert unspaced_share(["123 !"]) == 0.0


def test_line_breaks_of_html_are_not_words():
    assert word_tokens("Good.<br /><BR>Bad") == ["good", ".", "bad"]


def test_where_symbols_are_aligned_their_position_counts():
    rng = np.random.default_rng(5)
    rows = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(400)]
    y = ["yes" if row[12] in "AC" else "no" for row in rows]
    assert accuracy("symbols", rows[:300], y[:300], rows[300:], y[300:]) >= 0.95


def test_columns_of_two_kinds_are_used_together():
    series, waves_of = waves(80, 6)
    words = ["warm"] * 40 + ["cold"] * 40
    y = [f"{word} {wave}" for word, wave in zip(words, waves_of, strict=True)]
    columns = {"note": ("text", [f"it was {word} today" for word in words]), "signal": ("series", series)}
    classes = sorted(set(y))
    model = baseline("classify").fit(columns, y, classes)
    said = [classes[k] for k in model.predict(columns).argmax(1)]
    assert said == y
    assert model.name == "TF-IDF + summary features + logistic regression"


def test_probabilities_follow_the_order_of_classes_and_sum_to_one():
    columns = {"x": ("text", PLUS + MINUS)}
    y = ["+"] * 4 + ["-"] * 4
    p = baseline("classify").fit(columns, y, ["-", "never", "+"]).predict(columns)
    assert p.shape == (8, 3)
    assert p.sum(1) == pytest.approx(np.ones(8))
    assert (p[:, 1] == 0).all()
    assert (p[:4].argmax(1) == 2).all()


def test_an_answer_does_not_depend_on_the_rows_beside_it():
    series, labels = waves(40, 7)
    model = baseline("classify").fit({"x": ("series", series)}, labels, ["fast", "slow"])
    together = model.predict({"x": ("series", series)})
    alone = np.concatenate([model.predict({"x": ("series", [one])}) for one in series])
    np.testing.assert_allclose(alone, together, rtol=1e-5)


def test_two_fits_are_equal():
    columns = {"x": ("text", PLUS + MINUS)}
    y = ["+"] * 4 + ["-"] * 4
    fits = [baseline("classify").fit(columns, y, ["+", "-"]).predict(columns) for _ in range(2)]
    np.testing.assert_array_equal(*fits)


def test_texts_without_a_word_do_not_stop_it():
    columns = {"x": ("text", ["", " ", "", ""])}
    p = baseline("classify").fit(columns, ["a", "a", "a", "b"], ["a", "b"]).predict(columns)
    assert (p.argmax(1) == 0).all()


def test_several_labels_a_row_one_of_them_on_every_row():
    texts = ["red round", "red square", "blue round", "blue square"] * 5
    y = [[*text.split(), "thing"] for text in texts]
    classes = ["blue", "red", "round", "square", "thing", "never"]
    model = baseline("multilabel").fit({"x": ("text", texts)}, y, classes)
    scores = score("multilabel", Predictions(y, model.predict({"x": ("text", texts)}), classes))
    assert scores["subset_accuracy"].value == 1.0


@pytest.mark.parametrize("kind", ["series", "text"])
def test_numbers_are_predicted_from_series_and_from_text(kind):
    rng = np.random.default_rng(8)
    y = rng.normal(10, 3, 120)
    if kind == "series":
        values = [np.full(rng.integers(5, 20), one) + rng.normal(0, 0.2, 1) for one in y]
    else:
        values = ["high " * int(one > 10) + "low " * int(one <= 10) + "reading of today" for one in y]
    model = baseline("regress").fit({"x": (kind, values[:90])}, y[:90])
    r2 = score("regress", Predictions(y[90:], model.predict({"x": (kind, values[90:])})))["r2"].value
    assert r2 >= (0.95 if kind == "series" else 0.5)


def test_the_floor_says_what_was_commonest_or_the_mean():
    columns = {"x": ("text", ["a", "b", "c", "d"])}
    p = floor("classify").fit(columns, ["x", "y", "y", "y"], ["x", "y"]).predict(columns)
    assert p.tolist() == [[0.25, 0.75]] * 4
    assert floor("regress").fit(columns, [1.0, 2, 3, 6]).predict(columns).tolist() == [3.0] * 4
    p = floor("multilabel").fit(columns, [["x"], [], ["x", "y"], []], ["x", "y"]).predict(columns)
    assert p.tolist() == [[0.5, 0.25]] * 4


def test_neither_torch_nor_matplotlib_is_needed():
    code = "import sys, treadle.evaluation.report; print({'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.data
def test_trec_questions(shared_data):
    def load(name):
        lines = (shared_data / "text/trec6" / name).read_text(encoding="latin-1").splitlines()
        return [line.split(" ", 1)[1] for line in lines], [line.split(" ", 1)[0] for line in lines]

    assert accuracy("text", *load("TREC.train.all"), *load("TREC.test.all")) >= 0.892


@pytest.mark.data
def test_chinese_reviews(shared_data):
    from sklearn.model_selection import train_test_split

    with (shared_data / "text/waimai_zh/waimai_10k.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    texts, y = [row["review"] for row in rows], [row["label"] for row in rows]
    train, rest, y_train, y_rest = train_test_split(texts, y, test_size=0.2, random_state=0, stratify=y)
    _, test, _, y_test = train_test_split(rest, y_rest, test_size=0.5, random_state=0, stratify=y_rest)
    assert accuracy("text", train, y_train, test, y_test) >= 0.914


@pytest.mark.data
def test_splice_junctions(shared_data):
    lines = (shared_data / "dna/splice/splice_decoded.tsv").read_text().splitlines()[1:]
    y, rows = zip(*(line.split("\t") for line in lines), strict=True)
    assert accuracy("symbols", rows[:2000], y[:2000], rows[2000:], y[2000:]) >= 0.945


@pytest.mark.data
def test_japanese_vowels(shared_data):
    def load(part):
        text = (shared_data / f"series_classification/JapaneseVowels/JapaneseVowels_{part}.ts").read_text()
        series, labels = [], []
        for line in text[text.lower().index("@data") :].splitlines()[1:]:
            *channels, label = line.split(":")
            series.append(np.array([channel.split(",") for channel in channels], dtype=float).T)
            labels.append(label)
        return series, labels

    assert accuracy("series", *load("TRAIN"), *load("TEST")) >= 0.98


@pytest.mark.data
@pytest.mark.slow
def test_film_reviews(shared_data):
    import tarfile

    texts: dict[str, tuple[list[str], list[str]]] = {"train": ([], []), "test": ([], [])}
    with tarfile.open(shared_data / "text/imdb/aclImdb_labeled.tar.gz") as archive:
        for member in archive:
            parts = member.name.split("/")
            if member.name.endswith(".txt") and parts[-2] in ("pos", "neg"):
                values, labels = texts[parts[-3]]
                values.append(archive.extractfile(member).read().decode())
                labels.append(parts[-2])
    assert accuracy("text", *texts["train"], *texts["test"]) >= 0.907
