"""Trains translators on public pairs, by the command line, and records what came out.

`dates` is built in. multi30k comes with its split; training, dev (`val`) and `test_2016_flickr`. Of tatoeba, pairs with
the same English side stay together: of the distinct English sentences a tenth is test and a tenth dev, by a seeded
shuffle. Every choice was made on dev; the test split is read by `treadle train`, after training. multi30k's greedy
figure and the time of decoding come from the same model on the same test pairs, and choose nothing.

    python bench/translation.py ../shared/data [dates | multi30k | tatoeba ...]
"""

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from record import record, table
from runs import WORK, Rows, Run, train
from treadle.data.pairs import read_parallel
from treadle.evaluation.translation import translation_scores
from treadle.tasks import Translator

LANGUAGES = ["--input", "en", "--target", "de"]
DATES = ["--hidden", "128", "--epochs", "20", "--learning-rate", "0.004", "--set", "batch_size=64"]
DATES += ["--set", "dropout=0.1", "--set", "embedding_size=64", "--set", "embedding_dropout=0"]
DATES += ["--set", "label_smoothing=0"]
"""A task with one right answer and ten thousand examples of it: a small network, small batches, little noise."""


def dates(_: Path) -> list[list[str]]:
    """Every form to ISO 8601."""
    run = train("dates", ["builtin:dates", *DATES])
    ours, beside = run.result["test"]["exact_match"], run.result["baseline"]["test"]["exact_match"]
    dev = f"exact match {run.result['dev']['exact_match']:.4f}"
    return [["dates", dev, f"exact match {ours:.4f}", f"exact match {beside:.4f}", f"{run.minutes:.1f}", run.command]]


def multi30k(data: Path) -> list[list[str]]:
    """English to German, default settings for 20 epochs."""
    folder = data / "translation/multi30k_en_de"
    stems = [str(folder / name) for name in ("train", "val", "test_2016_flickr")]
    run = train("multi30k", [stems[0], "--dev", stems[1], "--test", stems[2], *LANGUAGES, "--epochs", "20"])
    return [_sentences("multi30k en-de", run), *_decoding(run, stems[2])]


def tatoeba(data: Path) -> list[list[str]]:
    """Chinese to English, default settings for 30 epochs, split by distinct English side."""
    lines = (data / "translation/tatoeba_cmn_eng/cmn.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t")[:2] for line in lines]
    english = sorted({pair[0] for pair in pairs})
    random.Random(0).shuffle(english)
    tenth = len(english) // 10
    part = dict.fromkeys(english, "train")
    part |= dict.fromkeys(english[:tenth], "test") | dict.fromkeys(english[tenth : 2 * tenth], "dev")
    WORK.mkdir(parents=True, exist_ok=True)
    stems = {}
    for name in ("train", "dev", "test"):
        stems[name] = str(WORK / f"tatoeba-{name}")
        own = [pair for pair in pairs if part[pair[0]] == name]
        for side, ending in enumerate(("en", "zh")):
            Path(f"{stems[name]}.{ending}").write_text("".join(f"{pair[side]}\n" for pair in own), encoding="utf-8")
    words = [stems["train"], "--dev", stems["dev"], "--test", stems["test"], "--input", "zh", "--target", "en"]
    words += ["--epochs", "30"]
    return [_sentences("tatoeba cmn-eng", train("tatoeba", words))]


def _sentences(name: str, run: Run) -> list[str]:
    def shown(scores: dict[str, float]) -> str:
        return f"BLEU {scores['bleu']:.1f}, chrF {scores['chrf']:.1f}"

    result = run.result
    beside = shown(result["baseline"]["test"])
    return [name, shown(result["dev"]), shown(result["test"]), beside, f"{run.minutes:.0f}", run.command]


def _decoding(run: Run, stem: str) -> list[list[str]]:
    """Greedy search and the beam on the test pairs: figures, and sentences a second."""
    model = Translator.load(run.folder)
    pairs = read_parallel(f"{stem}.en.gz", f"{stem}.de.gz")
    assert pairs.targets is not None
    rows = []
    for width in (1, 5):
        since = time.perf_counter()
        said = [found[0].text for found in model.translate(pairs.sources, beam_size=width)]
        seconds = time.perf_counter() - since
        bleu = translation_scores(pairs.targets, said, only=("bleu",))["bleu"].value
        (run.folder / f"test-beam-{width}.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
        how = "greedy" if width == 1 else f"beam {width}"
        rows.append(
            [f"the same, {how}", "", f"BLEU {bleu:.1f}", "", "", f"{len(said) / seconds:,.0f} sentences a second"]
        )
    return rows


CASES: dict[str, Callable[[Path], list[list[str]]]] = {"dates": dates, "multi30k": multi30k, "tatoeba": tatoeba}


def main(data: Path, names: list[str]) -> None:
    """Run the cases and record the table; cases that were measured before keep their rows."""
    rows = Rows("translation")
    for name in names or CASES:
        for number, row in enumerate(CASES[name](data)):
            rows.keep(f"{name}-{number}", row)
    head = ["data", "dev", "test", "test, baseline", "minutes, all told", "command, seed 0"]
    body = table(head, rows.of(f"{name}-{number}" for name in CASES for number in range(3)))
    body += "\n\nThe baseline translates word for word by IBM model 1. BLEU and chrF are sacrebleu's, on text as it is."
    record("python bench/translation.py ../shared/data", "Translators", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
