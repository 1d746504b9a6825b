"""A folder as a data set: a sub-folder a class with a text a file, or a file a class with a text a line."""

import os
from pathlib import Path

from treadle.data.encoding import decode, read_bytes, read_text
from treadle.data.table import Table
from treadle.errors import InputError, counted

_SUFFIXES = (".txt", ".txt.gz")
_NOT_CLASSES = {"readme", "license", "licence", "changelog", "notice", "index"}
_SPLITS = {"train", "training", "dev", "valid", "val", "validation", "test"}


def read_folder(path: Path, *, encoding: str | None = None) -> Table:
    """Texts and their classes from a folder: columns `text` and `label`.

    With sub-folders that hold `.txt` files, every such sub-folder is a class and every file a row (`train/pos/17.txt`).
    Without, every `.txt` file is a class and every line of it a row (`names/Irish.txt`). Hidden files, other suffixes,
    and loose files beside class folders are left out and counted in the table's note.

    Args:
        path: The folder.
        encoding: The text encoding, by default UTF-8 or what a byte order mark says.

    Returns:
        A table in alphabetical order of class and file; `files` holds every row's own file.

    Raises:
        InputError: There are neither class folders nor class files, the folder holds whole splits (`train/`, `test/`),
            or a file cannot be read.
    """
    folders, loose = _entries(path)
    classes = {folder.name: inside for folder in folders if (inside := _texts(folder))}
    nested = [folder.name for folder in folders if _holds_class_folders(folder)]
    if nested:
        raise InputError(
            f"{path}: found {', '.join(name + '/' for name in nested)} with class folders inside, expected the class "
            f"folders themselves; give {path / nested[0]}"
        )
    if classes:
        return _folder_a_class(
            path, classes, len(loose) + sum(folder.name not in classes for folder in folders), encoding
        )
    files = [file for file in loose if file.name.endswith(_SUFFIXES) and _stem(file).lower() not in _NOT_CLASSES]
    splits = [file.name for file in files if _stem(file).lower() in _SPLITS]
    if splits:
        raise InputError(
            f"{path}: found {', '.join(splits)}, expected a file a class; give one file, {path / splits[0]}"
        )
    if not files:
        names = [entry.name + "/" for entry in folders] + [file.name for file in loose]
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") if names else "nothing"
        raise InputError(
            f"{path}: found {shown}, expected a folder a class with .txt files in it, or a .txt file a class"
        )
    return _file_a_class(path, files, len(loose) - len(files) + len(folders), encoding)


def _folder_a_class(path: Path, classes: dict[str, list[str]], others: int, encoding: str | None) -> Table:
    texts: list[str] = []
    labels: list[str] = []
    files: list[str] = []
    for name, paths in classes.items():
        files += paths
        labels += [name] * len(paths)
        texts += [decode(read_bytes(Path(file)), file, encoding).strip() for file in paths]
    note = f"a folder a class ({_listed(list(classes))}), {counted(len(texts), 'file')}{_ignored(others)}"
    return Table({"text": list(texts), "label": list(labels)}, str(path), files=files, note=note)


def _file_a_class(path: Path, paths: list[Path], others: int, encoding: str | None) -> Table:
    texts: list[str] = []
    labels: list[str] = []
    files: list[str] = []
    lines: list[int] = []
    for file in paths:
        for number, line in enumerate(read_text(file, encoding).split("\n"), 1):
            if line.strip():
                texts.append(line.strip())
                labels.append(_stem(file))
                files.append(str(file))
                lines.append(number)
    if not texts:
        raise InputError(f"{path}: all .txt files are empty, expected a text a line")
    note = f"a file a class ({_listed([_stem(file) for file in paths])}), {len(texts):,} lines{_ignored(others)}"
    return Table({"text": list(texts), "label": list(labels)}, str(path), lines, files, note)


def _entries(path: Path) -> tuple[list[Path], list[Path]]:
    """Sub-folders and files of a folder, sorted by name, without hidden ones."""
    try:
        with os.scandir(path) as found:
            visible = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
            folders = [Path(entry.path) for entry in visible if entry.is_dir()]
            return folders, [Path(entry.path) for entry in visible if entry.is_file()]
    except OSError as error:
        raise InputError(f"{path}: the folder cannot be read ({error.strerror or error})") from None


def _texts(folder: Path) -> list[str]:
    """The .txt files of a class folder, sorted by name (as strings: a class may hold a hundred thousand)."""
    try:
        with os.scandir(folder) as found:
            return sorted(
                entry.path
                for entry in found
                if entry.name.endswith(_SUFFIXES) and not entry.name.startswith(".") and entry.is_file()
            )
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be read ({error.strerror or error})") from None


def _holds_class_folders(folder: Path) -> bool:
    return any(_texts(inner) for inner in _entries(folder)[0])


def _stem(file: Path) -> str:
    return file.name.removesuffix(".gz").removesuffix(".txt")


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"


def _ignored(count: int) -> str:
    return f"; {count} other file{'s' * (count != 1)} or folders left out" if count else ""
