"""The documentation is true: its code runs, its commands parse, its tables list what there is."""

import doctest
import json
import re
import runpy
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import typer
from typer.main import get_command

from treadle import Captioner, LanguageModel, SequenceClassifier, SequenceRegressor, SpeechRecognizer, Translator, cells
from treadle.cells import contract
from treadle.cells.gated import GatedCell
from treadle.cli import COMMANDS, options, program
from treadle.data import FORMATS
from treadle.data.builtin import DATASETS
from treadle.data.readers import _SUFFIXES
from treadle.nn import ENGINES, POOLINGS
from treadle.tasks import config, folder, outcome
from treadle.tasks.estimator import Estimator
from treadle.tasks.language import Adaptation
from treadle.tasks.transcribe.settings import SearchSettings

ROOT = Path(__file__).resolve().parents[1]
READMES = ["README.md", "README.zh-CN.md"]
PAGES = [*READMES, "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the line of the page where it starts, and its text."""

    language: str
    line: int
    text: str


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[Block]:
    text = text_of(page)
    found = []
    for match in _FENCE.finditer(text):
        indent = len(match[1])
        body = "\n".join(line[indent:] for line in match[3].split("\n"))
        found.append(Block(match[2], text.count("\n", 0, match.start(3)), body))
    return [block for block in found if block.language in languages]


def prose(page: str) -> str:
    return _FENCE.sub("", text_of(page))


def table(page: str, *head: str) -> list[list[str]]:
    """The rows of all tables of a page whose first columns are headed so, cells stripped."""
    rows, inside = [], False
    for line in text_of(page).split("\n"):
        cells_ = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells_:
            inside = False
        elif inside and not set("".join(cells_)) <= set("-: "):
            rows.append(cells_)
        inside = inside or tuple(cells_[: len(head)]) == head
    assert rows, f"{page} has no table headed {head}"
    return rows


def names(cell: str) -> list[str]:
    """What stands in backticks."""
    return _SPAN.findall(cell)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages write files and register cells; neither outlives the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contract, "_registry", dict(contract._registry))
    monkeypatch.setattr("sys.argv", ["example"])
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python") and page != "README.zh-CN.md"])
def test_the_code_of_a_page_runs_from_top_to_bottom(page: str, elsewhere: Path) -> None:
    names_so_far: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page, "python"):
        if block.text.startswith(">>>"):
            session = doctest.DocTestParser().get_doctest(block.text, names_so_far, page, page, block.line)
            flags = doctest.IGNORE_EXCEPTION_DETAIL
            shown: list[str] = []
            result = doctest.DocTestRunner(optionflags=flags).run(session, out=shown.append, clear_globs=False)
            assert result.failed == 0, "".join(shown)
        else:
            exec(compile("\n" * block.line + block.text, page, "exec"), names_so_far)


def test_both_readmes_show_the_same_code_but_for_comments() -> None:
    english, chinese = ([re.sub(r" *#.*", "", b.text) for b in blocks(page, "python", "sh")] for page in READMES)
    assert english == chinese


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mpl.rc_context():
        runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()


def commands() -> Iterator[Any]:
    """Every `treadle ...` in the blocks of a page, and in its prose where more than the name stands there."""
    for page in PAGES:
        for block in blocks(page, "sh", "text", "console"):
            for number, line in enumerate(block.text.split("\n"), block.line + 1):
                found = re.search(r"(?:^|[|$:] ?)(treadle ([^|<>\"]|\"[^\"]*\")*)", line)
                if found and not line.startswith("treadle:"):
                    yield pytest.param(found[1], id=f"{page}:{number}")
        for span in names(prose(page)):
            if span.startswith("treadle ") and len(span.split()) > 2:
                yield pytest.param(span, id=f"{page}: {span}")


def parsed(line: str) -> dict[str, Any]:
    """The options that a command line sets, as the program itself reads them."""
    _, command, *words = shlex.split(line, comments=True)
    assert command in COMMANDS, f"there is no command {command!r}"
    typed = typer.Typer(add_completion=False)
    typed.command()(getattr(import_module(f"treadle.cli.{command}"), command))
    context: Any = get_command(typed).make_context(command, words)
    return dict(context.params)


