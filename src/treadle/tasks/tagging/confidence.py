"""How probable it is that a span is there: the share of all tag sequences, by probability, that have it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from treadle.tasks.tagging.network import TaggerNetwork

EXCLUDED = -230.0
"""Added to the score of a tag that a sum leaves out: a factor of 1e-100, nothing in double precision, and small enough
a number that `CRF` still computes by exponentials."""

CHUNK = 256
"""Spans a pass."""


@torch.no_grad()
def span_confidence(
    network: TaggerNetwork,
    emissions: Tensor,
    lengths: Tensor,
    tags: Tensor,
    spans: Sequence[tuple[int, int, int]],
) -> Tensor:
    r"""The probability of predicted spans, each by itself.

    $$p(\text{span from } s \text{ to } e) = \sum_{y:\, y_s \dots y_e = \hat y_s \dots \hat y_e} p(y)
    = Z_{\hat y_s \dots \hat y_e} / Z$$

    with \(Z_{\hat y_s \dots \hat y_e}\) the sum over the sequences that agree with the predicted one within the span.
    As the network's tags tell first, last and single tokens apart, these are all sequences that have just this span,
    with its type and both ends. So it is exact, which neither the product of marginals is (it takes neighbouring
    tags for independent, and comes out too low) nor their smallest (too high). A softmax does take them for
    independent, so there it is the product: the probability of these tags. It may answer others that break the rules
    of their scheme and are read as the same span, which are not counted.

    Args:
        network: Whose emissions these are.
        emissions: `[batch, time, tags]`.
        lengths: `[batch]`.
        tags: `[batch, time]`, predicted.
        spans: Row, first token and the token after the last of each.

    Returns:
        `[spans]`, each from 0 to 1.

    Source: A. Culotta & A. McCallum, "Confidence estimation for information extraction", 2004, section 3.
    """
    if not spans:
        return emissions.new_zeros(0)
    device = emissions.device
    row, start, end = (torch.tensor(part, device=device) for part in zip(*spans, strict=True))
    lengths = lengths.to(device)
    steps = torch.arange(emissions.shape[1], device=device)
    inside = (steps >= start[:, None]) & (steps < end[:, None])
    if network.crf is None:
        each = emissions.float().log_softmax(2).gather(2, tags[..., None]).squeeze(2)[row]
        return torch.where(inside, each, 0).sum(1).exp()
    total = network.crf.log_partition(emissions.double(), lengths)
    found = []
    for part in torch.arange(len(row), device=device).split(CHUNK):
        agrees = torch.nn.functional.one_hot(tags[row[part]], emissions.shape[2]).bool()
        scores = emissions[row[part]].double() + EXCLUDED * (inside[part][..., None] & ~agrees)
        found.append(network.crf.log_partition(scores, lengths[row[part]]) - total[row[part]])
    return torch.cat(found).exp().clamp(max=1).float()
