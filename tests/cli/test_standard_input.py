"""`treadle predict MODEL -`: a line in, an answer out at once."""

import sys
from io import BytesIO, StringIO
from types import SimpleNamespace

import pytest


@pytest.mark.parametrize(
    ("content", "options", "answers"),
    [
        (b"fine film\ndull film\n", [], ["good", "bad"]),
        (b"dull film\r\n\r\nfine film", [], ["bad", None, "good"]),
        (b"\xef\xbb\xbffine film\n", [], ["good"]),
        ("fine café\n".encode("latin-1"), ["--encoding", "latin-1"], ["good"]),
        ("fine film\n".encode("utf-16"), ["--encoding", "utf-16"], ["good"]),
        (b"", [], []),
    ],
)
def test_predict_reads_standard_input(treadle, run_folder, piped, content, options, answers):
    piped(content)
    said = treadle("predict", run_folder.folder, "-", *options)
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) == len(answers)
    assert all(answer is None or answer == line for answer, line in zip(answers, lines, strict=True))


class Console(StringIO):
    """Shows what was flushed."""

    shown = ""

    def flush(self):
        self.shown = self.getvalue()


def test_each_line_is_answered_before_the_next_is_read(treadle, run_folder, monkeypatch):
    console, seen = Console(), []

    class Typist(BytesIO):
        def readline(self, size=-1):
            seen.append(console.shown)
            return super().readline(size)

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Typist(b"fine film\ndull film\n")))
    monkeypatch.setattr(sys, "stdout", console)
    assert treadle("predict", run_folder.folder, "-").code == 0
    assert seen == ["", "good\n", "good\nbad\n"]


@pytest.mark.parametrize(
    "option", [["--format", "csv"], ["--header"], ["--no-header"], ["--input", "review"]], ids=" ".join
)
def test_what_lines_do_not_have_is_refused(treadle, run_folder, option):
    said = treadle("predict", run_folder.folder, "-", *option)
    assert said.code == 2
    name = option[0].replace("no-", "")
    assert said.err == f"treadle: {name} is for files; standard input has an input a line and nothing else\n"


def test_standard_input_that_is_not_utf8_is_refused(treadle, run_folder, piped):
    piped("fine\ncafé\n".encode("latin-1"))
    said = treadle("predict", run_folder.folder, "-")
    assert said.code == 2
    assert said.err == "treadle: standard input, line 2: byte 0xe9 is not UTF-8; name the encoding with --encoding\n"
    assert said.out == "good\n"
