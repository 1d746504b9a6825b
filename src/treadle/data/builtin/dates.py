"""Dates as people write them, and as ISO 8601: a small translation task with one right answer."""

from datetime import date, timedelta
from typing import Final

from treadle.data.builtin.draw import Draw
from treadle.data.table import Table

_FIRST: Final = date(1950, 1, 1)
_DAYS: Final = (date(2050, 1, 1) - _FIRST).days
_ROWS: Final = {"train": 10_000, "dev": 1_000, "test": 1_000}

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")

# d day, m month, y year; a letter twice is two digits; th is the ending of the ordinal number.
_FORMS: Final = (
    "{d} {month} {y}",
    "{d}{th} {month} {y}",
    "{d}{th} of {month} {y}",
    "the {d}{th} of {month}, {y}",
    "{d} {mon} {y}",
    "{d} {mon}. {y}",
    "{d} {mon} '{yy}",
    "{dd}-{mon}-{y}",
    "{dd}-{mon}-{yy}",
    "{dd}{mon}{y}",
    "{month} {d}, {y}",
    "{month} {d}{th}, {y}",
    "{month} the {d}{th}, {y}",
    "{mon} {d}, {y}",
    "{mon}. {d}, '{yy}",
    "{weekday}, {d} {month} {y}",
    "{weekday}, {month} {d}, {y}",
    "{weekday} the {d}{th} of {month} {y}",
    "{day}, {d} {mon} {y}",
    "{day} {mon} {d} {y}",
    "{y} {month} {d}",
    "{y}, {mon} {d}",
    "{dd}.{mm}.{y}",
    "{d}.{m}.{y}",
    "{d}.{m}.{yy}",
    "{d}. {roman}. {y}",
    "{mm}/{dd}/{y}",
    "{m}/{d}/{yy}",
    "{y}/{mm}/{dd}",
    "{y}{mm}{dd}",
)


def dates(split: str) -> Table:
    """Columns `text` and `target`; 10,000 rows train, 1,000 dev, 1,000 test, every row another day.

    The days lie from 1950 to 2049, so that a year of two digits has one meaning. Figures between dots are day, month,
    year; between slashes month, day, year, or year first if it has four digits. A fifth of the rows is in lower case
    and a fifth in capitals.
    """
    draw = Draw(1950)
    days = draw.order(_DAYS)[: sum(_ROWS.values())]
    columns: dict[str, list[str]] = {"text": [], "target": []}
    for number in days:
        day = _FIRST + timedelta(days=int(number))
        text = _written(day, draw.one(_FORMS))
        columns["text"].append(draw.one((text, text, text, text.lower(), text.upper())))
        columns["target"].append(day.isoformat())
    start = 0
    for name, count in _ROWS.items():
        if name == split:
            break
        start += count
    return Table({name: cells[start : start + _ROWS[split]] for name, cells in columns.items()})


def _written(day: date, form: str) -> str:
    """A day in one of the forms. The names are English whatever the machine's locale."""
    month, weekday = _MONTHS[day.month - 1], _WEEKDAYS[day.weekday()]
    teen = 11 <= day.day <= 13
    return form.format(
        d=day.day,
        dd=f"{day.day:02d}",
        th="th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th"),
        m=day.month,
        mm=f"{day.month:02d}",
        month=month,
        mon=month[:3],
        roman=_ROMAN[day.month - 1],
        y=day.year,
        yy=f"{day.year % 100:02d}",
        weekday=weekday,
        day=weekday[:3],
    )