@pytest.mark.parametrize("line", list(commands()))
def test_a_command_parses(line: str) -> None:
    if line.split()[1].startswith("-") or line.split()[-1] == "--help":
        assert line in ("treadle --help", "treadle --version") or line.split()[1] in COMMANDS
        return
    settings = options.parse_settings(parsed(line).get("settings") or [])
    known = [set(estimator.parameters()) for estimator in config.ESTIMATORS.values()]
    if line.split()[1] == "evaluate":
        known = [set(Adaptation.model_fields), set(SearchSettings.model_fields)]
    assert any(set(settings) <= names_ for names_ in known)


def test_a_command_with_an_unknown_option_would_be_seen() -> None:
    with pytest.raises(Exception, match="No such option"):
        parsed("treadle train data.csv --hiden 3")


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE))
    for page in PAGES:
        shown = [line for block in blocks(page, "sh") for line in block.text.split("\n")] + names(prose(page))
        asked = {found[1] for line in shown if (found := re.match(r"make ([\w-]+)", line))}
        assert asked <= targets, f"{page}: there is no make {asked - targets}"


def test_configurations_are_valid() -> None:
    for page in PAGES:
        for block in blocks(page, "toml"):
            SequenceClassifier(**tomllib.loads(block.text))
        for block in blocks(page, "json"):
            json.loads(block.text)


def test_the_argument_table_is_the_signature() -> None:
    rows = {names(row[0])[0]: names(row[1])[0] for row in table("docs/classifier.md", "argument", "default")}
    both = SequenceClassifier.parameters() | SequenceRegressor.parameters()
    assert rows == {name: spelt(value) for name, value in both.items()}
    assert set(SequenceClassifier.parameters()) == set(rows) - {"bptt"}
    assert set(SequenceRegressor.parameters()) == set(rows) - {"class_weight"}


def test_the_tables_of_a_language_model_are_its_own_arguments_and_ways_to_adapt() -> None:
    rows = {names(row[0])[0]: names(row[1])[0] for row in table("docs/language.md", "argument", "default")}
    mine, all_ = LanguageModel.parameters(), Estimator.parameters()
    own = {name: value for name, value in mine.items() if name not in all_ or all_[name] != value}
    assert rows == {name: spelt(value) for name, value in own.items()}
    rows = {names(row[0])[0]: names(row[1])[0] for row in table("docs/language.md", "option", "default")}
    assert rows == {name: spelt(field.default) for name, field in Adaptation.model_fields.items()}


def test_the_table_of_a_recogniser_is_its_own_arguments() -> None:
    rows = {names(row[0])[0]: names(row[1])[0] for row in table("docs/speech.md", "argument", "default")}
    mine, all_ = SpeechRecognizer.parameters(), Estimator.parameters()
    assert rows == {name: spelt(value) for name, value in mine.items() if name not in all_ or all_[name] != value}


def test_the_table_of_a_translator_is_its_own_arguments() -> None:
    rows = {names(row[0])[0]: names(row[1])[0] for row in table("docs/translation.md", "argument", "default")}
    mine, all_ = Translator.parameters(), Estimator.parameters()
    own = {name: value for name, value in mine.items() if name not in all_ or all_[name] != value}
    assert rows == {name: spelt(value) for name, value in own.items()} | {"layers": "1"}


def test_the_table_of_a_captioner_is_its_own_arguments() -> None:
    rows = {names(row[0])[0]: names(row[1])[0] for row in table("docs/captions.md", "argument", "default")}
    mine, all_ = Captioner.parameters(), Estimator.parameters()
    own = {name: value for name, value in mine.items() if name not in all_ or all_[name] != value}
    assert rows == {name: spelt(value) for name, value in own.items()}


