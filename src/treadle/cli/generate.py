"""`treadle generate`."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.cli import INTERRUPTED
from treadle.cli.options import as_json
from treadle.errors import InputError


def generate(
    model: Annotated[Path, Argument(help="The run folder of a language model.")],
    prompt: Annotated[str, Option(help="What the text goes on from; - reads it from standard input.")] = "",
    length: Annotated[int, Option(help="Tokens to draw at most.")] = 200,
    temperature: Annotated[float, Option(help="Below 1 more of what is likely, above 1 less; 0 the likeliest.")] = 1.0,
    top_k: Annotated[int | None, Option(help="Draw among so many likeliest tokens.  [default: all]")] = None,
    top_p: Annotated[
        float | None, Option(help="Draw among the likeliest that have this share of the probability.  [default: all]")
    ] = None,
    repetition_penalty: Annotated[float, Option(help="Above 1, what was just said becomes less likely.")] = 1.0,
    stop: Annotated[
        list[str] | None, Option(help=r"End before this text; \n is a line end. May be given several times.")
    ] = None,
    seed: Annotated[int, Option(help="The same seed gives the same text.")] = 0,
    samples: Annotated[int, Option(help="How many texts.")] = 1,
    json: Annotated[bool, Option("--json", help="A JSON object a text, when it has ended.")] = False,
) -> None:
    """Parse, draw, print as it is drawn."""
    from treadle.tasks.config import load_config
    from treadle.tasks.folder import load_model
    from treadle.tasks.language.generate import Generator
    from treadle.tasks.language.sampling import Sampling

    if samples < 1 or length < 0:
        name, value, least = ("samples", samples, 1) if samples < 1 else ("length", length, 0)
        raise InputError(f"{name} is {value}; expected {least} or more")
    sampling = Sampling(temperature, top_k, top_p, repetition_penalty)
    task = load_config(model)[0].task
    if task != "language-model":
        raise InputError(f"{model}: holds a model of the task {task!r}, expected one of the task 'language-model'")
    estimator, _ = load_model(model)
    before = _standard_input() if prompt == "-" else _decoded(prompt.encode(errors="surrogateescape"), "--prompt")
    stops = [one.replace(r"\n", "\n").replace(r"\t", "\t") for one in stop or []]
    shown = before if estimator.codec_.unit in ("char", "byte") else before.rstrip(" ")
    for number in range(samples):
        text = Generator(estimator, before, sampling=sampling, seed=seed, number=number, stop=stops)
        if text.note and number == 0:
            print(f"treadle: {text.note}", file=sys.stderr)
        pieces: list[str] = []
        try:
            if not json:
                print("\n" * (number > 0) + shown, end="", flush=True)
            for piece in text.take(length):
                pieces.append(piece)
                if not json:
                    print(piece, end="", flush=True)
            if not json:
                print()
        except KeyboardInterrupt:
            print(flush=True)
            raise SystemExit(INTERRUPTED) from None
        if json:
            ended = "length" if text.stopped is None else "stop"
            content = {"prompt": before, "text": "".join(pieces), "tokens": text.drawn, "ended": ended}
            print(as_json({**content, "seed": seed, "sample": number}), flush=True)


def _decoded(content: bytes, source: str) -> str:
    """A prompt.

    Raises:
        InputError: It is not text.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: byte {content[error.start]:#04x} is not UTF-8, expected a prompt") from None


def _standard_input() -> str:
    """All of standard input, without a byte order mark and the line end that a shell puts behind it."""
    content = _decoded(sys.stdin.buffer.read(), "standard input")
    return content.removeprefix("\ufeff").replace("\r\n", "\n").removesuffix("\n")
