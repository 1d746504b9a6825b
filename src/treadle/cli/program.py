"""Runs one command: parses its options, and turns what went wrong into one sentence and an exit code."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import typer

from treadle.cli import COMMANDS, INTERRUPTED
from treadle.errors import InputError, nearest
from treadle.expected import expected

BAD_INPUT = 2

_UsageError: Any = typer.BadParameter.__bases__[0]
"""What typer raises for options that do not fit; the class itself has another home in each of typer's versions."""


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The user stopped a command that can go on later; the message says how."""


def run(command: str, arguments: list[str]) -> int:
    """Run a command.

    Args:
        command: Its name.
        arguments: What follows the name.

    Returns:
        The exit code.
    """
    if command not in COMMANDS:
        return fail(f"there is no command {command!r}{nearest(command, COMMANDS)}")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a label that a console cannot show
    program = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    program.command(help=COMMANDS[command])(getattr(import_module(f"treadle.cli.{command}"), command))
    try:
        code = program(args=arguments, prog_name=f"treadle {command}", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except _UsageError as error:
        return fail(_misuse(command, error))
    except InputError as error:
        return fail(str(error))
    except Stopped as stopped:
        print(f"\n{stopped}", file=sys.stderr)
        return INTERRUPTED
    except typer.Abort:  # a Ctrl-C, as some of typer's versions say it
        return INTERRUPTED
    except SystemExit as end:  # typer has seen that the reader of our output has gone away
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:  # the same, while nobody looked; so that Python does not complain at exit:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a folder that may not be written to, a full disk
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0


def _misuse(command: str, error: Any) -> str:
    """What is wrong with a command's options."""
    if hasattr(error, "possibilities"):
        known = [
            name for one in error.ctx.command.params for name in (*one.opts, *one.secondary_opts) if name[0] == "-"
        ]
        return f"{command} has no option {error.option_name!r}{nearest(error.option_name, known)}"
    refused = getattr(error.__cause__, "errors", None)  # pydantic's, by which newer versions of typer read values
    if refused is not None:
        error.message = f"found {refused()[0]['input']!r}, expected {expected(refused())}"
    said = error.format_message().rstrip(".")
    return f"{command}: {said[:1].lower()}{said[1:]}; treadle {command} --help shows what there is"


def fail(sentence: str) -> int:
    """Say what is wrong, in one sentence on standard error."""
    print(f"treadle: {sentence}", file=sys.stderr)
    return BAD_INPUT
