"""Sentences of number words in two languages, word for word: a translation that is learnt in seconds."""

import random

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four", "fünf": "five"}
FAST = {
    "unit": "word",
    "hidden_size": 24,
    "embedding_size": 12,
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "label_smoothing": 0.0,
    "averaging": 0.98,
    "epochs": 12,
    "batch_size": 8,
    "learning_rate": 0.02,
    "beam_size": 2,
}


def word_pairs(count: int, seed: int = 0, longest: int = 4) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    sources = [" ".join(draw.choices(list(WORDS), k=draw.randint(1, longest))) for _ in range(count)]
    return sources, [" ".join(WORDS[word] for word in source.split()) for source in sources]
