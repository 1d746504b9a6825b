"""Which task a source of data means, where `--task` does not say."""

from pathlib import Path

from treadle.data.audio import has_speech_columns
from treadle.data.forecasting.recognition import has_series_columns
from treadle.data.pairs import find_parallel
from treadle.data.paths import suffix_of
from treadle.data.pictures import has_caption_columns
from treadle.data.tagging import COLUMN_SUFFIXES
from treadle.tasks.source import BUILTIN, DataSource, builtin
from treadle.tasks.work import WORKS

TABLE = "classify"
"""The task that stands for all tables: whether classes or numbers are asked for, their target tells."""

TAGGED_FILES = ("seq.in", "seq.out")


def choose_task(source: DataSource) -> str:
    """The task that was named; else that of a built-in data set, or what the look of the data says.

    - files `.conll`, `.conllu`, `.bio` and `.iob` (gz too), and folders with `seq.in` and `seq.out`: "tag";
    - tables with columns `audio` and `text`: "transcribe", unless they are told what to read and to answer;
    - tables with columns `image` and `caption`: "caption", likewise;
    - tables with columns `ds` and `y`: "forecast", unless they are told what to read and to answer;
    - what two files begin with that `--input` and `--target` are the endings of: "translate";
    - everything else is a table of rows.

    Raises:
        InputError: There is no such built-in data set.
    """
    if source.task is not None:
        return source.task
    if source.train.startswith(BUILTIN):
        task = builtin(source.train).task
        return task if task in WORKS and not source.target else TABLE
    path = Path(source.train)
    if source.input and source.target and not path.exists() and find_parallel(path, source.input[0], source.target):
        return "translate"
    if suffix_of(path) in COLUMN_SUFFIXES or source.format in ("conll", "conllu"):
        return "tag"
    if all((path / name).is_file() for name in TAGGED_FILES):
        return "tag"
    if source.input is None and source.target in (None, "text") and has_speech_columns(path):
        return "transcribe"
    if source.input in (None, ["image"]) and source.target in (None, "caption") and has_caption_columns(path):
        return "caption"
    if source.input is None and source.target in (None, "y") and has_series_columns(path):
        return "forecast"
    return TABLE
