"""`treadle serve`."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.errors import InputError


def serve(
    models: Annotated[list[Path], Argument(help="Model folders, or folders of model folders.", show_default=False)],
    host: Annotated[str, Option(help="The address; one that other machines can reach needs a token.")] = "127.0.0.1",
    port: Annotated[int, Option(help="Of the address; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None, Option(envvar="TREADLE_TOKEN", help="That clients must send; better given by the variable.")
    ] = None,
    max_body: Annotated[int, Option(help="Bytes of a request at most.")] = 8 << 20,
    max_length: Annotated[int, Option(help="Characters, tokens or numbers of an input at most.")] = 20_000,
    max_sessions: Annotated[int, Option(help="Open streams of a model at most.")] = 10_000,
    timeout: Annotated[float, Option(help="Seconds until an answer is there.")] = 60.0,
    batch_wait: Annotated[float, Option(help="Milliseconds that a request waits for others at most.")] = 2.0,
) -> None:
    """Parse, open, serve until Ctrl-C."""
    try:
        from treadle.serving import Limits
        from treadle.serving import serve as run
    except ModuleNotFoundError as error:
        raise InputError(
            f"serving needs the package {error.name}, which is not installed; pip install 'treadle[serve]'"
        ) from None
    limits = Limits(
        body_bytes=max_body,
        length=max_length,
        sessions=max_sessions,
        answer_seconds=timeout,
        batch_seconds=batch_wait / 1000,
    )
    run(
        models,
        host=host,
        port=port,
        token=token,
        limits=limits,
        say=lambda sentence: print(f"treadle: {sentence}", flush=True),
        warn=lambda sentence: print(f"treadle: {sentence}", file=sys.stderr),
    )
