"""`treadle predict`."""

import sys
from dataclasses import replace
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from treadle.cli.options import as_json
from treadle.errors import InputError

if TYPE_CHECKING:
    from treadle.data import Roles, Table


def predict(
    model: Annotated[Path, Argument(help="A run folder.")],
    data: Annotated[
        str,
        Argument(help="A file or folder, or - for standard input: a text, tokens or numbers a line."),
    ],
    format: Annotated[str | None, Option(help="As in train.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="As in train.")] = None,
    header: Annotated[bool | None, Option(help="As in train.")] = None,
    json: Annotated[bool, Option("--json", help="A JSON object a row, with probabilities.")] = False,
) -> None:
    """Parse, predict, print: one answer a line, in the order of the rows."""
    from treadle.data import extract
    from treadle.tasks.folder import load_model
    from treadle.tasks.reporting import answers
    from treadle.tasks.source import DataSource, roles_of

    estimator, saved = load_model(model)
    roles = roles_of(model, saved)
    if data == "-":
        table, roles = _standard_input(roles, encoding)
    else:
        table = DataSource(data, format=format, encoding=encoding, header=header).open(data, "test")
    for answer in answers(estimator, extract(table, roles), table.where):
        print(
            as_json(answer)
            if json
            else answer["prediction"]
            if isinstance(answer["prediction"], str)
            else as_json(answer["prediction"])
        )


def _standard_input(roles: "Roles", encoding: str | None) -> "tuple[Table, Roles]":
    """A table of one column, with a row for every line (empty ones too, so that answers stay beside their lines).

    Raises:
        InputError: The model reads several columns, or the lines are not text.
    """
    from treadle.data import Table

    if len(roles.inputs) > 1:
        raise InputError(f"standard input has one column and the model reads {len(roles.inputs)}; give a file")
    content = sys.stdin.buffer.read()
    try:
        lines = content.decode(encoding or "utf-8-sig").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"standard input, line {line}: byte {content[error.start]:#04x} is not {encoding or 'UTF-8'}; "
            "name the encoding with --encoding"
        ) from None
    except LookupError:
        raise InputError(f"the encoding {encoding!r} is not known") from None
    lines = lines if content else []
    name = roles.inputs[0]
    table = Table(
        {name: [_cell(line, roles.kinds[name]) for line in lines]},
        source="standard input",
        lines=list(range(1, len(lines) + 1)),
    )
    return table, replace(roles, wide=[])


def _cell(line: str, kind: str) -> Any:
    """What a line holds: tokens between spaces; a series, of several channels if it is a JSON list of lists; a text."""
    if kind == "tokens":
        return line.split()
    if kind == "series" and line.startswith("[["):
        try:
            return loads(line)
        except ValueError:
            return line  # refused, with its place, where all cells are checked
    return line
