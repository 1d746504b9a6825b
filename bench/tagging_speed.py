"""Words tagged a second: Treadle's tagger beside Flair's `SequenceTagger` of the same shape, in turn in one process.

Both read UD English's test sentences as lists of tokens and give a tag each: embeddings of 100 numbers for words and a
bidirectional character LSTM (30, 50), a bidirectional LSTM of 200 units, a CRF over 17 tags. Flair's network is not
trained, which changes nothing in its time. Needs `pip install flair` beside Treadle.

    python bench/tagging_speed.py MODEL ../shared/data/tagging/ud_english_ewt/en_ewt-ud-test.conllu.gz
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flair
import torch
from flair.data import Dictionary, Sentence
from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
from flair.models import SequenceTagger as FlairTagger

from record import record, table
from treadle import SequenceTagger
from treadle.data.tagging import read_tagged

ROUNDS = 5


def dictionary(items: Iterable[str], *, unknown: bool = True) -> Dictionary:
    """Flair's table of words, characters or tags."""
    made = Dictionary(add_unk=unknown)
    for item in sorted(set(items)):
        made.add_item(item)
    return made


def flair_tagger(sentences: list[list[str]], tags: list[list[str]], model: SequenceTagger, place: Path) -> FlairTagger:
    """A network of the shape of Treadle's model; Flair reads its characters from a file."""
    words = dictionary(chain.from_iterable(sentences))
    known = dictionary(chain.from_iterable(tags), unknown=False)
    dictionary("".join(chain.from_iterable(sentences))).save(place)
    embeddings = StackedEmbeddings(
        [
            OneHotEmbeddings(words, embedding_length=model.embedding_size),
            CharacterEmbeddings(
                str(place),
                char_embedding_dim=model.character_embedding_size,
                hidden_size_char=model.character_hidden_size,
            ),
        ]
    )
    return FlairTagger(
        embeddings, known, "pos", hidden_size=model.hidden_size, rnn_layers=model.layers, use_crf=True, tag_format="BIO"
    )


def seconds(run: Callable[[], Any]) -> float:
    """What one call takes."""
    since = time.perf_counter()
    run()
    return time.perf_counter() - since


def main(folder: str, path: str) -> None:
    """Measure in turn, and record."""
    flair.device = torch.device("cpu")
    data = read_tagged(path)
    assert data.tags is not None
    model = SequenceTagger.load(folder)
    with TemporaryDirectory() as place:
        peer = flair_tagger(data.tokens, data.tags, model, Path(place) / "characters")
    peer.eval()
    runs = {
        "Treadle": lambda: model.predict(data.tokens),
        f"Flair {flair.__version__}": lambda: peer.predict([Sentence(tokens) for tokens in data.tokens], 32),
    }
    for run in runs.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            found[name].append(seconds(run))
    words = sum(map(len, data.tokens))
    ours, theirs = (statistics.median(times) for times in found.values())
    rows = [[name, f"{words / statistics.median(times):,.0f}"] for name, times in found.items()]
    body = table(["tagger", "words a second"], rows) + (
        f"\n\n{len(data):,} sentences, {words:,} words; Treadle is {theirs / ours:.1f} times as fast. Medians of "
        f"{ROUNDS} rounds in turn, {torch.get_num_threads()} threads; from lists of tokens to lists of tags, by each "
        "library's own batches."
    )
    record(
        "python bench/tagging_speed.py MODEL ../shared/data/tagging/ud_english_ewt/en_ewt-ud-test.conllu.gz",
        "Taggers: words a second",
        body,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
