"""Help is complete and answers at once."""

import subprocess
import sys

import pytest

from treadle.cli import COMMANDS

HEAVY = ("torch", "numpy", "typer", "click", "sklearn", "matplotlib", "pyarrow", "pydantic", "treadle.tasks")


def loaded_by(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and which of the heavy modules it imports, in a process of its own."""
    program = (
        "import sys; from treadle.cli import main; code = main(); "
        f"print('loaded', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return ran.stdout, set(ran.stderr.split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], [], ["--version"]], ids=str)
def test_help_imports_nothing_heavy(arguments):
    said, loaded = loaded_by(*arguments)
    assert said
    assert not loaded


def test_help_lists_exactly_the_commands_that_there_are(treadle):
    said = treadle("--help")
    listed = [line.split()[0] for line in said.out.split("usage:")[1].splitlines() if line.startswith("  ")]
    assert listed == list(COMMANDS)
    assert said.code == 0
    for command in listed:
        assert treadle(command, "--help").code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_does_not_wait_for_torch(command):
    said, loaded = loaded_by(command, "--help")
    assert f"treadle {command}" in said
    assert COMMANDS[command] in " ".join(said.split())
    assert "torch" not in loaded
    assert "sklearn" not in loaded


def test_the_package_is_imported_lazily():
    program = (
        "import sys, treadle; assert not {'torch', 'numpy'} & {*sys.modules}; assert treadle.LSTM.__name__ == 'LSTM'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_defaults_that_help_names_are_the_estimators(treadle):
    from treadle import SequenceClassifier

    said = " ".join(treadle("train", "--help").out.split())
    defaults = SequenceClassifier.parameters()
    for option, name in {"Its peak.": "learning_rate", "Units of a layer.": "hidden_size", "Depth.": "layers"}.items():
        assert f"{option} [default: {defaults[name]:g}]" in said
    assert f"lstm, gru, sru, min-gru or another of docs/cells.md. [default: {defaults['cell']}]" in said
    assert f"max, mean, last, attention or concat. [default: {defaults['pooling']}]" in said


def test_the_version(treadle):
    import treadle as package

    assert treadle("--version").out == f"treadle {package.__version__}\n"


@pytest.mark.parametrize("module", ["typer", "treadle.cli.predict", "torch", "treadle.tasks.folder"])
def test_ctrl_c_while_the_program_is_still_starting_is_no_traceback(module):
    """Pressed in the first tenth of a second it arrives in the middle of an import."""
    program = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "from treadle.cli import main\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "predict", "nowhere", "-"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode == 130
    assert "Traceback" not in ran.stderr
