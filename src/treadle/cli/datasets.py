"""`treadle datasets`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from treadle.errors import InputError, counted, nearest


def datasets(
    name: Annotated[str | None, Argument(help="Write this one to a file.", show_default=False)] = None,
    split: Annotated[str, Option(help="Which part of it.")] = "train",
    out: Annotated[Path | None, Option(help="The JSONL file, beside pictures.  [default: NAME-SPLIT.jsonl]")] = None,
) -> None:
    """Parse, list or write."""
    from treadle.data.builtin import DATASETS, load
    from treadle.data.pictures import is_picture, write_pictures

    if name is None:
        for data in DATASETS.values():
            rows = ", ".join(f"{part} {count:,}" for part, count in data.rows().items())
            print(f"{data.name}: {data.description}")
            print(f"    {'generated' if data.generated else 'real'}; {data.task}; {rows} rows")
            print(f"    source: {data.source}; licence: {data.licence}")
        print("\ntreadle train builtin:NAME trains on one.")
        return
    if name not in DATASETS:
        raise InputError(f"there is no built-in data set {name!r}{nearest(name, DATASETS)}")
    table = load(name, split)
    path = out or Path(f"{name}-{split}.jsonl")
    path = path if path.suffix else path.with_suffix(".jsonl")
    for column, cells in table.columns.items():
        if is_picture(cells[0]):
            table.columns[column] = write_pictures(cells, path.with_suffix(""))
    with path.open("w", encoding="utf-8") as file:
        for row in zip(*table.columns.values(), strict=True):
            content = dict(zip(table.columns, row, strict=True))
            file.write(json.dumps(content, ensure_ascii=False, default=lambda array: array.tolist()) + "\n")
    print(f"{counted(len(table), 'row')} written to {path}")
