"""Language models in C: the number of a token in, the probability of every token to come next out."""

from typing import Any

import numpy as np
import torch
from torch import nn

from treadle.data.streams import START
from treadle.data.vocabulary import UNKNOWN
from treadle.export.c.layers import add_stack
from treadle.export.c.pooling import add_linear
from treadle.export.c.program import Program, Strings
from treadle.export.c.proof import Sample
from treadle.export.c.tables import Tables
from treadle.export.c.tokens import token_input
from treadle.nn.softmax import AdaptiveSoftmax, Softmax
from treadle.streaming.layers import settled
from treadle.tasks.language.network import LanguageNetwork

LENGTHS = [5, 1, 9]
"""Steps of the sequences that a model is held to; each answer has as many numbers as the vocabulary."""


def program(estimator: Any, name: str, *, int8: bool) -> Program:
    """The model of a fitted `LanguageModel`."""
    network: LanguageNetwork = settled(estimator.network_)
    tokens = estimator.codec_.spell(range(len(estimator.codec_)))
    made = Program(
        name,
        f"{estimator.describe()}, a language model",
        [f"{estimator.describe_size()}."],
        token_input(tokens, "token"),
        tokens,
        [
            "the probability of every token to come next. After a reset, before any step, the answer is what a text "
            "begins with; a reset costs one step."
        ],
        Tables(int8=int8),
    )
    x = made.local(made.advance, "advance", "x", network.embedding.embedding_dim)
    rows = made.tables.rows("embedding", network.embedding.weight.float())
    made.advance += rows.read(x, "token")
    y = add_stack(made, network.stack, x, made.advance, "advance")
    features = made.remember("features", np.zeros(network.stack.output_size), "the last layer's output")
    made.advance.append(f"memcpy({features}, {y}, sizeof {features});")
    made.begin.append(f"advance(state, {START}); /* the beginning of a text */")
    if network.projection is not None:
        projected = made.local(made.answer, "answer", "projected", network.projection.out_features)
        add_linear(
            made, made.answer, projected, "projection", features, network.projection.weight, network.projection.bias
        )
        features = projected
    softmax = network.softmax
    if isinstance(softmax, AdaptiveSoftmax):
        _adaptive(made, softmax, features)
    elif softmax.weight is network.embedding.weight:
        bias = made.tables.vector("output_bias", softmax.bias)
        made.answer += rows.dot("output", features, bias)
        made.answer.append(f"softmax(output, {len(tokens)});")
    else:
        _plain(made, softmax, features, len(tokens))
    made.helpers.add("softmax")
    made.strings.append(Strings("tokens", tokens, "The vocabulary: token i is its entry i.", optional=True))
    return made


def sample(estimator: Any, random: np.random.Generator) -> Sample:
    """Tokens at random, and what the network's own step says after each."""
    network: LanguageNetwork = settled(estimator.network_)
    tokens = random.integers(UNKNOWN, len(estimator.codec_), sum(LENGTHS)).astype(np.int32)
    found, t = [], 0
    with torch.no_grad():
        for length in LENGTHS:
            _, state = network.step(torch.tensor([START]))
            for _ in range(length):
                logarithms, state = network.step(torch.from_numpy(tokens[t : t + 1]).long(), state)
                found.append(logarithms[0].double().exp().numpy())
                t += 1
    return Sample(LENGTHS, {"token": tokens}, "token[t]", np.array(found), 1.0)


def _plain(made: Program, softmax: Softmax, features: str, count: int) -> None:
    add_linear(made, made.answer, "output", "output", features, softmax.weight, softmax.bias)
    made.answer.append(f"softmax(output, {count});")


def _adaptive(made: Program, softmax: AdaptiveSoftmax, features: str) -> None:
    """Frequent tokens and clusters first, then the tokens of each cluster, times the probability of the cluster."""
    clusters = softmax.clusters
    head = made.local(made.answer, "answer", "head", clusters.head.out_features)
    add_linear(made, made.answer, head, "head", features, clusters.head.weight, clusters.head.bias)
    frequent = clusters.shortlist_size
    made.answer += [
        f"softmax({head}, {clusters.head.out_features});",
        f"memcpy(output, {head}, {frequent} * sizeof(float));",
    ]
    begin = frequent
    for number, tail in enumerate(clusters.tail):
        assert isinstance(tail, nn.Sequential)
        down, up = tail[0], tail[1]
        assert isinstance(down, nn.Linear)
        assert isinstance(up, nn.Linear)
        short = made.local(made.answer, "answer", f"cluster{number + 1}", down.out_features)
        add_linear(made, made.answer, short, short, features, down.weight, down.bias)
        add_linear(made, made.answer, f"output + {begin}", f"{short}_tokens", short, up.weight, up.bias)
        made.answer += [
            f"softmax(output + {begin}, {up.out_features});",
            f"for (int i = {begin}; i < {begin + up.out_features}; ++i) {{",
            f"    output[i] *= {head}[{frequent + number}];",
            "}",
        ]
        begin += up.out_features
