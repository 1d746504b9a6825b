"""Taggers in C: a word in, the probability of each of its tags out, given all words up to it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from treadle.data.vocabulary import UNKNOWN
from treadle.export.c.layers import add_stack
from treadle.export.c.pooling import add_linear, add_pooling
from treadle.export.c.program import Input, Program, Strings
from treadle.export.c.proof import Sample
from treadle.export.c.spelling import add_characters
from treadle.export.c.tables import Tables
from treadle.export.c.tokens import vocabulary
from treadle.nn import CRF
from treadle.streaming.layers import settled
from treadle.tasks.tagging.features import LONGEST_WORD, TaggerFeatures
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.streaming import as_answered

Array = NDArray[Any]

LENGTHS = [6, 1, 11]
"""Words of the sentences that a model is held to."""


def program(estimator: Any, name: str, *, int8: bool) -> Program:
    """The model of a fitted `SequenceTagger`.

    Raises:
        InputError: It also reads sentences from their end; the sentence says what to train instead.
    """
    estimator.stream_model()  # says why where there is no step
    features: TaggerFeatures = estimator.features_
    network: TaggerNetwork = settled(estimator.network_)
    tags, _ = as_answered(features.tags, features.scheme)
    said = ["the probability of each tag of the word, given all words up to it"]
    said += ["; then that of each label of what was read so far."] if features.labels else ["."]
    made = Program(
        name,
        f"{estimator.describe()}, a tagger",
        [f"{estimator.describe_size()}."],
        _input(features, network),
        [*tags, *(f"label {label}" for label in features.labels)],
        ["".join(said)],
        Tables(int8=int8),
    )
    x = made.local(made.advance, "advance", "x", network.stack.input_size)
    made.advance += made.tables.rows("words", network.embedding.weight).read(x, "word")
    size = network.embedding.embedding_dim
    if network.characters is not None:
        add_characters(made, network.characters)
        made.advance.append(f"spell(letters, count, {x} + {size});")
        size += network.characters.output_size
    if network.context is not None:
        _add_context(made, network, f"{x} + {size}")
    y = add_stack(made, network.stack, x, made.advance, "advance")
    emissions = made.local(made.advance, "advance", "emissions", len(features.tags))
    add_linear(made, made.advance, emissions, "head", y, network.head.weight, network.head.bias)
    _add_filter(made, features, network.crf, emissions)
    made.strings.append(Strings("tags", tags, "The tags, in the order of an answer's numbers."))
    if network.pooling is not None:
        pooled = add_pooling(made, network.pooling, y, network.stack.output_size)
        add_linear(
            made,
            made.answer,
            f"output + {len(tags)}",
            "labels",
            pooled,
            network.label_head.weight,
            network.label_head.bias,
        )
        made.helpers.add("softmax")
        made.answer.append(f"softmax(output + {len(tags)}, {len(features.labels)});")
        made.strings.append(Strings("labels", features.labels, "The labels, in the order of what follows the tags."))
    made.strings.append(_words("words", features.words.decode(range(len(features.words)))))
    if network.characters is not None:
        made.strings.append(_words("letters", features.characters.decode(range(len(features.characters)))))
    if features.context is not None:
        known = features.context.words
        made.strings.append(_words("context_words", known.decode(range(len(known)))))
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Words at random, and what the model's stream says after each."""
    features: TaggerFeatures = estimator.features_
    network: TaggerNetwork = settled(estimator.network_)
    model, steps = estimator.stream_model(), sum(LENGTHS)
    arrays: dict[str, Array] = {"word": random.integers(UNKNOWN, len(features.words), steps).astype(np.int32)}
    call = ["word[t]"]
    if network.context is not None:
        known = network.context.embedding.num_embeddings
        arrays["context"] = random.integers(UNKNOWN, known, steps).astype(np.int32)
        call.append("context[t]")
    if network.characters is not None:
        shape = (steps, 7)
        arrays["letters"] = random.integers(UNKNOWN, len(features.characters), shape).astype(np.int32)
        arrays["count"] = random.integers(0, 8, steps).astype(np.int32)
        call += ["letters + t * 7", "count[t]"]
    found, t = [], 0
    for length in LENGTHS:
        for name, field in model.state.items():
            field[0] = model.initial[name]
        for _ in range(length):
            model.advance(_vector(network, {name: torch.from_numpy(one[t : t + 1]) for name, one in arrays.items()}))
            answer = model.answers(1)[0]
            found.append([*answer["tags"].values(), *answer.get("probabilities", {}).values()])
            t += 1
    return Sample(LENGTHS, arrays, ", ".join(call), np.array(found), 1.0)


@torch.no_grad()
def _vector(network: TaggerNetwork, read: dict[str, Any]) -> Array:
    """What the layers read of a word, `[1, features]`, as a stream makes it of the word itself."""
    parts = [network.embedding(read["word"].long())]
    if network.characters is not None:
        parts.append(network.characters(read["letters"].long(), read["count"].long()))
    if network.context is not None:
        parts.append(network.context.embedding(read["context"].long()))
    found: Array = torch.cat(parts, 1).numpy()
    return found


