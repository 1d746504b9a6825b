"""Which line of a CSV is its header, and which cells are numbers or say that there is none."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from treadle.data import read_panel
from treadle.data.delimited import parse_delimited
from treadle.data.table import Table

DAYS = [str(date(2024, 1, 1) + timedelta(day)) for day in range(28)]


def table(text: str, **options: bool) -> Table:
    return parse_delimited(text, Path("a.csv"), **options)


# --- the header


@pytest.mark.parametrize(
    "values",
    [range(28), range(1, 29), [0] * 28, [1] * 28, [0, 5] * 14],
    ids=["from 0", "from 1", "zeros", "ones", "0 first"],
)
@pytest.mark.parametrize("stamps", [DAYS, [f"{day} 00:00:00" for day in DAYS], [f"{day[8:]}/01/24" for day in DAYS]])
def test_a_first_row_whose_value_is_0_or_1_is_no_header(stamps, values):
    found = table("".join(f"{stamp},{value}\n" for stamp, value in zip(stamps, values, strict=True)))
    assert found.columns == {"column1": stamps, "column2": list(values)}


def test_no_step_of_a_series_without_a_header_is_lost(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("".join(f"{day},{step}\n" for step, day in enumerate(DAYS)))
    panel = read_panel(path)
    assert panel.note.startswith("CSV, no header, 28 rows")
    np.testing.assert_array_equal(panel.values[0], range(28))


@pytest.mark.parametrize(
    "rows",
    [
        ["good film,1", "bad film,0", "fine,1"],  # texts with their classes
        ["1,good film", "0,bad film"],
        ["good,0,1", "fine,0,0", "bad,1,1", "so so,1,0"],  # several yes or no
        ["2024-01-01,0,1,2", "2024-01-02,3,4,5"],
        ["2024-01-01,Lund", "2024-01-02,Oslo"],
        ["1,register,2024-01-01 10:00", "1,pay,2024-01-01 11:30", "2,check,2024-01-02 09:00"],  # events
        ["Jan 2024,0", "Feb 2024,1"],
        ["2024Q1,1", "2024Q2,0"],
        ["0,12:30", "1,12:45"],
        ["-,0", "1.5,1"],
        ["0", "3", "1"],
        ["1", "0"],
        ["0,1,2", "3,4,5"],
    ],
)
def test_a_first_row_like_those_below_is_data(rows):
    found = table("".join(f"{row}\n" for row in rows))
    assert len(found) == len(rows)
    assert list(found.columns) == [f"column{number}" for number in range(1, rows[0].count(",") + 2)]


@pytest.mark.parametrize(
    "text",
    [
        pd.Series(range(5)).to_csv(),  # ",0": an index without a name, a series without one
        pd.Series(range(5), index=DAYS[:5]).to_csv(),
        pd.Series(range(5), index=pd.Index(DAYS[:5], name="ds")).to_csv(),
        pd.Series(range(5)).reset_index().to_csv(index=False),
        pd.DataFrame([[0, 1], [2, 3]]).to_csv(),
        pd.DataFrame(np.arange(24).reshape(3, 8)).to_csv(index=False),
        pd.DataFrame({"label": ["a", "b", "b"], 0: [0.5, 0, 2], 1: [1, 3, 1.5]}).to_csv(index=False),
        pd.DataFrame({"label": ["a", "b", "b"], **{step: [0, step, 1] for step in range(1, 9)}}).to_csv(index=False),
        "ds,y\n2024-01-01,0\n2024-01-02,1\n",
        "y\n0\n1\n",
        "item,2024-01-01,2024-01-02\nbolt,3,4\nnut,5,6\n",  # dates as names of columns
        'item;2024-01-01;2024-01-02\nbolt;"51,5";4\nnut;5;"7,1"\n',
        "case,activity,time\n1,register,2024-01-01 10:00\n1,pay,2024-01-01 11:30\n",
        "time 1,time 2\n10:30,11:30\n10:45,11:50\n",
        "first day,last day\n2024-01-01,2024-01-03\n",
    ],
)
def test_names_of_columns_are_a_header(text):
    head, *rows = text.splitlines()
    found = table(text)
    assert len(found) == len(rows)
    delimiter = ";" if ";" in head else ","
    assert list(found.columns) == [name or f"column{place}" for place, name in enumerate(head.split(delimiter), 1)]


# --- decimal commas


def test_decimal_commas_are_read_where_the_delimiter_is_another_and_said_so(tmp_path):
    path = tmp_path / "semi.csv"
    rows = [f"{day};{50 + step / 8:.2f}".replace(".", ",") for step, day in enumerate(DAYS)]
    path.write_text("\n".join(["ds;y", *rows]), encoding="utf-8-sig")
    panel = read_panel(path)
    assert panel.note.startswith("CSV with ';', header, decimal commas in 'y', 28 rows")
    np.testing.assert_allclose(panel.values[0], 50 + np.arange(28) / 8, atol=0.0051)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_what_pandas_writes_with_decimal_commas_comes_back(delimiter):
    frame = pd.DataFrame(
        {"ds": DAYS, "y": np.linspace(-3, 2000, 28), "n": range(28), "tiny": np.geomspace(1e-9, 1, 28)}
    )
    found = table(frame.to_csv(index=False, sep=delimiter, decimal=","))
    assert "decimal commas in 'y', 'tiny'" in found.note
    assert found.columns == frame.to_dict("list")


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["51,52", "7", "-0,5", "+1,25"], [51.52, 7, -0.5, 1.25]),
        (["51.523,94", "7,5", "1.234"], [51523.94, 7.5, 1234]),
        (["1.234.567", "1,5"], [1234567, 1.5]),
        (["51 523,94", "1 234"], [51523.94, 1234]),
        (["51\u202f523,94", "1\u202f234"], [51523.94, 1234]),
        (["51'523,94", "7,5"], [51523.94, 7.5]),
        (["1,234", "0,5"], [1.234, 0.5]),  # elsewhere the comma is a decimal one
        (["1,234", "0,567"], [1.234, 0.567]),  # no group begins with 0
        (["1,234", "1234,567"], [1.234, 1234.567]),
        (["1,5E+03", "2,0"], [1500, 2]),
        (["1,5", "", "#N/A", "-", "n/a"], [1.5, None, None, None, None]),
    ],
)
def test_numbers_with_decimal_commas(cells, numbers):
    found = table("".join(["x;y\n", *(f"a;{cell}\n" for cell in [*cells, *["3,25"] * 3])]))
    assert found.columns["y"] == [*numbers, *[3.25] * 3]


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234", "5,678"],  # one and a bit, or more than a thousand
        ["1,234", "7"],
        ["1,234,567", "1,5"],
        ["1.234", "1,5"],  # dots that group, or decimal points
        ["1.5", "1,5"],
        ["51,523.94", "7,5"],
        ["1.234,5", "1 234,5"],  # groups of two forms
        ["007,5", "1,5"],
        ["1,5", "many"],
        ["1,5", "2,"],
        ["12 34,5", "1,5"],
        ["1,5", "2024-01-01"],
    ],
)
def test_commas_that_may_mean_something_else_are_left_as_they_are(cells):
    found = table("".join(["x;y\n", *(f"a;{cell}\n" for cell in cells)]))
    assert found.columns["y"] == cells
    assert "comma" not in found.note


def test_a_comma_is_no_decimal_one_where_it_is_the_delimiter():
    found = table('x,y\na,"1,5"\nb,"2,5"\n')
    assert found.columns["y"] == ["1,5", "2,5"]


@pytest.mark.parametrize(("delimiter", "kind"), [(";", "CSV with ';'"), ("|", "CSV with '|'"), ("\t", "TSV")])
def test_decimal_commas_in_every_row_are_no_delimiters(delimiter, kind):
    rows = [f"{day}{delimiter}{step},5" for step, day in enumerate(DAYS)]
    found = table("\n".join(rows))
    assert found.columns == {"column1": DAYS, "column2": [step + 0.5 for step in range(28)]}
    assert found.note == f"{kind}, no header, decimal commas in 'column2', 28 rows"
    headed = table("\n".join([f"day{delimiter}height, m", *rows]))
    assert headed.columns == {"day": DAYS, "height, m": [step + 0.5 for step in range(28)]}


def test_steps_and_values_with_decimal_commas_are_two_columns():
    found = table("".join(f"{step};{step},25\n" for step in range(9)))
    assert found.columns == {"column1": list(range(9)), "column2": [step + 0.25 for step in range(9)]}


@pytest.mark.parametrize("rows", [["1;2;3,0", "4;5;6,1"], ["a;b,yes", "c;d,no"], ["x;y,1 000", "z;w,2 000"]])
def test_commas_that_split_rows_stay_delimiters(rows):
    found = table("\n".join(rows), header=False)
    assert found.note.startswith("CSV, no header")
    assert found.columns["column1"] == [row.split(",")[0] for row in rows]


def test_many_columns_with_decimal_commas_are_counted():
    names = [f"step{number}" for number in range(12)]
    found = table("\n".join([";".join(names), ";".join(["0,5"] * 12), ";".join(["1,5"] * 12)]))
    assert found.note == "CSV with ';', header, decimal commas in 12 columns, 2 rows"


# --- missing values


@pytest.mark.parametrize("mark", ["#N/A", "#N/A N/A", "#NA", "-", "."])
def test_marks_of_spreadsheets_for_no_value_are_missing_values_among_numbers(mark):
    assert table(f"x,y\n1,a\n{mark},b\n2,c\n").columns["x"] == [1, None, 2]
    assert table(f"x,y\n1,a\n {mark} ,b\n2.5,c\n").columns["x"] == [1.0, None, 2.5]


@pytest.mark.parametrize("mark", ["-", "."])
def test_a_dash_or_a_dot_among_words_is_one_of_them(mark):
    for cells in (["a", mark, "b"], [mark, mark, mark], ["+", mark, "1"], ["1", mark, "2", mark]):
        assert table("\n".join(["x,y", *(f"{cell},1" for cell in cells)])).columns["x"] == cells


def test_a_series_of_a_spreadsheet_with_gaps_is_read(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("\n".join(["ds,y", *(f"{day},{'#N/A' if step == 3 else step}" for step, day in enumerate(DAYS))]))
    panel = read_panel(path)
    assert "1 missing value" in panel.note
    assert np.flatnonzero(np.isnan(panel.values[0])).tolist() == [3]


def test_whole_numbers_of_more_than_18_digits_are_names():
    """Two that differ in the last digit are one as floats, and were one series."""
    ids = ["12345678901234567890", "12345678901234567891"]
    rows = "".join(f"{name},{day},1\n" for name in ids for day in DAYS[:10])
    assert read_panel(table(f"unique_id,ds,y\n{rows}")).ids == ids
    assert table("y\n1e30\n12345678901234567890\n").columns["y"] == [1e30, 12345678901234567890.0]
    assert table("a,y\nx,99999999999999999999\nz,3\n").columns["y"] == ["99999999999999999999", "3"]
