"""`treadle evaluate`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.cli.options import as_json, figures
from treadle.errors import counted


def evaluate(
    model: Annotated[Path, Argument(help="A run folder.")],
    data: Annotated[str, Argument(help="A file or folder like the one it was trained on, or builtin:NAME.")],
    format: Annotated[str | None, Option(help="As in train.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="As in train.")] = None,
    header: Annotated[bool | None, Option(help="As in train.")] = None,
    separator: Annotated[str | None, Option(help="As in train.  [default: the one it was trained with]")] = None,
    report: Annotated[Path | None, Option(help="Also write a report page to this file.")] = None,
    json: Annotated[bool, Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """Parse, measure, print."""
    from treadle.evaluation.report import render
    from treadle.tasks.folder import load_config, load_model
    from treadle.tasks.outcome import plain_figures
    from treadle.tasks.reporting import describe, make_report, metrics, predictions
    from treadle.tasks.source import DataSource, read_split, roles_of
    from treadle.training import write_atomically

    estimator, roles = load_model(model)
    table = DataSource(data, format=format, encoding=encoding, header=header).open(data, "test")
    separator = separator or load_config(model)[1].get("separator")
    split = read_split(table, roles_of(model, roles), separator=separator, classes=estimator.target_.classes.tolist())
    scores = metrics(estimator, predictions(estimator, split))
    print(as_json(plain_figures(scores)) if json else f"{counted(len(split), 'row')}  {figures(scores)}")
    if report is not None:
        page = make_report(estimator, f"{describe(estimator)} on {Path(data).name}", {"test": split})
        write_atomically(report, render(page).encode())
        print(f"report {report}")
