"""What is wrong with series is said in one sentence that names the place, what was found and what was expected."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.data.forecasting import Frequency, read_panel
from treadle.errors import InputError

HOURS = "".join(f"2024-01-{day:02d} {hour:02d}:00,1\n" for day in (1, 2) for hour in range(24))
DAYS = "".join(f"2024-01-{day:02d} 00:00,1\n" for day in range(3, 31))


def refusal(source: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_panel(source, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-01,3\n", {},
         "a.csv, line 4: the time stamp 2024-01-01 occurs again in the same series, first at a.csv, line 2, "
         "expected once; duplicates='first', 'last', 'mean' or 'sum' puts such rows together"),
        (f"ds,y\n{HOURS}{DAYS}", {},
         "a.csv, line 51: steps of 1 day begin here, expected 1 hour as most are"),
        ("unique_id,ds,y\n" + "".join(f"a,{row}" for row in HOURS.splitlines(True))
         + "".join(f"b,{row}" for row in DAYS.splitlines(True)), {},
         "a.csv, line 51: steps of 1 day begin here, expected 1 hour as most are; frequency='hour' fills"),
        ("ds,y\n2024-01-01 00:00,1\n2024-01-01 01:00,1\n2024-01-01 01:50,1\n2024-01-01 02:50,1\n", {},
         "a.csv, line 4: found 2024-01-01 01:50:00 after 2024-01-01 01:00:00, expected steps of 1 hour as most are; "
         "frequency='hour' moves every stamp to the start of its step, frequency='step' counts rows instead"),
        ("ds,y\n2024-01-01,1\nsoon,2\n", {"time": "ds"},
         "a.csv, line 3, column 'ds': found 'soon', expected a time stamp of the form '2024-01-01', as in the"),
        ("ds,y\n2024-01-01,1\n2024-02-30,2\n", {},
         "a.csv, line 3, column 'ds': found '2024-02-30', which is no date or time of the calendar"),
        ("ds,y\n2024-01-01,1\n,2\n", {}, "a.csv, line 3, column 'ds': found nothing, expected a time stamp such as"),
        ("ds,y\n1,1\n,2\n", {}, "a.csv, line 3, column 'ds': found nothing, expected a time stamp or a whole number"),
        ("ds,y\n1,1\n1.5,2\n", {"time": "ds"}, "a.csv, line 3, column 'ds': found 1.5, expected a time stamp or a"),
        ("ds,y\n01/02/2024,1\n01/03/2024,2\n", {},
         "a.csv, line 2, column 'ds': found '01/02/2024', where either day or month may come first, expected"),
        ("ds,y\n2024-01-01 00:00:00.5,1\n", {}, "a.csv, line 2, column 'ds': found '2024-01-01 00:00:00.5', expected"),
        ("ds,y\n2024-01-01 00:00Z,1\n2024-01-01 01:00,1\n", {}, "expected a zone in all rows or in none"),
        ("ds,y\n2024-01-01,1\n", {},
         "a.csv: no series has two time stamps that tell the frequency, expected one such as frequency='day'"),
        ("ds,y\n1,1\n2,2\n", {"frequency": "day"},
         "a.csv, line 2: found 1 as time stamp, expected dates or times for a frequency of 1 day"),
        ("ds,y\n2024-01-29,1\n2024-02-29,1\n2024-03-29,2\n", {},
         "a.csv, line 2: steps of 1 month start on 2024-01-29, expected a day up to the 27th, or the last of its"),
        ("ds,y\n2024-01-01 00:00:00,1\n2024-01-01 00:00:01,2\n2054-01-01 00:00:00,2\n", {},
         "a.csv, line 4: 946,771,199 steps of 1 second lie before this row, expected fewer gaps: 3 rows would fill"),
        ("ds,y\n1,1\n2,inf\n", {}, "a.csv, line 3, column 'y': found an infinite value, expected a number up to"),
        ("ds,y\n1,1\n2,high\n", {"target": "y"}, "a.csv, line 3, column 'y': found 'high', expected a number"),
        ("ds,y\n1,\n2,NA\n", {"target": "y"}, "a.csv: column 'y' has no value in any row, expected numbers"),
        ("ds,y\n1,\n2,NA\n", {}, "a.csv: column 'y' has no value in any row, expected numbers"),
        ("ds,y\n" + "".join(f"{row},{'many' if row == 7 else row}\n" for row in range(20)), {},
         "a.csv, line 9, column 'y': found 'many', expected a number"),
        ("ds,y,x\n" + "".join(f"{row},1,{'cheap' if row == 7 else row % 5}\n" for row in range(20)), {},
         "a.csv, line 9, column 'x': found 'cheap', expected a number"),
        ("unique_id,ds,y\na,1,1\na,2,2\nb,1,\nb,2,\n", {}, "a.csv: series 'b' has no value, expected at least one"),
        ("unique_id,ds,y\na,1,1\n,2,2\nb,1,3\n", {}, "a.csv, line 3, column 'unique_id': found nothing, expected the"),
        ("ds,y,x\n1,1,\n2,2,\n", {"past": "x"}, "a.csv: column 'x' has no value in any row, expected numbers or texts"),
        ("ds,y,x\n1,1,-inf\n2,2,3\n", {}, "a.csv, line 2, column 'x': found an infinite value"),
        ("ds,y,x\n1,1,5\n2,2,3\n", {"static": "x"},
         "a.csv: column 'x' changes in the series that a.csv, line 2 belongs to, expected one value a series"),
        ("ds,y,x\n" + "".join(f"{row},1,t{row}\n" for row in range(40)), {"past": "x"},
         "a.csv: column 'x' holds 40 different texts, expected numbers or at most 32 categories"),
        ("ds,y\n1,1\n2,2\n", {"target": "z"}, "a.csv: there is no column 'z' to take as target"),
        ("ds,y\n1,1\n2,2\n", {"past": "wnd"}, "a.csv: there is no column 'wnd' to take as covariate"),
        ("ds,y\n1,1\n2,2\n", {"past": "y", "target": "y"}, "a.csv: column 'y' is given as target and as past"),
        ("ds,a,b\n1,1,x\n2,2,y\n3,3,y\n", {"target": "b"}, "a.csv, line 2, column 'b': found 'x', expected a number"),
        ("ds,a,b,c\n1,1,2,x\n2,2,3,y\n3,3,4,y\n", {},
         "a.csv: columns 'a', 'b' hold numbers, expected one of values; name it with target=, or several"),
        ("ds,c\n1,x\n2,y\n3,y\n", {}, "a.csv: no column of numbers is left to be the values, expected one; name"),
        ("date1,date2,y\n2024-01-01,2024-01-02,1\n2024-01-02,2024-01-03,1\n", {},
         "a.csv: columns 'date1', 'date2' hold dates, expected one; name the time stamps with time="),
        ("year,month,y\n2024,13,1\n", {}, "a.csv, line 2, column 'month': found 13, expected a month from 1 to 12"),
        ("year,month,day,y\n2023,2,29,1\n", {}, "a.csv, line 2: found 2023-02-29, which is no day of the calendar"),
        (f"ds,y\n{DAYS}", {"frequency": "hour"},
         "a.csv, line 2: rows are 1 day apart from here on, expected steps of 1 hour"),
        ("ds,y\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n", {"frequency": "day"},
         "a.csv, line 3: 2024-01-01 01:00:00 falls into one step of 1 day with 2024-01-01 at a.csv, line 2, expected a "
         "row a step; duplicates='first', 'last', 'mean' or 'sum' puts such rows together"),
        (f"ds,y\n{DAYS}", {"frequency": "week"},
         "a.csv, line 3: 2024-01-04 falls into one step of 1 week with 2024-01-03 at a.csv, line 2, expected a row a"),
        (f"ds,y\n{DAYS}2024-01-31 06:00,1\n", {"frequency": Frequency("day"), "strict": True},
         "a.csv, line 30: found 2024-01-31 06:00:00 after 2024-01-30, expected steps of 1 day as in training"),
        (f"ds,y\n{HOURS}", {"frequency": Frequency("day"), "strict": True},
         "a.csv, line 3: 2024-01-01 01:00:00 falls into one step of 1 day with 2024-01-01 at a.csv, line 2"),
        (f"ds,y\n{HOURS}{DAYS}", {"frequency": Frequency("hour"), "strict": True},
         "a.csv, line 51: steps of 1 day begin here, expected 1 hour as in training"),
        ("unique_id,ds,y\n" + "".join(f"a,{row}" for row in HOURS.splitlines(True))
         + "".join(f"b,{row}" for row in DAYS.splitlines(True)[:4]), {"frequency": Frequency("hour"), "strict": True},
         "a.csv, line 51: steps of 1 day begin here, expected 1 hour as in training"),
        ("ds,y\n2024-01-05,1\n2024-01-06,2\n", {"frequency": Frequency("weekday"), "strict": True},
         "a.csv, line 3: found 2024-01-06 after 2024-01-05, expected steps of 1 weekday as in training"),
        ('ds,y\n1,"100,04"\n2,"109,19"\n', {}, "a.csv, line 2, column 'y': found '100,04', expected a number"),
        ('ds,y,x\n1,"100,04",1\n2,"109,19",2\n', {}, "a.csv, line 2, column 'y': found '100,04', expected a number"),
        ("id;ds;y\na;1;1,042\na;2;9,193\nb;1;1,044\nb;2;9,195\n", {}, "a.csv, line 2, column 'y': found '1,042', exp"),
        ("ds;sales\n1;1,042\n2;9,193\n", {},
         "'1,042', expected a number with a decimal point: its comma may be a decimal one or group thousands"),
        ("date,store,sales\n2024-01-01,1,5\n2024-01-01,2,6\n2024-01-02,1,5\n2024-01-02,2,6\n", {},
         "first at a.csv, line 2, expected once; id='store' makes each a series of its own; duplicates='first'"),
        ("date,hour,value\n2024-01-01,0,5\n2024-01-01,1,6\n2024-01-02,0,5\n", {},
         "expected once; time=['date', 'hour'] gives each a time of its own; duplicates='first', 'last'"),
        ("ds,y\n1,1\n2,2\n", {"duplicates": "frist"}, "duplicates='frist' is not known; did you mean 'first'?"),
        ("ds,y\n1,1\n2,2\n", {"frequency": "fortnight"}, "the frequency 'fortnight' is not known"),
    ],
)  # fmt: skip
def test_a_file_is_refused_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, options: dict[str, Any], sentence: str
) -> None:
    Path(tmp_path / "a.csv").write_text(content)
    monkeypatch.chdir(tmp_path)
    assert sentence in refusal("a.csv", **options)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ([], "found an empty list"),
        (np.zeros((3, 4)), "found an array of float64 with shape (3, 4), expected the numbers of one series [time]"),
        (np.array(["a"]), "expected the numbers of one series"),
        ([np.zeros((3, 2))], "found a series of shape (3, 2), expected numbers [time]"),
        (pd.DataFrame({"ds": pd.to_datetime(["2024-01-01", None]), "y": [1, 2]}), "column 'ds': found nothing"),
        ({"ds": [1, 2], "y": [10**400, 1]}, "expected a number"),
        ({"ds": [10**400, 1], "y": [1, 1]}, "column 'ds': found 1000"),
        ({"ds": [1, 2], "y": ["1", [2]]}, "column 'y': found '[2]', expected a number"),
        ({"ds": [1, True], "y": [1, 1]}, "column 'ds'"),
        ({"ds": [[1], [2]], "y": [1, 1]}, "column 'ds'"),
        ({"unique_id": [["a"], ["b"]], "ds": [1, 2], "y": [1, 1]}, "found a list, expected the name of a series"),
        ({"ds": [1, 2], "y": [[1], [2]]}, ""),
        (3, "found an object of type int"),
    ],
)
def test_an_object_is_refused(source: Any, sentence: str) -> None:
    assert sentence in refusal(source, **({"time": "ds"} if isinstance(source, dict) else {}))


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3000),
    st.sampled_from(
        [20240131, 20240201, 202401, 1400000000, 10**25, -(10**19), 0.5, 1e300, float("nan"), float("inf")]
    ),
    st.sampled_from(
        ["", " ", "NA", "x", "1", "2.5", "1e5", "2024-01-31", "2024-02-29 13:00", "0000-01-01", "9999-12-31"]
    ),
    st.sampled_from(["2024-01", "1-01", "01/02/2024", "2024Q4", "Feb 2024", "2024-01-31T00:00+01:00", "a=b", "١٢-٠١"]),
    st.just([1]),
)


@st.composite
def columns(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Columns of a few cells each, some of one kind, under names that mean something or do not."""
    size = draw(st.integers(1, 6))
    table = {}
    for name in draw(
        st.sets(st.sampled_from(["unique_id", "ds", "y", "date", "year", "month", "x", "no"]), min_size=1)
    ):
        kind = draw(
            st.one_of(CELLS.map(st.just), st.just(CELLS), st.just(st.integers(0, 9)), st.just(st.floats(-9, 9)))
        )
        table[name] = draw(st.lists(kind, min_size=size, max_size=size))
    return table


@settings(max_examples=100)
@given(
    columns(), st.sampled_from([None, "step", "day", "weekday", "2 weeks", "month"]), st.sampled_from(["error", "mean"])
)
def test_whatever_is_in_a_table_there_is_a_panel_or_a_sentence(data: Any, frequency: Any, duplicates: Any) -> None:
    try:
        panel = read_panel(data, frequency=frequency, duplicates=duplicates)
    except InputError as error:
        sentence = str(error)
        assert "\n" not in sentence
        return
    for series, values in enumerate(panel.values):
        assert len(panel.stamps(series)) == len(values) > 0
        assert not np.isinf(values).any()
        assert not np.isnan(values).all()
    assert isinstance(panel.frequency, Frequency)
