r"""Weights as a product of two thin matrices: fewer numbers to keep, and fewer to multiply with at every step.

$$W \approx U V, \qquad W\,[m \times n],\quad U\,[m \times r],\quad V\,[r \times n]$$

By the singular values \(\sigma_1 \ge \sigma_2 \ge \dots\) of W, the best product of rank r misses it by
\(\sqrt{\sum_{i>r} \sigma_i^2}\) in the Frobenius norm. It has \(r(m + n)\) numbers in the place of \(mn\).

Sources: C. Eckart & G. Young, "The approximation of one matrix by another of lower rank", Psychometrika 1, 1936; for
recurrent layers, R. Prabhavalkar et al., "On the compression of recurrent neural networks with an application to LVCSR
acoustic modeling for embedded speech recognition", ICASSP 2016.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.errors import InputError
from treadle.nn.engines import choose_engine
from treadle.nn.recurrent import Recurrent


class Factors(nn.Module):
    """A weight in two factors, which stands where the weight stood.

    `F.linear` multiplies with one after the other; whatever else is done with the weight is done with their product.

    Args:
        up: `[outputs, rank]`.
        down: `[rank, inputs]`.

    Example:
        >>> weight = Factors(torch.ones(3, 1), torch.ones(1, 2))
        >>> F.linear(torch.tensor([[1.0, 2.0]]), weight)
        tensor([[3., 3., 3.]], grad_fn=<MmBackward0>)
    """

    def __init__(self, up: Tensor, down: Tensor) -> None:
        super().__init__()
        self.up, self.down = nn.Parameter(up), nn.Parameter(down)

    def dense(self) -> Tensor:
        """The product, `[outputs, inputs]`."""
        return self.up @ self.down

    def __getattr__(self, name: str) -> Any:
        """A parameter, or what the product has of this name, such as `shape` or `chunk`."""
        if name in ("up", "down") or name.startswith("__"):
            return super().__getattr__(name)
        return getattr(self.dense(), name)

    def __getitem__(self, key: Any) -> Tensor:
        """A part of the product."""
        return self.dense()[key]

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function of torch that a weight was given to."""
        kwargs = kwargs or {}
        if func is F.linear and isinstance(args[1], Factors):
            x, weight, *bias = args
            return F.linear(F.linear(x, weight.down), weight.up, *bias, **kwargs)
        return func(*map(_dense, args), **{name: _dense(value) for name, value in kwargs.items()})


def _dense(value: Any) -> Any:
    return value.dense() if isinstance(value, Factors) else value


@cache
def _low_rank(kind: Any) -> Any:
    """The same cell under another name: kernels that know the kind by its own weights do not take it for that."""
    return type(f"LowRank{kind.__name__}", (kind,), {"__doc__": kind.__doc__})


def recurrent_matrices(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The matrices of all cells in a network, recurrent and of the input, by their full names."""
    for place, layer in network.named_modules():
        if isinstance(layer, Recurrent):
            for name, weight in layer.cell.named_parameters():
                if weight.dim() == 2 and name.rpartition(".")[2].startswith("weight"):
                    yield f"{place}.cell.{name}".removeprefix("."), weight


def choose_ranks(network: nn.Module, *, energy: float | None = None, rank: int | None = None) -> dict[str, int]:
    r"""The rank of every matrix of the cells, where two factors have fewer numbers than the matrix.

    Args:
        network: Whose cells.
        energy: The least r for which \(\sum_{i \le r} \sigma_i^2\) is this share of the whole.
        rank: The same r for all, in the place of `energy`.

    Raises:
        InputError: A number lies outside its range.

    Example:
        >>> from treadle.cells import ElmanCell
        >>> layer = Recurrent(ElmanCell(8, 8))
        >>> choose_ranks(layer, rank=2)
        {'cell.weight_ih': 2, 'cell.weight_hh': 2}
    """
    if energy is not None and not 0 < energy < 1:
        raise InputError(f"the energy is a share above 0 and below 1, found {energy:g}")
    if rank is not None and rank < 1:
        raise InputError(f"a rank is at least 1, found {rank}")
    ranks = {}
    for name, weight in recurrent_matrices(network):
        r = rank
        if r is None:
            squares = torch.linalg.svdvals(weight.detach().double()).square()
            kept = squares.cumsum(0) / squares.sum()
            r = int((kept < (energy or 0.0) - 1e-12).sum()) + 1
        if r * sum(weight.shape) < weight.numel():
            ranks[name] = r
    return ranks


def factorise(network: nn.Module, ranks: Mapping[str, int], *, fresh: bool = False) -> None:
    """Put two factors in the place of each named matrix: the best of their rank, by singular values.

    Args:
        network: Changed in place; its cells are new ones.
        ranks: As `choose_ranks` gives them.
        fresh: Whether the factors are left empty, to be loaded.

    Raises:
        InputError: A name is none of a cell's matrix, or an engine that was asked for cannot run factors.
    """
    known = dict(recurrent_matrices(network))
    for name, rank in ranks.items():
        if name not in known or not 1 <= rank <= min(known[name].shape):
            raise InputError(f"no matrix {name!r} of a cell has a rank {rank} to be brought to")
    layers = {place: layer for place, layer in network.named_modules() if isinstance(layer, Recurrent)}
    for place, layer in layers.items():
        start = f"{place}.cell.".removeprefix(".")
        own = {name.removeprefix(start): rank for name, rank in ranks.items() if name.startswith(start)}
        if own:
            cell = copy.deepcopy(layer.cell)  # what was compiled for a cell is kept by its identity
            for name, rank in own.items():
                _replace(cell, name, rank, fresh=fresh)
            layer.cell = cell
            layer.explanation, layer._seen = choose_engine(cell, layer.engine), ()


def _replace(cell: nn.Module, name: str, rank: int, *, fresh: bool) -> None:
    path, _, leaf = name.rpartition(".")
    module = cell.get_submodule(path)
    weight: Tensor = getattr(module, leaf).detach()
    outputs, inputs = weight.shape
    if fresh:
        up, down = weight.new_empty(outputs, rank), weight.new_empty(rank, inputs)
    else:
        u, s, v = torch.linalg.svd(weight.double(), full_matrices=False)
        root = s[:rank].sqrt()  # shared, so that both factors learn at the same pace
        up, down = (u[:, :rank] * root).to(weight), (root[:, None] * v[:rank]).to(weight)
    del module._parameters[leaf]
    module.register_module(leaf, Factors(up.contiguous(), down.contiguous()))
    kind: Any = type(module)
    if not kind.__name__.startswith("LowRank"):
        module.__class__ = _low_rank(kind)
