"""`treadle predict`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.cli.options import as_json
from treadle.errors import InputError


def predict(
    model: Annotated[Path, Argument(help="A run folder.")],
    data: Annotated[
        str,
        Argument(help="A file or folder, or - for standard input: a text, tokens or numbers a line."),
    ],
    input: Annotated[list[str] | None, Option(help="As in train.  [default: as the model was trained]")] = None,  # noqa: A002 (the option's name)
    target: Annotated[str | None, Option(help="The column of the tags, where sentences have some.")] = None,
    format: Annotated[str | None, Option(help="As in train.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="As in train.")] = None,
    header: Annotated[bool | None, Option(help="As in train.")] = None,
    json: Annotated[bool, Option("--json", help="A JSON object a row, with probabilities.")] = False,
) -> None:
    """Parse, predict, print: one answer a line, in the order of the rows."""
    from treadle.tasks.run import work_of
    from treadle.tasks.source import DataSource

    if data == "-" and (input or target):
        raise InputError(f"standard input has no columns, found {'--input' if input else '--target'}")
    source = DataSource(data, input=input or None, target=target, format=format, encoding=encoding, header=header)
    lines = _standard_input(encoding) if data == "-" else None
    for answer in work_of(model).predict(model, source, lines):
        print(as_json(answer.content) if json else answer.text)


def _standard_input(encoding: str | None) -> Iterator[str]:
    """The lines of standard input, empty ones too; nothing is read before the first is asked for.

    Raises:
        InputError: They are not text.
    """
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
    yield from lines if content else []
