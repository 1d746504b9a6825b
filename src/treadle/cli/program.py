"""Runs one command: parses its options, and turns what went wrong into one sentence and an exit code."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper

import typer

from treadle.cli import COMMANDS, INTERRUPTED
from treadle.errors import InputError, nearest

BAD_INPUT = 2


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
        program(args=arguments, prog_name=f"treadle {command}")
    except InputError as error:
        return fail(str(error))
    except Stopped as stopped:
        print(f"\n{stopped}", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as end:  # typer has shown help (0), said what is wrong with an option (2), or caught a Ctrl-C
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:  # the reader of our output has gone away; so that Python does not complain at exit:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a folder that may not be written to, a full disk
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 0


def fail(sentence: str) -> int:
    """Say what is wrong, in one sentence on standard error."""
    print(f"treadle: {sentence}", file=sys.stderr)
    return BAD_INPUT
