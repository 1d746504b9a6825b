"""Sequences that do not say the same thing twice."""

import torch
from torch import Tensor


def block_repeated(log_probabilities: Tensor, symbols: Tensor, size: int) -> Tensor:
    """Log-probabilities with -inf for every symbol that would complete an n-gram the row has already.

    Args:
        log_probabilities: `[rows, vocabulary]`.
        symbols: `[rows, written]` so far.
        size: n; 0 for no such rule.

    Source: R. Paulus, C. Xiong & R. Socher, "A deep reinforced model for abstractive summarization", ICLR 2018,
    section 2.5.

    Example:
        >>> block_repeated(torch.zeros(1, 4), torch.tensor([[2, 3, 2]]), 2)
        tensor([[0., 0., 0., -inf]])
    """
    if size < 1 or symbols.shape[1] < size:
        return log_probabilities
    grams = symbols.unfold(1, size, 1)
    recent = symbols[:, symbols.shape[1] - size + 1 :]
    same = (grams[:, :, : size - 1] == recent[:, None]).all(2)
    row, place = same.nonzero(as_tuple=True)
    blocked = log_probabilities.clone()
    blocked[row, grams[row, place, size - 1]] = -torch.inf
    return blocked
