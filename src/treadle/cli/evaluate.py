"""`treadle evaluate`."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from treadle.cli.options import as_json, figures, parse_settings


def evaluate(
    model: Annotated[Path, Argument(help="A run folder.")],
    data: Annotated[str, Argument(help="A file or folder like the one it was trained on, or builtin:NAME.")],
    input: Annotated[list[str] | None, Option(help="As in train.  [default: as the model was trained]")] = None,  # noqa: A002 (the option's name)
    target: Annotated[str | None, Option(help="The column with the truth.  [default: likewise]")] = None,
    format: Annotated[str | None, Option(help="As in train.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="As in train.")] = None,
    header: Annotated[bool | None, Option(help="As in train.")] = None,
    separator: Annotated[str | None, Option(help="As in train.  [default: the one it was trained with]")] = None,
    rolling: Annotated[
        bool, Option("--rolling", help="Of forecasts: from many points in time; --set windows=10, --set step=HORIZON.")
    ] = False,
    beam_size: Annotated[int | None, Option(help="Of texts: hypotheses kept of every answer.")] = None,
    settings: Annotated[
        list[str] | None, Option("--set", help="How to measure, where the task knows several ways; see the docs.")
    ] = None,
    report: Annotated[Path | None, Option(help="Also write a report page to this file.")] = None,
    json: Annotated[bool, Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """Parse, measure, print."""
    from treadle.tasks.outcome import plain_figures, write_page
    from treadle.tasks.run import work_of
    from treadle.tasks.source import DataSource

    reading: dict[str, Any] = {"separator": separator, "format": format, "encoding": encoding, "header": header}
    source = DataSource(data, input=input or None, target=target, **reading)
    options = parse_settings(settings or []) | ({"rolling": True} if rolling else {})
    options |= {} if beam_size is None else {"beam_size": beam_size}
    measured = work_of(model).evaluate(model, source, options)
    scores = measured.scores
    print(as_json(plain_figures(scores)) if json else f"{measured.amount}  {figures(scores)}")
    if report is not None:
        print(f"report {write_page(report, measured.page())}")