def _input(features: TaggerFeatures, network: TaggerNetwork) -> Input:
    parameters, meaning = ["int32_t word"], [vocabulary(features.words.decode(range(len(features.words))), "word")]
    if features.lowercase:
        meaning.append("Words are looked up in lower case.")
    constants = [("WORDS", len(features.words), "numbers of words")]
    if network.context is not None:
        assert features.context is not None
        parameters.append("int32_t context")
        known = features.context.words
        meaning.append(vocabulary(known.decode(range(len(known))), "context"))
    if network.characters is not None:
        parameters += ["const int32_t *letters", "int32_t count"]
        meaning.append(vocabulary(features.characters.decode(range(len(features.characters))), "letters"))
        meaning.append(
            f"count: how many letters the word has; of one with more than {LONGEST_WORD}, the first and the last "
            f"{LONGEST_WORD // 2} are read. Their case is kept."
        )
        constants.append(("LETTERS", len(features.characters), "numbers of letters"))
    return Input(", ".join(parameters), meaning, constants)


def _add_context(made: Program, network: TaggerNetwork, out: str) -> None:
    """A language model reads the words too; of a sentence it has first read what stands before it."""
    context = network.context
    assert context is not None
    lines: list[str] = []
    x = made.local(lines, "read_context", "x", context.embedding.embedding_dim)
    lines += made.tables.rows("context_words", context.embedding.weight).read(x, "context")
    y = add_stack(made, context.stack, x, lines, "read_context", prefix="context")
    lines.append(f"memcpy(out, {y}, {context.output_size} * sizeof(float));")
    made.functions.append(
        [
            "/* What a language model holds after a word. */",
            f"static void read_context({made.name}_state *state, int32_t context, float *out)",
            "{",
            *(f"    {line}" for line in lines),
            "}",
        ]
    )
    made.advance.append(f"read_context(state, context, {out});")
    made.begin += [
        f"float unused[{context.output_size}];",
        f"read_context(state, {context.begin}, unused); /* what stands before a sentence */",
    ]


def _add_filter(made: Program, features: TaggerFeatures, crf: CRF | None, emissions: str) -> None:
    r"""The logarithms of the tags' probabilities, as `treadle.tasks.tagging.filtering.ChainFilter` has them."""
    count, advance = len(features.tags), made.advance
    begin = np.append(np.full(count, -np.inf), 0.0)
    filtered = made.remember(
        "filtered", begin, "logarithm of each tag's probability; the start comes last", kind="double"
    )
    after = made.local(advance, "advance", "after", count, kind="double")
    if crf is None:
        advance += [f"for (int k = 0; k < {count}; ++k) {{", f"    {after}[k] = {emissions}[k];", "}"]
    else:
        scores = crf.scores.detach().double().masked_fill(~crf.allowed, -torch.inf)[:, :-1]
        note = "e to the score of each tag after another; the last row is the start"
        follows = made.tables.vector("follows", scores.exp().float().reshape(-1), note=note)
        advance += [
            f"double top = {filtered}[0];",
            f"for (int j = 1; j <= {count}; ++j) {{",
            f"    top = {filtered}[j] > top ? {filtered}[j] : top;",
            "}",
            f"for (int k = 0; k < {count}; ++k) {{",
            f"    {after}[k] = 0.0;",
            "}",
            f"for (int j = 0; j <= {count}; ++j) {{",
            f"    const double before = exp({filtered}[j] - top);",
            f"    for (int k = 0; k < {count}; ++k) {{",
            f"        {after}[k] += before * {follows}[j * {count} + k];",
            "    }",
            "}",
            f"for (int k = 0; k < {count}; ++k) {{",
            f"    {after}[k] = log({after}[k]) + top + {emissions}[k];",
            "}",
        ]
    advance += [
        f"double highest = {after}[0], sum = 0.0;",
        f"for (int k = 1; k < {count}; ++k) {{",
        f"    highest = {after}[k] > highest ? {after}[k] : highest;",
        "}",
        f"for (int k = 0; k < {count}; ++k) {{",
        f"    sum += exp({after}[k] - highest);",
        "}",
        f"for (int k = 0; k < {count}; ++k) {{",
        f"    {filtered}[k] = {after}[k] - highest - log(sum);",
        "}",
        f"{filtered}[{count}] = -INFINITY;",
    ]
    _, sums = as_answered(features.tags, features.scheme)
    written = made.tables.vector("written", sums.argmax(1), kind="int32_t", note="The answer that each tag counts for.")
    made.answer += [
        f"memset(output, 0, {sums.shape[1]} * sizeof(float));",
        f"for (int k = 0; k < {count}; ++k) {{",
        f"    output[{written}[k]] += (float)exp({filtered}[k]);",
        "}",
    ]


def _words(name: str, values: list[str]) -> Strings:
    return Strings(name, values, f"The {name.replace('_', ' ')}: number i is entry i.", optional=True)
