"""FASTA: biological sequences under `>` header lines."""

import re
from pathlib import Path
from typing import Any

from treadle.data.encoding import read_text
from treadle.data.table import Table
from treadle.data.values import typed
from treadle.errors import InputError

_LABEL = re.compile(r"(?:^|[\s|;])(?:label|class)=([^\s|;]+)", re.IGNORECASE)


def read_fasta(path: Path, *, encoding: str | None = None) -> Table:
    """Sequences as columns `id` and `sequence`, and `label` where the headers carry one.

    A header carries a label as `label=x` or `class=x` anywhere in it (`>seq1 label=promoter`); where no header does,
    and every one has exactly one bar, as what follows the bar (`>seq1|promoter`). A header without `label=` in a file
    that uses it leaves the label empty.

    Args:
        path: The file, gzip allowed.
        encoding: The text encoding, by default UTF-8 or what a byte order mark says.

    Returns:
        A table whose lines are those of the headers; sequences keep their case, and lose line breaks and white space.

    Raises:
        InputError: The file is not text or empty; text stands before the first header; a header has no sequence below
            it.

    Source:
        NCBI BLAST help, "FASTA format".
    """
    headers: list[str] = []
    lines: list[int] = []
    parts: list[list[str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), 1):
        if line.startswith(">"):
            headers.append(line[1:].strip())
            lines.append(number)
            parts.append([])
        elif line.strip() and not line.startswith(";"):  # old files hold comments after a semicolon
            if not headers:
                raise InputError(f"{path}, line {number}: found {line.strip()[:20]!r}, expected a header '>name' first")
            parts[-1].append("".join(line.split()))
    if not headers:
        raise InputError(f"{path}: the file holds no sequence, expected headers '>name' with sequences below")
    sequences = ["".join(part) for part in parts]
    for header, sequence, number in zip(headers, sequences, lines, strict=True):
        if not sequence:
            raise InputError(f"{path}, line {number}: no sequence follows the header {'>' + header!r}")
    labels = _labels(headers)
    bars = labels is not None and not any(_LABEL.search(header) for header in headers)
    ids = [(header.split("|")[0] if bars else header).split(maxsplit=1)[:1] for header in headers]
    columns: dict[str, list[Any]] = {"id": [one[0] if one else "" for one in ids], "sequence": list(sequences)}
    if labels is not None:
        columns["label"] = labels
    note = f"FASTA, {len(headers):,} sequences, {'labels in the headers' if labels is not None else 'no labels'}"
    return Table(columns, str(path), lines, note=note)


def _labels(headers: list[str]) -> list[Any] | None:
    """A label a header by the rule in `read_fasta`, or None when the file has none."""
    found = [_LABEL.search(header) for header in headers]
    if any(found):
        return typed([match.group(1) if match else "" for match in found])
    if all(header.count("|") == 1 and header.split("|")[1].strip() for header in headers):
        return typed([header.split("|")[1].strip() for header in headers])
    return None
