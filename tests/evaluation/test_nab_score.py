"""NAB's score: computed by hand from the published function, at the edges of windows and over the corpus."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from treadle.errors import InputError
from treadle.evaluation.anomalies import PROFILES, LabelledScores, best_threshold, nab_score


def sigmoidal(relative: float) -> float:
    return 2 / (1 + math.exp(5 * relative)) - 1


def alarms(length: int, *places: int) -> np.ndarray:
    scores = np.zeros(length)
    scores[list(places)] = 1.0
    return scores


def raw(scores: np.ndarray, windows: list[tuple[int, int]]) -> float:
    return nab_score([LabelledScores(scores, windows)], threshold=0.5).raw


def test_one_alarm_at_the_start_of_every_window_is_perfect_and_none_is_worth_nothing() -> None:
    windows = [(40, 49), (70, 89)]
    assert nab_score([LabelledScores(alarms(100, 40, 70), windows)]).score == 100.0
    silent = nab_score([LabelledScores(alarms(100), windows)])
    assert (silent.score, silent.raw, silent.threshold, silent.detected) == (0.0, -2.0, np.inf, 0)


def test_a_late_alarm_is_worth_less_and_only_the_best_of_a_window_counts() -> None:
    # The relative place of record i of a window that ends at r and is w long is -(r - i + 1) / w.
    window = [(40, 49)]
    assert raw(alarms(100, 45), window) == pytest.approx(sigmoidal(-0.5) / sigmoidal(-1))
    assert raw(alarms(100, 49), window) == pytest.approx(sigmoidal(-0.1) / sigmoidal(-1))
    assert raw(alarms(100, 45, 46, 49), window) == raw(alarms(100, 45), window)


def test_a_false_alarm_costs_the_more_the_farther_it_lies_behind_the_last_window() -> None:
    window = [(40, 49)]
    # Nothing came before: the whole of a false positive, and the window is missed.
    assert raw(alarms(100, 30), window) == pytest.approx(-1 - 0.11, abs=1e-6)
    # Three records behind a window of ten: (52 - 49) / (10 - 1) of its length.
    assert raw(alarms(100, 40, 52), window) == pytest.approx(1 + 0.11 * sigmoidal(3 / 9))
    assert raw(alarms(100, 40, 90), window) == pytest.approx(1 - 0.11, abs=1e-6)
    costs = [1 - raw(alarms(100, 40, place), window) for place in range(50, 100)]
    assert costs == sorted(costs)


def test_the_probationary_period_is_fifteen_percent_of_at_most_five_thousand_records() -> None:
    assert LabelledScores(np.zeros(100), []).probation == 15
    assert LabelledScores(np.zeros(20_000), []).probation == 750
    assert raw(alarms(100, 3, 14), [(40, 49)]) == -1  # alarms there cost nothing
    assert raw(alarms(100, 15), [(40, 49)]) == pytest.approx(-1.11, abs=1e-6)
    # A window that lies in it whole can be neither found nor missed, yet stands in what a perfect detector has.
    found = nab_score([LabelledScores(alarms(100, 40), [(2, 9), (40, 49)])])
    assert (found.raw, found.score) == (1.0, pytest.approx(100 * (1 + 1) / (2 + 1)))


def test_the_threshold_is_the_best_of_all_over_the_whole_corpus() -> None:
    random = np.random.default_rng(0)
    corpus = [
        LabelledScores(random.random(400).round(2), [(100, 139), (250, 260)]),
        LabelledScores(random.random(300).round(2) ** 2, [(200, 229)]),
    ]
    for profile in PROFILES.values():
        tried = [nab_score(corpus, profile, threshold).raw for threshold in [*np.arange(0, 1.01, 0.01).round(2), 2.0]]
        found = nab_score(corpus, profile)
        assert found.raw == pytest.approx(max(tried))
        assert nab_score(corpus, profile, found.threshold).raw == found.raw


def test_profiles_weigh_false_alarms_and_misses_as_they_are_called() -> None:
    windows = [(40, 49), (70, 89)]
    scores = alarms(100, 30, 40)
    standard, few_alarms, few_misses = (
        nab_score([LabelledScores(scores, windows)], profile, 0.5).raw for profile in PROFILES.values()
    )
    assert (standard, few_alarms, few_misses) == pytest.approx((1 - 0.11 - 1, 1 - 0.22 - 1, 1 - 0.11 - 2), abs=1e-6)


def test_equal_scores_cross_a_threshold_together() -> None:
    scores = np.zeros(200)
    scores[[50, 120, 121, 150, 190]] = 0.7  # one in the window, four outside of it
    one = LabelledScores(scores, [(120, 121)])
    assert best_threshold([one], PROFILES["standard"]) == 0.7
    assert nab_score([one]).false_alarms == 3


def test_windows_that_overlap_or_lie_outside_are_refused() -> None:
    with pytest.raises(InputError, match="overlaps another or lies outside the series of 100 records"):
        LabelledScores(np.zeros(100), [(40, 49), (49, 60)])
    with pytest.raises(InputError, match="lies outside"):
        LabelledScores(np.zeros(100), [(90, 100)])
    with pytest.raises(InputError, match="the score of record 8 is no number"):
        LabelledScores(np.where(np.arange(20) == 7, np.nan, 0.0), [])
    with pytest.raises(InputError, match="no series has a window"):
        nab_score([LabelledScores(np.zeros(100), [])])


@pytest.mark.data
def test_a_detector_that_is_always_silent_scores_as_published(data_folder: Path) -> None:
    # results/null/null_standard_scores.csv of NAB 1.1: minus one for each of a file's windows.
    published = {
        "ambient_temperature_system_failure": -2.0,
        "cpu_utilization_asg_misconfiguration": -1.0,
        "ec2_request_latency_system_failure": -3.0,
        "machine_temperature_system_failure": -4.0,
        "nyc_taxi": -5.0,
        "rogue_agent_key_hold": -2.0,
        "rogue_agent_key_updown": -2.0,
    }
    folder = data_folder / "series" / "nab"
    limits = json.loads((folder / "labels" / "combined_windows.json").read_text())
    for name, expected in published.items():
        lines = (folder / "data" / "realKnownCause" / f"{name}.csv").read_text().splitlines()[1:]
        place = {line.split(",")[0]: number for number, line in enumerate(lines)}
        windows = [tuple(place[stamp[:19]] for stamp in pair) for pair in limits[f"realKnownCause/{name}.csv"]]
        assert raw(np.zeros(len(lines)), windows) == expected
