import re
from xml.etree import ElementTree

import numpy as np
import pytest

from treadle.evaluation import plots
from treadle.evaluation.plots.forecasts import forecast_fan
from treadle.evaluation.scores import Estimate

NAN = float("nan")
PICTURES = {
    "strip": lambda: plots.estimates_strip(
        [("this <model>", Estimate(0.9, 0.88, 0.92)), ("$x_1$", Estimate(0.8))], "Share"
    ),
    "curve": lambda: plots.learning_curve([1, 2, 3], [("training", [3, 2, 1]), ("dev", [3, NAN, 2])], "loss"),
    "one epoch": lambda: plots.learning_curve([1], [("training", [0.7])], "loss"),
    "gradient": lambda: plots.gradient_norm([1, 2, 3], [100.0, 1.0, 0.01]),
    "no gradient": lambda: plots.gradient_norm([1, 2], [0.0, 0.0]),
    "reliability": lambda: plots.reliability([(0.6, Estimate(0.5, 0.4, 0.6)), (0.9, Estimate(1.0, 0.8, 1.0))]),
    "length": lambda: plots.by_length(["1–4", "5–9"], [Estimate(0.9, 0.8, 1.0), Estimate(0.7)], [0.8, 0.9], "accuracy"),
    "length alone": lambda: plots.by_length(["1–4", "5–9"], [Estimate(0.9), Estimate(0.7)], None, "accuracy"),
    "scatter": lambda: plots.predicted_against_true([1.0, 2.0, 3.0], [1.1, 2.5, 2.0]),
    "scatter of one": lambda: plots.predicted_against_true([1.0], [1.0]),
    "series": lambda: plots.series_with_saliency(np.array([[1.0, NAN], [2.0, 3.0], [NAN, 1.0]]), [1.0, -0.5, 0.0]),
    "long series": lambda: plots.series_with_saliency(np.sin(np.arange(5000.0)), np.cos(np.arange(5000.0))),
    "one step": lambda: plots.series_with_saliency([1.0], [0.0]),
}


@pytest.fixture(params=PICTURES)
def picture(request) -> str:
    return PICTURES[request.param]()


def test_a_picture_is_one_well_formed_element_with_words_for_those_who_do_not_see_it(picture):
    root = ElementTree.fromstring(picture.replace("<svg ", '<svg xmlns:xlink="x" ', 1))
    assert root.get("role") == "img"
    assert len(root.get("aria-label")) > 10


def test_colours_come_from_the_page(picture):
    assert "var(--ink" in picture or "var(--muted" in picture
    outside_variables = re.sub(r"var\(--\w+, #[0-9a-f]{6}\)", "", picture)
    assert not re.search(r"#[0-9a-f]{6}\b", outside_variables)


def test_letters_stay_letters_in_the_page_font(picture):
    assert "<text" in picture
    assert "DejaVu" not in picture


def test_nothing_outside_is_referred_to(picture):
    assert "http" not in picture
    assert "<style" not in picture
    names = set(re.findall(r' id="([^"]+)"', picture))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', picture))
    assert names == used


def test_the_same_numbers_give_the_same_picture():
    assert PICTURES["curve"]() == PICTURES["curve"]()


def test_two_pictures_on_a_page_do_not_share_names():
    first, second = (set(re.findall(r' id="([^"]+)"', PICTURES[name]())) for name in ("curve", "gradient"))
    assert first
    assert not first & second


def test_names_are_escaped():
    assert "this &lt;model&gt;" in PICTURES["strip"]()
    assert "$x_1$" in PICTURES["strip"]()
    assert "<model>" not in PICTURES["strip"]()


def test_a_long_series_stays_a_light_picture():
    assert len(PICTURES["long series"]()) < 120_000


def test_gaps_in_a_series_are_not_bridged():
    whole = plots.series_with_saliency([1.0, 2.0, 3.0, 4.0, 5.0])
    broken = plots.series_with_saliency([1.0, 2.0, NAN, 4.0, 5.0])

    def strokes(svg):
        return max(len(re.findall(r"M ", path)) for path in re.findall(r'<path d="([^"]+)" clip-path', svg))

    assert strokes(broken) == strokes(whole) + 1


SIZES = [(4.0, 0, ""), (2e5, 0, ""), (3e6, 6, "10⁶"), (4e7, 6, "10⁶"), (7e12, 12, "10¹²"), (2e-5, -6, "10⁻⁶")]


@pytest.mark.parametrize(("size", "power", "factor"), SIZES)
def test_the_factor_of_an_axis_is_a_part_of_its_label(size, power, factor):
    values = size * np.array([0.5, 1.0, 0.7, 1.3])
    pictures = {
        forecast_fan(np.arange(4), values[:2], values[2:], values[2:]): f"× {factor}",
        plots.learning_curve([1, 2, 3, 4], [("training", values)], "loss"): f"loss (× {factor})",
        plots.predicted_against_true(values, values): f"predicted (× {factor})",
    }
    for picture, label in pictures.items():
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
        assert not [text for text in texts if text.startswith("1e")]  # matplotlib's own, above the axis
        assert (label in texts) == bool(factor)
        assert any("×" in text for text in texts) == bool(factor)
        numbers = [float(text) * 10.0**power for text in texts if re.fullmatch(r"[\d.]+", text)]
        assert sum(0.5 * size <= number <= 1.3 * size for number in numbers) >= 3  # the marks are those of the values
