import re
from html.parser import HTMLParser

import numpy as np
import pytest

from treadle.evaluation.report import System, WorstError, build_report, render, worst_rows
from treadle.evaluation.scores import Predictions

HOSTILE = "<script>alert('&')</script>\"'"
VOID = {"meta", "br", "link", "img", "input", "hr"}
HISTORY = [
    {"epoch": e, "train_loss": 1 / e, "dev_loss": 1.2 / e, "dev_accuracy": 1 - 0.3 / e, "learning_rate": 0.01 / e,
     "gradient_norm": 2.0 / e, "seconds": 3.5}
    for e in range(1, 6)
]  # fmt: skip


class Page(HTMLParser):
    """The page as a reader's machine takes it apart; fails where tags do not close in order."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)
            self.said.append((self.open[-1], data))

    def headings(self) -> list[str]:
        return [word for tag, word in self.said if tag in ("h2", "h3")]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def classifier(rows: int, classes: list[str], seed: int, skill: float = 0.6) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).integers(0, len(classes), rows)
    p = rng.dirichlet(np.ones(len(classes)), rows)
    p[np.arange(rows), truth] += skill
    return Predictions([classes[k] for k in truth], p / p.sum(1, keepdims=True), classes, np.arange(rows) % 90 + 1)


def full_report(**changes):
    classes = ["good", HOSTILE, "bad"]
    errors = [
        WorstError("good", HOSTILE, 0.9, 0.1, HOSTILE, ["very", HOSTILE, "fine", "."], [0.1, 1.0, -0.9, 0.0]),
        WorstError("bad", "good", tokens=list("味道不好"), token_weights=[0.0, 0.1, -1.0, 0.5], joiner=""),
        WorstError("bad", "good", 0.7, series=np.random.default_rng(0).normal(size=(30, 2)), step_weights=[0.5] * 30),
    ]
    given = {
        "model": System(
            "GRU", {"test": classifier(300, classes, 0), "dev": classifier(300, classes, 1)}, HOSTILE, 61.0
        ),
        "baseline": System("words", {"test": classifier(300, classes, 2, 0.3)}, HOSTILE, 0.5),
        "floor": System("most frequent class", {"test": classifier(300, classes, 3, 0.0)}),
        "summary": HOSTILE,
        "history": HISTORY,
        "errors": errors,
        "data_notes": [HOSTILE],
        "config": {HOSTILE: HOSTILE, "training": {"epochs": 5, "clip": None}},
        "commands": [f"treadle train {HOSTILE}"],
        "facts": {HOSTILE: HOSTILE},
        **changes,
    }
    return build_report(HOSTILE, "classify", given.pop("model"), **given)


@pytest.fixture(scope="module")
def full() -> str:
    return render(full_report())


def test_nothing_a_user_gave_becomes_markup(full):
    page = Page(full)
    assert page.all("script") == []
    assert "alert('" not in re.sub(r"&lt;script&gt;alert\(&#x27;&amp;&#x27;\)&lt;/script&gt;&quot;&#x27;", "", full)
    assert page.text.count(HOSTILE) >= 12


def test_the_page_needs_nothing_from_elsewhere(full):
    assert not re.search(r"https?:|//[a-z]|@import|<link|<iframe|\ssrc=", full.replace("doctype html", ""))
    assert "url(#" in full  # clip paths of the pictures, within the page
    assert not re.search(r"url\((?!#)", full)


def test_it_is_the_same_page_for_the_same_report(full):
    assert render(full_report()) == full


def test_it_can_be_read_without_eyes_and_without_a_mouse(full):
    page = Page(full)
    assert page.all("html")[0]["lang"] == "en"
    assert [attributes for attributes in page.all("svg") if len(attributes.get("aria-label") or "") < 10] == []
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table")) > 3
    assert len(page.all("h1")) == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.all("a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_it_follows_light_and_dark_mode(full):
    assert "prefers-color-scheme: dark" in full
    assert "@media print" in full
    defined = set(re.findall(r"(--[a-z]+(?:-rgb)?):", full))
    used = set(re.findall(r"var\((--[a-z]+(?:-rgb)?)", full))
    assert used <= defined


@pytest.mark.parametrize(
    ("skill", "words"), [(0.0, "Better than words"), (9.0, "Worse than words"), (0.6, "Not distinguish")]
)
def test_the_answer_comes_first_and_is_honest(skill, words):
    classes = ["good", HOSTILE, "bad"]
    report = full_report(baseline=System("words", {"test": classifier(300, classes, 0, skill)}))
    text = Page(render(report)).text
    accuracy = report.model.scores["test"]["accuracy"]
    assert text.index("Accuracy on test rows") < text.index(f"{accuracy.value:.3f}") < text.index(words)
    assert text.index(words) < text.index("All figures")
    assert f"95 % {accuracy.low:.3f}–{accuracy.high:.3f}" in text


def test_without_a_test_split_it_says_that_dev_rows_flatter():
    report = build_report("t", "classify", System("GRU", {"dev": classifier(50, ["a", "b"], 0)}))
    text = Page(render(report)).text
    assert report.split == "dev"
    assert "expect slightly worse on new data" in text
    assert "No baseline beside it" in text


def test_parts_that_are_missing_leave_no_trace():
    report = build_report("t", "classify", System("GRU", {"test": classifier(5, ["a", "b"], 0)}))
    page = Page(render(report))
    assert [attributes["href"] for attributes in page.all("a")] == ["#result", "#answers"]
    assert page.headings() == ["Result", "Where it is right and wrong"]
    assert page.all("svg") == []


@pytest.mark.parametrize(
    "history", [[{"epoch": 1, "train_loss": 0.5}], [{"epoch": 3}, {"epoch": 4, "dev_loss": 1.0}], [{}]]
)
def test_a_short_or_patchy_history_is_shown_as_it_is(history):
    report = full_report(history=history)
    told = "Figures of the only epoch" if len(history) == 1 else f"Figures of all {len(history)} epochs"
    assert told in Page(render(report)).text


def test_of_77_classes_the_most_confused_are_shown():
    classes = [f"class_{k}" for k in range(77)]
    predictions = classifier(3000, classes, 0, 3.0)
    output = predictions.output.copy()
    truth = np.array([classes.index(one) for one in predictions.y_true])
    output[truth == 40] = np.eye(77)[41]
    report = build_report("t", "classify", System("GRU", {"test": Predictions(predictions.y_true, output, classes)}))
    html = render(report)
    matrix = html[html.index('<table class="confusion">') :]
    matrix = matrix[: matrix.index("</table>")]
    assert matrix.count('scope="col"') <= 13
    assert "class_40" in matrix
    assert "class_41" in matrix
    text = Page(html).text
    assert f"class_40class_41{int((truth == 40).sum())}100%" in text  # the commonest confusion, as a row of cells
    assert "The 12 weakest of 77 classes" in text


def test_every_row_of_the_matrix_accounts_for_every_row_of_the_data():
    report = build_report("t", "classify", System("GRU", {"test": classifier(400, ["a", "b", "c"], 0)}))
    counts = np.array(report.confusion.counts)
    assert counts.sum() == 400
    assert counts.sum(1).tolist() == [score.rows for score in report.class_scores]
    assert np.trace(counts) / 400 == pytest.approx(report.model.scores["test"]["accuracy"].value)


def test_a_class_that_training_never_saw_has_a_row_of_its_own():
    predictions = Predictions(["a", "new"], np.array([[0.9, 0.1], [0.2, 0.8]]), ["a", "b"])
    report = build_report("t", "classify", System("GRU", {"test": predictions}))
    assert report.confusion.counts[-1] == [0, 1, 0]
    assert "(not in training)" in Page(render(report)).text


def test_results_by_length_are_those_of_the_rows_of_that_length():
    p = np.array([[0.9, 0.1]] * 60 + [[0.1, 0.9]] * 60)
    predictions = Predictions(["a"] * 120, p, ["a", "b"], [5] * 60 + list(range(50, 110)))
    bins = build_report("t", "classify", System("GRU", {"test": predictions})).lengths
    assert sum(bins.rows) == 120
    assert bins.labels[0] == "5"
    assert bins.model[0].value == 1.0
    assert [one.value for one in bins.model[1:]] == [0.0] * (len(bins.model) - 1)


def test_rows_of_one_length_are_not_binned():
    predictions = Predictions(["a"] * 50, np.array([[0.9, 0.1]] * 50), ["a", "b"], [7] * 50)
    assert build_report("t", "classify", System("GRU", {"test": predictions})).lengths is None


def test_a_regression():
    y = np.random.default_rng(0).normal(size=2000)
    lengths = np.arange(2000) % 30
    model, mean = Predictions(y, y * 0.9, (), lengths), Predictions(y, np.zeros(2000))
    report = build_report("t", "regress", System("LSTM", {"test": model}), baseline=System("mean", {"test": mean}))
    text = Page(render(report)).text
    assert "RMSE on test rows, lower is better" in text
    assert "Better than mean" in text
    assert "Predicted against true" in text
    assert "Confusion" not in text
    assert len(report.scatter[0]) == 1500


def test_several_labels_a_row():
    y = [["a"], [HOSTILE], ["a", "c"], []] * 30
    p = np.random.default_rng(0).random((120, 3))
    report = build_report("t", "multilabel", System("GRU", {"test": Predictions(y, p, ["a", HOSTILE, "c"])}))
    text = Page(render(report)).text
    assert text.index("Micro F1 on test rows") < text.index("Results by class")
    assert HOSTILE in text
    assert "Confusion" not in text


def test_words_that_moved_the_decision_are_marked_and_explained(full):
    marked = re.findall(r'<span class="(for|against)" style="--weight:([\d.]+)">(.*?)</span>', full)
    assert ("against", "0.90", "fine") in marked
    assert ("against", "1.00", "不") in marked
    assert not [word for _, _, word in marked if word in ("very", ".", "味")]  # too little to say anything
    assert "spoke for the answer given" in Page(full).text
    assert "fine</span>." in full  # no space before a full stop


def test_of_a_long_text_the_part_that_mattered_is_shown():
    weights = np.zeros(1000)
    weights[700] = 1.0
    error = WorstError("a", "b", tokens=[f"w{k}" for k in range(1000)], token_weights=weights.tolist())
    text = Page(render(full_report(errors=[error]))).text
    assert "w700" in text
    assert "w3 " not in text
    assert "840 of 1,000 tokens left out" in text


def test_the_worst_rows_are_the_surest_errors():
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.01, 0.99], [0.2, 0.8]])
    predictions = Predictions(["a", "a", "a", "a"], p, ["a", "b"])
    assert worst_rows("classify", predictions) == [2, 3, 1]
    assert worst_rows("classify", predictions, count=1) == [2]
    assert worst_rows("regress", Predictions([1.0, 2.0, 3.0], np.array([1.0, 9.0, 2.0]))) == [1, 2]
    labels = Predictions([["a"], ["a"], ["b"]], np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.9]]), ["a", "b"])
    assert worst_rows("multilabel", labels) == [1, 2]


def test_a_report_needs_predictions():
    with pytest.raises(ValueError, match="at least one"):
        build_report("t", "classify", System("GRU", {}))


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["it", "'s", "the", "dogs", "'", "day"], "it's the dogs' day"),
        (["they", "’re", "sure", "we", "do", "n't"], "they’re sure we don't"),
        (["do", "N’T", "I", "'LL", "!"], "doN’T I'LL!"),
        (["at", "seven", "o'clock"], "at seven o'clock"),
    ],
)
def test_no_space_before_an_apostrophe(tokens, text):
    error = WorstError("a", "b", tokens=tokens, token_weights=[0.0] * len(tokens))
    assert text in Page(render(full_report(errors=[error]))).text
