"""The command line: `treadle COMMAND`. This page answers `treadle --help` alone, without importing anything heavy."""

import sys

COMMANDS = {
    "train": "Train a model on a file or folder, beside an honest baseline.",
    "evaluate": "Measure a trained model on other data.",
    "predict": "Answer for every row of a file, or of standard input.",
    "generate": "Write text with a language model, as it is drawn.",
    "stream": "Answer every step on standard input as it comes, with the state carried along.",
    "serve": "Answer over HTTP and WebSockets, with a page for people to use the models by.",
    "export": "Write a model in a form that runs without Treadle, proved to answer the same.",
    "explain": "Which engine runs a model or a cell, and why; what the compiler makes of a cell.",
    "diagnose": "How far the recurrent layers of a model remember, and what limits them; or cells beside each other.",
    "compress": "Make a trained model smaller, by zeros or by factors of low rank, and train it on.",
    "warmup": "Compile the kernels of cells for this machine, so that nothing waits for them later.",
    "datasets": "List the built-in data sets, or write one to a file.",
    "demo": "Train a classifier on built-in data; under a minute.",
}
"""Every command and what it does; each is a module of this package, imported when it is called."""


INTERRUPTED = 130


def main() -> int:
    """Run the program; the exit code is 0, 2 for bad input, 130 after Ctrl-C, at whatever moment it comes."""
    try:
        return _run(sys.argv[1:])
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal has shown ^C; what follows begins a line
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if arguments[0] == "--version":
        from treadle import __version__

        print(f"treadle {__version__}")
        return 0
    from treadle.cli.program import run

    return run(arguments[0], arguments[1:])


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "Treadle: recurrent neural networks for any sequence.",
            "",
            "usage: treadle COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "treadle COMMAND --help shows the options of a command; treadle --version the version.",
        ]
    )
