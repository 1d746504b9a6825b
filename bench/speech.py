"""Trains on the free spoken digit data set, by the command line, and records what came out.

The official split: recordings 0 to 4 of every speaker and digit are the test split, the others training; of those, 45
to 49 choose the best epoch and every setting. The test split is read once, by `treadle train`, after training.

- keywords: which digit, by a `SequenceClassifier`;
- digits: the spelled word, by a `SpeechRecognizer` that reads both ways;
- strings: three to five digits of one speaker, whose recordings are joined end to end, by a causal recogniser. Each
  split is joined of its own recordings. The stream of the trained model is then held to its transcripts of the files.

    python bench/speech.py ../shared/data [keywords|digits|strings ...]
"""

import json
import sys
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from record import record, table
from runs import WORK, Rows, Run, train
from treadle import SpeechRecognizer
from treadle.data.audio import read_audio, read_utterances

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = {"train": range(5, 45), "dev": range(45, 50), "test": range(5)}
STRINGS = {"train": 2500, "dev": 300, "test": 300}
FOLDER = WORK / "fsdd"
CASES = {
    "keywords": "which of ten words: accuracy",
    "digits": "the word, spelled: WER",
    "strings": "three to five words, causal: WER",
}
SMALL = ("--cell", "gru", "--layers", "2", "--learning-rate", "0.004", "--hidden", "128", "--set", "batch_size=16")
OPTIONS: dict[str, Sequence[str]] = {
    "keywords": ("--cell", "gru", "--learning-rate", "0.004", "--epochs", "12"),
    "digits": (*SMALL, "--epochs", "20"),
    "strings": (*SMALL, "--epochs", "14", "--causal", "--set", "speed=0"),
}


def recordings(data: Path) -> dict[tuple[str, int, int], Path]:
    """Every file by speaker, digit and number."""
    if not FOLDER.is_dir():
        FOLDER.mkdir(parents=True)
        with tarfile.open(data / "speech/fsdd/recordings.tar.gz") as archive:
            archive.extractall(FOLDER, filter="data")
    found = {}
    for path in sorted((FOLDER / "recordings").glob("*.wav")):
        digit, speaker, number = path.stem.split("_")
        found[speaker, int(digit), int(number)] = path
    return found


def manifest(name: str, rows: Iterable[tuple[Path, str]], column: str = "text") -> str:
    """A JSONL file of recordings and what is said in them; return its path."""
    path = FOLDER / f"{name}.jsonl"
    lines = [json.dumps({"audio": str(audio.relative_to(FOLDER)), column: text}) for audio, text in rows]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def single(files: dict[tuple[str, int, int], Path], split: str, column: str) -> str:
    """The manifest of a split's recordings as they are."""
    rows = [(path, WORDS[digit]) for (_, digit, number), path in files.items() if number in SPLITS[split]]
    return manifest(f"{column}-{split}", rows, column)


def joined(files: dict[tuple[str, int, int], Path], split: str) -> list[tuple[Path, str]]:
    """Strings of a split: of a speaker drawn by the seed, three to five recordings, also drawn, end to end."""
    draw = np.random.default_rng([0, list(SPLITS).index(split)])
    speakers = sorted({speaker for speaker, _, _ in files})
    of_speaker = {
        speaker: [
            (digit, path) for (who, digit, number), path in files.items() if who == speaker and number in SPLITS[split]
        ]
        for speaker in speakers
    }
    folder = FOLDER / f"strings-{split}"
    folder.mkdir(exist_ok=True)
    rows = []
    for place in range(STRINGS[split]):
        own = of_speaker[speakers[draw.integers(len(speakers))]]
        parts = [own[draw.integers(len(own))] for _ in range(draw.integers(3, 6))]
        path = folder / f"{place:04d}.wav"
        sounds = [read_audio(part) for _, part in parts]
        soundfile.write(path, np.concatenate([sound.samples for sound in sounds]), sounds[0].rate, subtype="PCM_16")
        rows.append((path, " ".join(WORDS[digit] for digit, _ in parts)))
    return rows


def strings(files: dict[tuple[str, int, int], Path], split: str) -> str:
    """The manifest of a split's strings."""
    return manifest(f"strings-{split}", joined(files, split))


def streamed(run: Run, place: str) -> str:
    """How many of a manifest's recordings come out of the stream, in pieces of any size, as out of the whole file."""
    model, data = SpeechRecognizer.load(run.folder), read_utterances(place)
    stream, draw, equal = model.stream(), np.random.default_rng(0), 0
    for path, whole in zip(data.audio, model.predict(list(data.audio)), strict=True):
        samples, text, at = read_audio(str(path)).samples, "", 0
        while at < len(samples):
            size = int(draw.integers(1, 4000))
            text += stream.step(samples[at : at + size])["text"]
            at += size
        equal += text + stream.step(None)["text"] == whole
    return (
        f"{equal} of {len(data)} test strings come out of the stream, in pieces of 1 to 4,000 samples, as of the file"
    )


def main(data: Path, names: list[str]) -> None:
    """Run the cases and record the table; cases that were measured before keep their rows."""
    files = recordings(data)
    for name in names or CASES:
        if name == "strings":
            places = [strings(files, split) for split in SPLITS]
        else:
            places = [single(files, split, "label" if name == "keywords" else "text") for split in SPLITS]
        run = train(name, [places[0], "--dev", places[1], "--test", places[2], *OPTIONS[name]])
        metric = "accuracy" if name == "keywords" else "wer"
        figures = [run.result["dev"], run.result["test"], run.result["baseline"]["test"]]
        beside = f"{figures[2][metric]:.4f}, {run.result['baseline']['name']}"
        shown = [f"{one[metric]:.4f}" for one in figures[:2]]
        rows = Rows("speech")  # read now, since another case may have ended meanwhile
        rows.keep(name, [CASES[name], *shown, beside, f"{run.minutes:.1f}", run.command])
        if name == "strings":
            rows.keep("stream", [streamed(run, places[2])])
    head = ["what", "dev", "test", "test, baseline", "minutes, all told", "command, seed 0"]
    notes = "".join(f"\n\n{row[0]}." for row in rows.of(["stream"]))
    notes += (
        "\n\n2,400 recordings are for training, 300 for dev and 300 for test; "
        f"strings {STRINGS['train']:,}, {STRINGS['dev']} and {STRINGS['test']}. The six speakers are the same in all."
    )
    record("python bench/speech.py ../shared/data", "Speech", table(head, rows.of(CASES)) + notes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
