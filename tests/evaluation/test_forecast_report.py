"""The page about a forecaster."""

import re

import numpy as np
import pytest

from treadle.evaluation import render
from treadle.evaluation.baselines.forecasts import drift, forecast, naive2, seasonal_naive
from treadle.evaluation.forecast_scores import HeldOut
from treadle.evaluation.forecasting import Forecasts
from treadle.evaluation.plots.forecasts import Band, error_by_step, forecast_fan, levels_held
from treadle.evaluation.report.forecasting import ForecastSystem, build_forecast_report

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def report_on(series, *, chosen=None, happened=None):
    """A report on some series, each missed by more than the one before; or on those whose values are given."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(series, 60)).cumsum(1) if happened is None else happened
    ids = [f"series <{number}>" for number in range(series)]
    held = HeldOut(ids, list(values[:, :-8]), list(values[:, -8:]), 4)
    point = [np.nan_to_num(truth) + number + 1.0 for number, truth in enumerate(held.truth)]
    spread = np.linspace(-1, 1, len(LEVELS))
    model = Forecasts(ids, point, LEVELS, [one[:, None] + spread for one in point])

    def system(name, method, rows=None):
        some = range(series) if rows is None else rows
        those = held.take(some)
        made, _ = forecast(method, those.ids, those.history, [8] * len(those), 4, LEVELS)
        return ForecastSystem(name, {"test": made}, "as it says", chosen=rows)

    reference, _ = forecast(naive2, ids, held.history, [8] * series, 4)
    baselines = [system("seasonal naive", seasonal_naive), system("drift", drift)]
    if chosen is not None:
        baselines.append(system("smoothing", drift, chosen))
    stamps = np.datetime64("2024-01-01", "s") + np.arange(60) * 3600
    return build_forecast_report(
        "GRU on meters",
        {"test": held},
        ForecastSystem("GRU", {"test": model}, "hidden 64"),
        stamps=lambda number: stamps,
        baselines=baselines,
        naive2=reference,
    )


def headings(html):
    return re.findall(r"<h2[^>]*>([^<]*)</h2>", html)


@pytest.fixture(scope="module")
def many():
    """A page on 40 series, with a method that was made for two of them only."""
    report = report_on(40, chosen=[3, 7])
    return report, render(report)


def test_best_median_and_worst_are_drawn_with_the_truth_beside_them(many):
    _, html = many
    drawn = re.findall(r"<h3>(Best|Median|Worst): series &lt;(\d+)&gt;</h3>", html)
    assert [name for name, _ in drawn] == ["Best", "Median", "Worst"]
    errors = [float(error) for error in re.findall(r"<figcaption>MASE ([\d.,]+);", html)]
    assert errors == sorted(errors)
    fans = re.findall(r'<figure class="fan">.*?</figure>', html, flags=re.DOTALL)
    assert len(fans) == 3
    assert all("what happened" in fan and "40 to 80 % intervals" in fan and "baseline" in fan for fan in fans)
    expected = [*("Result", "Forecasts and what happened", "How far ahead, and how sure")]
    assert headings(html) == [*expected, "Beside simpler methods", "Every series"]


def test_one_series_is_drawn_once_and_has_no_list():
    html = render(report_on(1))
    assert html.count('<figure class="fan">') == 1
    assert "Every series" not in headings(html)
    assert "Not distinguishable" not in html
    assert "in one forecast" in html


def test_methods_stand_in_one_table_those_of_a_sample_beside_the_model_on_the_same(many):
    report, html = many
    rows = re.findall(r'<th scope="row">([^<]*)</th>', html)
    assert [name for name in rows if "series" not in name][-5:] == [
        *("this model", "seasonal naive", "drift", "smoothing, on 2 of them", "this model, on the same")
    ]
    assert report.baseline.name == "seasonal naive"
    assert report.floor.name == "drift"


def test_of_many_series_the_worst_are_in_sight_and_all_on_demand(many):
    _, html = many
    assert "All 40 series" in html
    listed = re.search(r"MASE of the 25 worst of 40 series.*?</table>", html, flags=re.DOTALL)[0]
    errors = [float(row) for row in re.findall(r'</th><td class="number">([\d.,]+)</td>', listed)]
    assert len(errors) == 25
    assert errors == sorted(errors, reverse=True)


def test_a_series_without_change_is_drawn_all_the_same():
    held = HeldOut(["flat"], [np.ones(30)], [np.ones(4)], 1)
    model = ForecastSystem("GRU", {"test": Forecasts(["flat"], [np.ones(4)], (), [np.empty((4, 0))])})
    html = render(build_forecast_report("GRU", {"test": held}, model, stamps=lambda _: np.arange(34)))
    assert html.count('<figure class="fan">') == 1
    assert "MASE –" in html


@pytest.mark.parametrize(
    ("truth", "section"),
    [(np.full(8, np.nan), False), (np.ones(8), True)],  # nothing is known of what happened; or there is no scale
)
def test_what_has_no_value_is_not_drawn(truth, section):
    html = render(report_on(1, happened=np.r_[np.ones(52), truth][None]))
    assert "MASE has no value here" in html
    assert not re.findall(r"[^>\"]*\bnan\b[^<\"]*", html)
    assert ("How far ahead, and how sure" in headings(html)) == section
    assert "Error by step ahead" not in html
    assert '<figure class="strip">' not in html
    assert '<figure class="strip">' in render(report_on(1))


@pytest.mark.parametrize(
    ("stamps", "marks"),
    [
        (np.datetime64("2024-01-01", "s") + np.arange(28) * 86400, "Jan"),
        (np.arange(100, 128), "120"),
    ],
)
def test_a_fan_is_one_picture_that_says_what_it_shows(stamps, marks):
    history = np.r_[np.arange(19.0), np.nan]
    point = np.linspace(19, 26, 8)
    svg = forecast_fan(stamps, history, point + 1, point, [Band(0.8, point - 1, point + 1)], point - 3)
    assert svg.count("<svg") == 1
    assert 'aria-label="Forecast of 8 steps beside what happened."' in svg
    assert "80 % interval" in svg
    assert marks in svg
    assert svg == forecast_fan(stamps, history, point + 1, point, [Band(0.8, point - 1, point + 1)], point - 3)


def test_pictures_say_their_figures_to_those_who_do_not_see_them():
    ahead = error_by_step(np.array([0.5, 1.25]), np.array([1.0, 2.0]), "mean error / scale", "drift")
    assert 'aria-label="mean error / scale by step ahead: 0.5 at step 1, 1.25 at step 2."' in ahead
    held = levels_held((0.1, 0.9), np.array([0.25, 0.75]))
    assert "0.1: 0.25, 0.9: 0.75." in held
