"""`treadle predict`."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.cli.options import as_json
from treadle.errors import InputError


def predict(
    model: Annotated[Path, Argument(help="A run folder.")],
    data: Annotated[str, Argument(help="A file or folder, or - for standard input, one sequence a line.")],
    format: Annotated[str | None, Option(help="As in train.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="As in train.")] = None,
    header: Annotated[bool | None, Option(help="As in train.")] = None,
    json: Annotated[bool, Option("--json", help="A JSON object a row, with probabilities.")] = False,
) -> None:
    """Parse, predict, print: one answer a line, in the order of the rows."""
    from treadle.data import Table, extract
    from treadle.tasks.folder import load_model
    from treadle.tasks.reporting import answers
    from treadle.tasks.run import DataSource, roles_of

    estimator, saved = load_model(model)
    roles = roles_of(model, saved)
    if data == "-":
        if len(roles.inputs) > 1:
            raise InputError(f"standard input has one column and the model reads {len(roles.inputs)}; give a file")
        lines = [line.rstrip("\r\n") for line in sys.stdin]
        table = Table({roles.inputs[0]: list(lines)}, source="standard input", lines=list(range(1, len(lines) + 1)))
    else:
        table = DataSource(data, format=format, encoding=encoding, header=header).open(data, "test")
    for answer in answers(estimator, extract(table, roles)):
        print(
            as_json(answer)
            if json
            else answer["prediction"]
            if isinstance(answer["prediction"], str)
            else as_json(answer["prediction"])
        )
