"""Recordings with their transcripts from disk: a manifest, a folder, or one file."""

import json
import os
import re
from pathlib import Path
from typing import Any

from treadle.data.audio.utterances import Utterances
from treadle.data.audio.waveform import AUDIO_SUFFIXES, is_audio_file
from treadle.data.encoding import first_line, read_text
from treadle.data.header import names_columns
from treadle.data.paths import existing, suffix_of
from treadle.data.readers import read
from treadle.data.table import Table
from treadle.data.values import is_missing
from treadle.errors import InputError, counted

# In order of preference, in lower case.
_AUDIO = ("audio", "audio_path", "audio_filepath", "path", "file", "filename", "wav", "recording", "clip")
_TEXT = ("text", "transcript", "transcription", "sentence", "words", "label")
GROUP = "text"
"""The named group of a rule that holds what is said."""


def read_utterances(
    place: str | Path,
    *,
    audio: str | None = None,
    text: str | None = None,
    rule: str | None = None,
    transcribed: bool = True,
    **reading: Any,
) -> Utterances:
    """Read recordings and their transcripts.

    - a table (CSV, TSV, JSONL, Parquet): a column of files of sound, relative to the table, and one of transcripts;
    - a folder, looked through in all its depth: every file of sound, and what `rule` finds in its name, or else what
      the file beside it says that ends in `.txt`;
    - one file of sound.

    Args:
        place: What is read.
        audio: The column of files, by default one that is called so.
        text: The column of transcripts, likewise.
        rule: A regular expression with a group `(?P<text>...)` that is found in the name of every file, without its
            suffix and relative to the folder; in the group, `_` and `-` stand for spaces.
        transcribed: Whether transcripts are needed; if not they are not looked at.
        **reading: `format`, `encoding` and `header`, as in `treadle.data.read`.

    Raises:
        InputError: There is no recording or no transcript, or it cannot be told where they are.
    """
    path = existing(place)
    if path.is_dir():
        for name, value in (("audio", audio), ("text", text), *reading.items()):
            if value is not None:
                raise InputError(f"{path}: {name}= is for manifests, found a folder of recordings")
        return _from_folder(path, rule, transcribed=transcribed)
    if rule is not None:
        raise InputError(f"{path}: a rule takes the text from the names of files in a folder, found a file")
    if is_audio_file(path):
        if transcribed:
            raise InputError(
                f"{path}: found one file of sound, expected a folder or a table of several with their text"
            )
        return Utterances([str(path)], None, [str(path)], str(path), "one recording")
    return _from_table(read(path, **reading), path.parent, audio, text, transcribed=transcribed)


def located(name: str, folder: Path) -> str:
    """The path of a file that a table in `folder` names."""
    return name if os.path.isabs(name) else os.path.join(folder, name)


def has_speech_columns(path: Path) -> bool:
    """Whether a CSV, TSV or JSONL file has the columns `audio` and `text`; False for what cannot be opened."""
    suffix = suffix_of(path)
    try:
        line = first_line(path)
        if suffix in (".jsonl", ".ndjson"):
            row = json.loads(line)
            return isinstance(row, dict) and {"audio", "text"} <= set(row) and is_audio_file(row["audio"])
    except (InputError, OSError, ValueError):  # the reader will say what is wrong with it
        return False
    if suffix not in (".csv", ".tsv", ".tab"):
        return False
    return names_columns(line, {"audio", "text"})


def _from_table(table: Table, folder: Path, audio: str | None, text: str | None, *, transcribed: bool) -> Utterances:
    audio = _column(table, audio, _AUDIO, "recordings", "input")
    files = []
    for row, cell in enumerate(table.column(audio, "input")):
        if not isinstance(cell, str) or not cell.strip():
            raise InputError(f"{table.where(row)}, column {audio!r}: found {cell!r:.40}, expected a file of sound")
        files.append(located(cell.strip(), folder))
    places = [table.where(row) for row in range(len(table))]
    note = f"{table.note}; recordings in column {audio!r}"
    if not transcribed:
        return Utterances(files, None, places, table.source, note)
    text = _column(table, text, [name for name in _TEXT if name != audio], "transcripts", "target")
    texts = []
    for row, cell in enumerate(table.column(text, "target")):
        if cell is None or (isinstance(cell, str) and not cell.strip()) or (is_missing(cell) and cell != cell):
            raise InputError(
                f"{table.where(row)}, column {text!r}: the transcript is empty, expected what is said in {files[row]}"
            )
        if not isinstance(cell, str | int | float):
            raise InputError(f"{table.where(row)}, column {text!r}: found {cell!r:.40}, expected a text")
        texts.append(str(cell))
    if not files:
        raise InputError(f"{table.source}: holds no recording, expected one a row")
    return Utterances(files, texts, places, table.source, f"{note}, transcripts in {text!r}")


def _column(table: Table, name: str | None, usual: Any, what: str, option: str) -> str:
    if name is not None:
        table.column(name, option)
        return name
    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    found = next((by_name[one] for one in usual if one in by_name), None)
    if found is None:
        columns = ", ".join(map(repr, list(table.columns)[:10]))
        raise InputError(
            f"{table.source}: the column of the {what} cannot be told among {columns}; name it with --{option}"
        )
    return found


def _from_folder(path: Path, rule: str | None, *, transcribed: bool) -> Utterances:
    pattern = _compiled(rule) if rule is not None else None
    files = sorted(
        found
        for found in path.rglob("*")
        if is_audio_file(found)
        and found.is_file()
        and not any(p.startswith(".") for p in found.relative_to(path).parts)
    )
    if not files:
        raise InputError(f"{path}: holds no file of sound, expected some that end in {', '.join(AUDIO_SUFFIXES[:3])}")
    names = [str(file) for file in files]
    note = f"a folder, {counted(len(files), 'recording')}"
    if not transcribed:
        return Utterances(names, None, names, str(path), note)
    if pattern is not None:
        texts = [_by_rule(pattern, file, path) for file in files]
        return Utterances(names, texts, names, str(path), f"{note}, transcripts in their names")
    return Utterances(names, [_beside(file) for file in files], names, str(path), f"{note}, transcripts beside them")


def _compiled(rule: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise InputError(f"the rule {rule!r} is no regular expression ({error})") from None
    if GROUP not in pattern.groupindex:
        raise InputError(f"the rule {rule!r} has no group (?P<{GROUP}>...), expected one that holds what is said")
    return pattern


def _by_rule(pattern: re.Pattern[str], file: Path, folder: Path) -> str:
    found = pattern.search(str(file.relative_to(folder).with_suffix("")).replace(os.sep, "/"))
    said = "" if found is None else re.sub(r"[\s_-]+", " ", found[GROUP] or "").strip()
    if not said:
        raise InputError(f"{file}: the rule {pattern.pattern!r} finds no text in this name; expected one in every name")
    return said


def _beside(file: Path) -> str:
    text = file.with_suffix(".txt")
    if not text.is_file():
        raise InputError(
            f"{file}: there is no {text.name} beside it; expected a transcript a recording, or a rule that finds the "
            f"text in the name"
        )
    said = " ".join(read_text(text).split())
    if not said:
        raise InputError(f"{text}: the transcript is empty, expected what is said in {file.name}")
    return said