def spelt(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


LISTS: dict[str, tuple[Callable[[], list[str]], Callable[[], list[str]]]] = {
    "engines": (lambda: [names(row[0])[0] for row in table("docs/layers.md", "engine")], lambda: list(ENGINES)),
    "initialisations": (
        lambda: [names(row[0])[0] for row in table("docs/layers.md", "`init=`")],
        lambda: list(cells.SCHEMES),
    ),
    "cells": (
        lambda: [name for row in table("docs/cells.md", "name", "step") for name in names(row[0])],
        lambda: list(cells.cell_names()),
    ),
    "poolings": (
        lambda: next(names(row[2]) for row in table("docs/classifier.md", "argument") if row[0] == "`pooling`"),
        lambda: list(POOLINGS),
    ),
    "formats": (lambda: [names(row[0])[0] for row in table("docs/data.md", "format")], lambda: list(FORMATS)),
    "suffixes": (
        lambda: [name for row in table("docs/data.md", "format") for name in names(row[1])],
        lambda: list(_SUFFIXES),
    ),
    "files of a run folder": (
        lambda: [names(row[0])[0] for row in table("docs/runs.md", "file", "holds")],
        lambda: [
            *(config.CONFIG, folder.FEATURES, folder.WEIGHTS, folder.METRICS, folder.RESULT, folder.CHECKPOINT),
            outcome.REPORT,
        ],
    ),
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_names_what_there_is(what: str) -> None:
    said, real = (function() for function in LISTS[what])
    assert sorted(said) == sorted(real)


@pytest.mark.parametrize("page", READMES)
def test_a_readme_lists_commands_tasks_cells_and_engines(page: str) -> None:
    head = {"README.md": ("command", "task"), "README.zh-CN.md": ("命令", "任务")}[page]
    assert [names(row[0])[0].split()[1] for row in table(page, head[0])] == list(COMMANDS)
    tasks = {task: type_.__name__ for task, type_ in config.ESTIMATORS.items()}
    assert dict(names(row[0]) for row in table(page, head[1])) == tasks
    lines = next(part for part in text_of(page).split("\n\n") if part.startswith(("Cells:", "单元：")))
    assert "](docs/cells.md)" in lines
    assert set(ENGINES) <= set(names(lines)) <= {*cells.cell_names(), *ENGINES}


def test_the_table_of_cells_tells_their_states_and_how_many_weights_they_have() -> None:
    def size(name: str) -> int:
        return sum(parameter.numel() for parameter in cells.make_cell(name, 128, 128).parameters())

    for row in table("docs/cells.md", "name", "step"):
        for name in names(row[0]):
            state = cells.make_cell(name, 2, 3).state_type
            assert row[2] == f"`{state.__name__}({', '.join(state._fields)})`"
            assert row[3] == f"{size(name) / size('lstm'):.2f}", name


def test_the_options_that_the_table_of_cells_names_are_those_that_a_cell_has() -> None:
    def options(kind: type) -> set[str]:
        taken = {p.name for p in signature(kind.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY}
        return taken | options(kind.__base__) if kind is not GatedCell else taken

    for row in table("docs/cells.md", "name", "step"):
        for name in names(row[0]):
            own = options(type(cells.make_cell(name, 2, 3))) - options(GatedCell)
            if own != {"nonlinearity"}:  # Elman's, which is a name of its own in the table
                assert own == set(names(row[1])) - set(cells.cell_names()), name


def test_the_data_sets_are_those_of_the_register() -> None:
    rows = {names(row[0])[0]: row[2:] for row in table("docs/data.md", "name", "what")}
    real = {data.name: ["generated" if data.generated else "real", data.task] for data in DATASETS.values()}
    assert rows == real


def test_the_page_of_equivalence_names_every_file_of_the_suite() -> None:
    said = {name for row in table("docs/equivalence.md", "", "property") for name in names(row[2])}
    assert {f"tests/equivalence/{path.name}" for path in (ROOT / "tests/equivalence").glob("test_*.py")} <= said


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (ROOT / page).parent / path if path else ROOT / page
        assert found.exists(), f"{page} links to {target}"
        headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings]
    for span in names(prose(page)):
        if re.fullmatch(r"(src|tests|bench|docs|examples)/[\w./-]*", span) and "NAME" not in span:
            assert (ROOT / span).exists(), f"{page} names {span}"


def test_the_sentence_about_encodings_is_what_the_program_says(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    review = "label,review\n1,很好吃，送得也快，下次还会再来\n0,味道不好，等了很久才送到，不会再买了\n"
    Path("gb.csv").write_bytes((review + review.split("\n", 1)[1] * 20).encode("gb18030"))
    (shown,) = blocks("docs/data.md", "text")
    assert program.run("train", ["gb.csv"]) == program.BAD_INPUT
    assert capsys.readouterr().err.strip() == shown.text.strip().split("\n")[1]
