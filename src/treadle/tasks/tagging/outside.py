"""The score of O, moved after training to where F1 of spans is highest."""

import torch

from treadle.data.tagging import to_spans
from treadle.data.tagging.schemes import OUTSIDE, Span
from treadle.errors import InputError
from treadle.evaluation.spans import score_spans
from treadle.tasks.tagging.features import INNER, TaggerFeatures
from treadle.tasks.tagging.measure import DevMeasure
from treadle.tasks.tagging.network import TaggerNetwork
from treadle.tasks.tagging.predictions import batches, named

MOVES = tuple(quarter / 4 for quarter in range(-4, 13))
"""What the score of O is made smaller by, in nats, as far as it is tried: odds from e to e⁻³ times as high."""


def refuse_without_spans(features: TaggerFeatures) -> None:
    """Refuse to move a score that is not there.

    Raises:
        InputError: The tags mark no spans.
    """
    if features.scheme is None:
        raise InputError("tune_outside is about spans; the tags of this data mark none, such as parts of speech")


@torch.no_grad()
def best_outside(network: TaggerNetwork, measure: DevMeasure) -> float:
    r"""What the score of O is to be made smaller by for F1 of the dev spans to be highest.

    $$e_{t,O} \leftarrow e_{t,O} - b, \qquad b = \arg\max_{b} F_1(\hat y(b))$$

    A likelihood counts tokens, of which most stand outside. Where spans are rare and hard, a network that learnt by it
    leaves out many of those that it holds for possible, and F1 gains by more of them, wrong ones included. The best
    \(b\) of `MOVES`, of equal ones the nearest to none, is taken.

    Args:
        network: Trained.
        measure: Of dev sentences.

    Returns:
        \(b\), in nats; 0 where all training tokens stand in spans.

    Source: E. Minkov, R. Wang, A. Tomasic & W. Cohen, "NER systems that suit user's preferences: adjusting the
    recall-precision trade-off with entity extraction", NAACL 2006.
    """
    features = measure.features
    if OUTSIDE not in features.tags:
        return 0.0
    outside = features.tags.index(OUTSIDE)
    read = list(batches(network, measure.dev))

    def span_f1(move: float) -> float:
        found: list[list[Span]] = [[]] * len(measure.gold)
        for rows, batch, emissions, _ in read:
            moved = emissions.clone()
            moved[..., outside] -= move
            best, _ = network.best(moved, batch.lengths)
            for row, tags in zip(rows, named(features, best, batch.lengths), strict=True):
                found[row] = to_spans(tags, INNER)
        return score_spans(measure.gold, found, resamples=0).metrics["span_f1"].value

    return max(MOVES, key=lambda move: (span_f1(move), -abs(move)))


@torch.no_grad()
def move_outside(network: TaggerNetwork, features: TaggerFeatures, move: float) -> None:
    """Make the score of O smaller, in the bias of the head: whatever reads the network, streams too, goes by that.

    Args:
        network: Its head is changed.
        features: Of the network.
        move: In nats.
    """
    if OUTSIDE in features.tags:
        network.head.bias[features.tags.index(OUTSIDE)] -= move
