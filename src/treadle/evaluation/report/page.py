"""The page: sections in the order in which a reader asks. How good? Why? Where not? From what? How again?"""

from collections.abc import Sequence
from importlib.resources import files
from string import Template

from treadle.evaluation.report.answer import answer, scores_table
from treadle.evaluation.report.content import Report
from treadle.evaluation.report.errors import worst_errors
from treadle.evaluation.report.findings import answers_by_class, calibration, confusion, lengths, scatter, training
from treadle.evaluation.report.html import Html, details, element, flat, join, table, text


def render(report: Report) -> str:
    """The report as one self-contained HTML page: no script, no file and no address outside it is needed.

    It follows the reader's light or dark mode, prints, and is readable without colours and without pictures. Everything
    that a user gave is escaped. Parts that the report lacks are left out.

    Args:
        report: See `build_report`.

    Returns:
        The page's text; write it as UTF-8.
    """
    sections = [
        ("result", "Result", [answer(report), scores_table(report)]),
        ("training", "Training", training(report)),
        (
            "answers",
            "Where it is right and wrong",
            [
                *_grid("pictures", [*scatter(report), *calibration(report), *lengths(report)]),
                *_grid("tables", [*confusion(report), *answers_by_class(report)]),
            ],
        ),
        ("errors", "Worst errors", worst_errors(report)),
        *((one.name, one.heading, list(one.parts)) for one in report.sections),
        ("data", "Data", _data(report)),
        ("again", "Do it again", _again(report)),
    ]
    return assemble(report.title, report.kind, report.summary, sections, report.language)


def assemble(
    title: str, kicker: str, summary: str, sections: Sequence[tuple[str, str, Sequence[Html]]], language: str = "en"
) -> str:
    """A page of sections: a name for links, a heading, and parts; those without parts are left out.

    Args:
        title: Headline.
        kicker: A few words above it.
        summary: A sentence below it, or nothing.
        sections: From top to bottom.
        language: Of the page's own words.
    """
    present = [(name, heading, join(parts)) for name, heading, parts in sections if parts]
    links = join(element("a", heading, href=f"#{name}") for name, heading, _ in present)
    body = join(
        element("section", join([element("h2", heading, id=f"{name}-heading"), content]), id=name, class_=name)
        for name, heading, content in present
    )
    folder = files("treadle.evaluation.report")
    return Template(folder.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        language=text(language),
        title=text(title),
        style=folder.joinpath("page.css").read_text(encoding="utf-8"),
        kicker=text(kicker),
        summary=element("p", summary, class_="summary") if summary else "",
        links=links,
        body=body,
    )


def _grid(class_: str, parts: list[Html]) -> list[Html]:
    """Parts that are read side by side where the page is wide enough."""
    return [element("div", join(parts), class_=class_)] if parts else []


def _data(report: Report) -> list[Html]:
    if not report.data_notes:
        return []
    return [element("ul", join(element("li", note) for note in report.data_notes), class_="notes")]


def _again(report: Report) -> list[Html]:
    parts: list[Html] = []
    if report.commands:
        parts.append(element("pre", element("code", "\n".join(report.commands)), tabindex="0"))
    if report.facts:
        parts.append(table("Made with", ["What", "Value"], report.facts.items(), class_="plain", numeric_from=9))
    if report.config:
        options = flat(report.config)
        listed = table("Options, as resolved", ["Option", "Value"], options, class_="plain", numeric_from=9)
        parts.append(details(f"All {len(options)} options", listed))
    return parts
