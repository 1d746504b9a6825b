from treadle.evaluation.scores import Estimate
from treadle.evaluation.wording import readable, readable_interval


def test_figures_as_a_person_writes_them():
    assert [readable(x) for x in (0.91237, 1.0, 12.3456, 1234.5, 0.0, -0.00001, None, float("nan"))] == [
        "0.912", "1.000", "12.35", "1,234", "0.000", "0.000", "–", "–",
    ]  # fmt: skip
    assert readable(0.0000213, "rmse") == "2.13e-05"
    assert readable_interval(Estimate(0.91, 0.905, 0.918)) == "0.905–0.918"
    assert readable_interval(Estimate(0.0, -0.02, 0.31)) == "−0.020 to 0.310"
