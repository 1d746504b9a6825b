"""`treadle train`."""

import shlex
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from treadle.cli.options import figures, parse_settings, read_config
from treadle.cli.program import Stopped
from treadle.errors import InputError


def train(
    data: Annotated[
        str | None,
        Argument(help="A file, a folder with a sub-folder a class, or builtin:NAME.", show_default=False),
    ] = None,
    dev: Annotated[str | None, Option(help="Rows to choose the best epoch by; else a part is set aside.")] = None,
    test: Annotated[str | None, Option(help="Rows that are read once, at the end.")] = None,
    task: Annotated[
        str | None,
        Option(
            help="classify, regress, tag, language-model, forecast, translate, transcribe or caption.  "
            "[default: by the data]"
        ),
    ] = None,
    input: Annotated[list[str] | None, Option(help="An input column; may be given several times.")] = None,  # noqa: A002 (the option's name)
    target: Annotated[str | None, Option(help="The column to predict.")] = None,
    separator: Annotated[str | None, Option(help="What separates several labels in one cell, such as '|'.")] = None,
    format: Annotated[str | None, Option(help="csv, tsv, jsonl, parquet, ts, fasta, lines, text or folder.")] = None,  # noqa: A002 (the option's name)
    encoding: Annotated[str | None, Option(help="Of text files, such as latin-1 or gb18030.")] = None,
    header: Annotated[bool | None, Option(help="Whether line 1 of a CSV or TSV names the columns.")] = None,
    rule: Annotated[
        str | None, Option(help="Of a folder of recordings: a regular expression, (?P<text>...) in their names.")
    ] = None,
    id: Annotated[str | None, Option(help="Where rows are steps: the column that names their sequence.")] = None,  # noqa: A002 (the option's name)
    time: Annotated[str | None, Option(help="Likewise: the column that orders the rows of a sequence.")] = None,
    cell: Annotated[
        str | None, Option(help="lstm, gru, sru, min-gru or another of docs/cells.md.  [default: lstm]")
    ] = None,
    hidden: Annotated[int | None, Option("--hidden", "--hidden-size", help="Units of a layer.  [default: 128]")] = None,
    layers: Annotated[int | None, Option(help="Depth.  [default: 1]")] = None,
    bidirectional: Annotated[
        bool | None, Option("--bidirectional/--causal", help="Read from both ends, or forward only (for streams).")
    ] = None,
    pooling: Annotated[str | None, Option(help="max, mean, last, attention or concat.  [default: max]")] = None,
    init_from: Annotated[str | None, Option(help="The folder of a language model to begin from.")] = None,
    unit: Annotated[str | None, Option(help="Of text: word, char, subword or byte.  [default: by script]")] = None,
    max_length: Annotated[int | None, Option(help="Steps that are read of a sequence.  [default: all]")] = None,
    horizon: Annotated[int | None, Option(help="Steps that are forecast.  [default: a season]")] = None,
    beam_size: Annotated[int | None, Option(help="Of texts: hypotheses kept of every answer.  [default: 5; 1]")] = None,
    epochs: Annotated[int | None, Option(help="Passes over the data.  [default: by its size]")] = None,
    learning_rate: Annotated[float | None, Option(help="Its peak.  [default: 0.002]")] = None,
    seed: Annotated[int | None, Option(help="Of everything that is drawn.  [default: 0]")] = None,
    device: Annotated[str | None, Option(help="auto or cpu.  [default: auto]")] = None,
    config: Annotated[Path | None, Option(help="A TOML file with arguments, such as another run's.")] = None,
    settings: Annotated[
        list[str] | None, Option("--set", help="Any argument of the estimator: --set dropout=0.3; see the docs.")
    ] = None,
    checkpoint_every: Annotated[float | None, Option(help="Seconds between checkpoints.  [default: 60]")] = None,
    out: Annotated[Path | None, Option(help="The run folder.  [default: runs/DATA-NUMBER]")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with the run in --out that was stopped.")] = False,
) -> None:
    """Parse, train, print."""
    from treadle.tasks.run import resume_run, start_run
    from treadle.tasks.source import DataSource
    from treadle.training import Bar, Interrupted

    given = {
        "cell": cell,
        "hidden_size": hidden,
        "layers": layers,
        "bidirectional": bidirectional,
        "pooling": pooling,
        "init_from": init_from,
        "unit": unit,
        "max_length": max_length,
        "horizon": horizon,
        "beam_size": beam_size,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "seed": seed,
        "device": device,
    }
    arguments: dict[str, Any] = read_config(config) | parse_settings(settings or [])
    arguments |= {name: value for name, value in given.items() if value is not None}
    try:
        if resume and not _never_began(out, data):
            folder = _folder_to_resume(out, data, arguments)
            result = resume_run(folder, checkpoint_seconds=checkpoint_every, say=print, progress=Bar())
        else:
            if data is None:
                raise InputError("no data was given, expected a file, a folder or builtin:NAME")
            folder = out or next_folder(data)
            named = (task, input or None, target, separator, format, encoding, header, rule, id, time)
            source = DataSource(data, dev, test, *named)
            result = start_run(
                source, arguments, folder, checkpoint_seconds=checkpoint_every, say=print, progress=Bar()
            )
    except Interrupted as stop:
        raise Stopped(
            f"Stopped; step {stop.step:,} is saved. Go on with: treadle train --resume --out {shlex.quote(str(folder))}"
        ) from None
    if result is None:  # one of several processes; the first one speaks
        return
    name, beside = result.baseline
    print(f"\n{result.split}      {figures(result.model)}")
    print(f"baseline  {figures(beside)}  ({name})")
    print(result.comparison.sentence)
    print(f"report    {result.report}")


def next_folder(data: str) -> Path:
    """A run folder that does not exist yet, named after the data."""
    stem = Path(data.removeprefix("builtin:").rstrip("/")).name.split(".")[0] or "data"
    taken = {path.name for path in Path("runs").glob("*")}
    number = next(number for number in range(1, len(taken) + 2) if f"{stem}-{number}" not in taken)
    return Path("runs") / f"{stem}-{number}"


def _never_began(out: Path | None, data: str | None) -> bool:
    """Whether the run was killed before it wrote anything, and the same command, data and all, was given again."""
    return out is not None and data is not None and not (out / "config.toml").exists()


def _folder_to_resume(out: Path | None, data: str | None, arguments: dict[str, Any]) -> Path:
    """The folder, and nothing that contradicts what it holds.

    Raises:
        InputError: No folder was named, or the run in it was started otherwise.
    """
    from treadle.tasks.config import load_config

    if out is None:
        raise InputError("--resume needs the run folder, as in: treadle train --resume --out runs/NAME")
    estimator, source = load_config(out)
    if data is not None and data != source.get("train"):
        raise InputError(f"{out}: the run was started on {source.get('train')!r}, not on {data!r}")
    for name, value in arguments.items():
        before = estimator.get_params().get(name)
        if before != value:
            raise InputError(f"{out}: the run was started with {name} {before!r}, not {value!r}")
    return out
