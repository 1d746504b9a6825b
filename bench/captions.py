"""Trains captioners by the command line, and records what came out.

`shapes` is built in and generated: every sentence of dev and of test has a combination of colour, shape and relation
that training has not. Every choice was made on dev; the test split is read by `treadle train`, after training.

    python bench/captions.py
"""

import resource

from record import record, table
from runs import Rows, train


def main() -> None:
    """Train with default settings, and record the row."""
    rows = Rows("captions")
    run = train("shapes", ["builtin:shapes"])

    def shown(scores: dict[str, float]) -> str:
        return f"exact match {scores['exact_match']:.4f}, BLEU {scores['bleu']:.1f}, chrF {scores['chrf']:.1f}"

    result = run.result
    beside = shown(result["baseline"]["test"])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    minutes = f"{(used.ru_utime + used.ru_stime) / 60:.1f} ({run.minutes:.1f})"
    rows.keep("shapes", ["shapes", shown(result["dev"]), shown(result["test"]), beside, minutes, run.command])
    head = ["data", "dev", "test", "test, baseline", "minutes of processor (of clock)", "command, seed 0"]
    body = table(head, rows.of(["shapes"]))
    body += "\n\nAll told, data, baseline and report included. The baseline says the caption of the nearest training"
    body += " picture; by the way the data is split, no caption of training is right for a picture of dev or test."
    record("python bench/captions.py", "Captioners", body)


if __name__ == "__main__":
    main()
