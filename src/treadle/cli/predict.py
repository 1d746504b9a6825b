"""`treadle predict`."""

import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.cli.options import as_json
from treadle.errors import InputError


def predict(
    model: Annotated[Path, Argument(help="A run folder.")],
    data: Annotated[
        str | None,
        Argument(
            help="A file or folder, or - for standard input: a text, tokens or numbers a line, answered at once. A "
            "forecaster goes on with the series of its run, unless a file is named.",
            show_default=False,
        ),
    ] = None,
    input: Annotated[list[str] | None, Option(help="As in train.  [default: as the model was trained]")] = None,  # noqa: A002 (the option's name)
    target: Annotated[str | None, Option(hidden=True)] = None,  # refused in words that help more than typer's
    format: Annotated[str | None, Option(help="As in train; for a tagger also lines, a sentence a line.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="As in train.")] = None,
    header: Annotated[bool | None, Option(help="As in train.")] = None,
    beam_size: Annotated[int | None, Option(help="Of texts: hypotheses kept of every answer.")] = None,
    n_best: Annotated[int | None, Option(help="Of a translator: so many answers to each text.")] = None,
    saliency: Annotated[
        bool, Option("--saliency", help="Also what moved each answer: the tokens or steps with the largest weights.")
    ] = False,
    json: Annotated[bool, Option("--json", help="A JSON object a row, with probabilities.")] = False,
) -> None:
    """Parse, predict, print: one answer a line, in the order of the rows."""
    from treadle.tasks.config import load_config
    from treadle.tasks.run import work_of
    from treadle.tasks.source import DataSource

    if target is not None:
        raise InputError(f"predict reads no targets, found --target {target!r}")
    work = work_of(model)
    if saliency and load_config(model)[0].get_params().get("engine") == "int8":
        raise InputError(f"{model}: --saliency takes gradients, which a model in 8 bits has not; ask that of float32")
    if data is None and not work.extends:
        raise InputError("no data was given, expected a file, a folder or - for standard input")
    source = DataSource(data or "", input=input or None, format=format, encoding=encoding, header=header)
    piped = data == "-"
    if piped:
        source.refuse_for_lines()
    given = {"beam_size": beam_size, "n_best": n_best, "saliency": saliency or None}
    options = {name: value for name, value in given.items() if value is not None}
    for answer in work.predict(model, source, _standard_input(encoding) if piped else None, options):
        print(as_json(answer.content) if json else answer.text, flush=piped)
        if answer.note:
            print(f"treadle: {answer.note}", file=sys.stderr)


def _standard_input(encoding: str | None) -> Iterator[str]:
    """The lines of standard input, empty ones too, each as soon as it is there.

    Raises:
        InputError: They are not text.
    """
    try:
        b"".decode(encoding or "utf-8-sig")
    except LookupError:
        raise InputError(f"the encoding {encoding!r} is not known") from None
    decoder = getincrementaldecoder(encoding or "utf-8-sig")()
    number, rest = 0, ""
    for content in chain(iter(sys.stdin.buffer.readline, b""), [b""]):
        try:
            rest += decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            raise InputError(
                f"standard input, line {number + 1}: byte {error.object[error.start]:#04x} is not "
                f"{encoding or 'UTF-8'}; name the encoding with --encoding"
            ) from None
        *lines, rest = rest.split("\n")
        number += len(lines)
        yield from (line.removesuffix("\r") for line in lines)
    if rest:
        yield rest
