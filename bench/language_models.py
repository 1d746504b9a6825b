"""Trains the language models of `bench/configs` on public text, by the command line, and records what came out.

Every choice was made on dev text. The test text is read once by `treadle train`, after training, and once more for
each way of adapting to it, whose settings were chosen on dev.

    python bench/language_models.py ../shared/data [NAME ...]
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from record import record, table
from runs import WORK, Rows, train, treadle

CONFIGS = Path(__file__).with_name("configs")


@dataclass(frozen=True)
class Case:
    """A corpus.

    Attributes:
        files: `(folder of the data) -> training, dev and test`; dev may be missing, and is then cut off.
        metric: The one of the result that is shown, and its name.
        adaptations: Ways of adapting to the test text, as `treadle evaluate --set` takes them, by name.
    """

    files: Callable[[Path], tuple[str, str | None, str]]
    metric: tuple[str, str]
    adaptations: Mapping[str, list[str]] = field(default_factory=dict)


def ptb(data: Path) -> tuple[str, str | None, str]:
    """The official files."""
    train, dev, test = (str(data / "language/ptb_word" / f"ptb.{part}.txt") for part in ("train", "valid", "test"))
    return train, dev, test


def tinyshakespeare(data: Path) -> tuple[str, str | None, str]:
    """The first 90 % of the characters, and the last tenth."""
    text = (data / "language/tinyshakespeare/input.txt").read_text(encoding="utf-8")
    cut = len(text) * 9 // 10
    WORK.mkdir(parents=True, exist_ok=True)
    paths = WORK / "tinyshakespeare-first-90.txt", WORK / "tinyshakespeare-last-10.txt"
    for path, part in zip(paths, (text[:cut], text[cut:]), strict=True):
        path.write_text(part, encoding="utf-8")
    return str(paths[0]), None, str(paths[1])


CASES = {
    "ptb": Case(ptb, ("perplexity", "perplexity"), {"neural cache": ["cache=500", "cache_flatness=0.5"]}),
    "tinyshakespeare": Case(
        tinyshakespeare, ("nats_per_token", "nats a character"), {"dynamic evaluation": ["dynamic=rms"]}
    ),
}


def main(data: Path, names: list[str]) -> None:
    """Run the cases and record the table; cases that were measured before keep their rows."""
    rows = Rows("language_models")
    for name in names or CASES:
        case = CASES[name]
        text, dev, test = case.files(data)
        words = [text, *([] if dev is None else ["--dev", dev]), "--test", test, "--task", "language-model"]
        run = train(name, [*words, "--config", str(CONFIGS / f"{name}.toml")])
        metric, label = case.metric
        found = [f"{run.result[split][metric]:.4g}" for split in ("dev", "test")]
        adapted = []
        for way, settings in case.adaptations.items():
            options = [word for setting in settings for word in ("--set", setting)]
            measured = json.loads(treadle("evaluate", str(run.folder), test, "--json", *options))
            adapted.append(f"{way} {measured[metric]:.4g} (`{' '.join(options)}`)")
        baseline = run.result["baseline"]
        beside = f"{baseline['test'][metric]:.4g}, {baseline['name']}"
        rows.keep(name, [name, label, *found, "; ".join(adapted) or "–", beside, f"{run.minutes:.1f}", run.command])
    head = ["text", "figure", "dev", "test", "test, adapting", "test, baseline", "minutes, all told", "command, seed 0"]
    record("python bench/language_models.py ../shared/data", "Language models", table(head, rows.of(CASES)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
