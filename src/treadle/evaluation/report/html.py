"""Small pieces of HTML. Whatever a user gave (labels, texts, file names) is escaped by `text`, and nowhere else."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


class Html(str):
    """A string that is HTML already; everything else is escaped when it is put into a page."""

    __slots__ = ()


def text(value: object) -> Html:
    """Any value as HTML: `Html` as it is, everything else with `<`, `>`, `&` and quotes escaped."""
    return value if isinstance(value, Html) else Html(escape(str(value), quote=True))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Parts as HTML, one after the other."""
    return Html(between.join(text(part) for part in parts))


def element(name: str, content: object = "", **attributes: object) -> Html:
    """`<name attribute="value">content</name>`; `class_` stands for `class`, and an attribute of None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{text(content)}</{name}>")


def table(
    caption: object,
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    class_: str = "",
    numeric_from: int = 1,
) -> Html:
    """A table with a caption, column headers, and the first cell of every row as its header.

    Args:
        caption: What the table holds.
        head: Column headers.
        rows: Cells; the first is the row's header.
        class_: CSS class.
        numeric_from: Columns from this one on hold numbers, set flush right.
    """

    def cell(name: str, content: object, column: int, scope: str | None = None) -> Html:
        return element(name, content, scope=scope, class_="number" if column >= numeric_from else None)

    header = join(cell("th", content, column, "col") for column, content in enumerate(head))
    body = join(
        element(
            "tr",
            join(
                cell("td" if column else "th", content, column, None if column else "row")
                for column, content in enumerate(row)
            ),
        )
        for row in rows
    )
    content = join([element("caption", caption), element("thead", element("tr", header)), element("tbody", body)])
    return element("div", element("table", content, class_=class_ or None), class_="scroll")


def figure(svg: str, caption: object, title: object, class_: str | None = None) -> Html:
    """A picture under its title, with a sentence that says how to read it."""
    content = join([element("h3", title), Html(svg), element("figcaption", caption)])
    return element("figure", content, class_=class_)


def details(summary: object, content: object) -> Html:
    """Content that opens on demand."""
    return element("details", join([element("summary", summary), content]))


def flat(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested options as dotted names and readable values: `{"a": {"b": 1}}` gives `[("a.b", "1")]`."""
    lines: list[tuple[str, str]] = []
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            lines += flat(value, f"{prefix}{key}.")
        else:
            lines.append((f"{prefix}{key}", "–" if value is None else str(value)))
    return lines
