"""Noise around any cell: zoneout and recurrent dropout.

A step is pure, so whatever is random in it is drawn before the first step, by `initial_state` in training mode, and
travels in the state: the wrapped cell's fields, and one more for each of them that is disturbed. From this follows when
noise is new and when it is the same.

- A sequence keeps its noise from its first step to its last: whole, in chunks with carried state, and step by step are
  the same numbers in training too.
- Rows differ, and so do two calls that are not given a state.
- A reset begins a new sequence, so it draws anew, once for each row of a call.
- The mode counts where a sequence begins. In evaluation mode the initial state says that there is no noise, and all is
  deterministic; a state from a training run that is carried into evaluation keeps its noise, so begin from a new one.

Fields that are no memory (`Cell.auxiliary`: a clock, another wrapper's noise) are never disturbed. Wrappers nest.
"""

from abc import abstractmethod
from collections import namedtuple
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from treadle.cells.contract import Cell, State
from treadle.errors import InputError, nearest

MODULUS, FACTOR, SUMMAND = 14406, 967, 3041
"""A linear congruential generator of full period that float32 computes exactly, as no number in it reaches 2^24: W. H.
Press et al., "Numerical recipes in C", 2nd edition, 1992, section 7.1, quick and dirty generators."""


@cache
def _extended(inner: Any, further: tuple[str, ...]) -> Any:
    """A state type with the fields of `inner` and some further ones; the same arguments give the same type."""
    make: Any = namedtuple  # its fields are known only now, which no type checker can follow
    made = make(inner.__name__, (*inner._fields, *further))
    made._made_of = (
        *getattr(inner, "_made_of", (inner,)),
        further,
    )  # by which a state of it is found when it is unpickled
    made.__reduce__ = lambda state: (_restored, (*made._made_of, tuple(state)))
    return made


def _restored(inner: Any, *further: Any) -> State:
    """A pickled state: the innermost type, the fields that each wrapper added, and the tensors."""
    *names, tensors = further
    for one in names:
        inner = _extended(inner, one)
    return inner(*tensors)


class _Wrapper(Cell):
    """A cell around a cell, whose state has a field `NAME_<suffix>` more for every field it disturbs."""

    suffix: str

    def __init__(self, cell: Cell, probability: float, fields: Sequence[str] | None = None) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        if not 0 <= probability < 1:
            raise InputError(f"a probability is at least 0 and below 1, found {probability}")
        memory = [name for name in cell.state_type._fields if name not in cell.auxiliary]
        for name in fields or ():
            if name not in memory:
                raise InputError(f"the memory of {type(cell).__name__} has no field {name!r}{nearest(name, memory)}")
        self.cell = cell
        self.probability = probability
        self.fields = tuple(fields or self.default_fields(memory))
        further = tuple(f"{name}_{self.suffix}" for name in self.fields)
        if taken := set(further) & set(cell.state_type._fields):
            raise InputError(f"a cell is wrapped once in {type(self).__name__}, found the field {min(taken)!r} in it")
        self.state_type = _extended(cell.state_type, further)
        self.auxiliary = (*cell.auxiliary, *further)
        self.fed_back = cell.fed_back

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: all but the type of the state, which is nowhere by a name."""
        return {name: value for name, value in vars(self).items() if name != "state_type"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What was pickled, and the type of the state as it is made."""
        super().__setstate__(state)
        self.state_type = _extended(self.cell.state_type, tuple(f"{name}_{self.suffix}" for name in self.fields))

    @property
    def output_size(self) -> int:
        """That of the cell."""
        return self.cell.output_size

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Those of the cell, and one more for each disturbed field."""
        sizes = dict(zip(self.cell.state_type._fields, self.cell.state_sizes, strict=True))
        return (*self.cell.state_sizes, *(sizes[name] for name in self.fields))

    def initial_state(
        self, batch_size: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """The cell's initial state, and the noise of new sequences: drawn in training mode, none in evaluation mode."""
        state = self.cell.initial_state(batch_size, device=device, dtype=dtype)
        return self.state_type(*state, *(self.noise(getattr(state, name)) for name in self.fields))

    def default_fields(self, memory: list[str]) -> Sequence[str]:
        """The fields that are disturbed where none are named."""
        return memory

    @abstractmethod
    def noise(self, like: Tensor) -> Tensor:
        """The noise of one field for sequences that begin, `[batch, size]`."""

    def split(self, state: State) -> tuple[State, dict[str, Tensor]]:
        """The cell's own state, and the noise by the name of the field that it disturbs."""
        own = len(self.cell.state_type._fields)
        return self.cell.state_type(*state[:own]), dict(zip(self.fields, state[own:], strict=True))

    def extra_repr(self) -> str:
        """The probability, as `repr` shows it."""
        return f"probability={self.probability}"


class Zoneout(_Wrapper):
    r"""Zoneout: at every step some units keep their old value.

    $$s_t = d_t \odot s_{t-1} + (1 - d_t) \odot \tilde s_t, \qquad
    (\tilde y_t, \tilde s_t) = \mathrm{step}(x_t, s_{t-1}), \qquad d_t \sim \mathrm{Bernoulli}(p)$$

    In evaluation \(d_t\) is its expectation p. An output that is a field of the state is zoned out with it.

    A unit zoned out for a whole sequence would never leave its initial value, so the mask changes at every step. The
    state carries what it is made from, a number \(k_t\) for every row and unit, drawn before the first step and moved
    on by \(k_{t+1} = (967\, k_t + 3041) \bmod 14406\); then \(d_t = [k_t < 14406\, p]\). These numbers are whole and
    exact, so every engine sees the same mask. In evaluation they are -1.

    Args:
        cell: Any cell.
        probability: p, at least 0 and below 1.
        fields: The fields of the state that are zoned out, by default all memory; nest two for two probabilities.

    Raises:
        InputError: The probability lies outside its range, or there is no such field.

    Source: D. Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017.

    Example:
        >>> from treadle.cells import LSTMCell
        >>> cell = Zoneout(Zoneout(LSTMCell(3, 4), 0.5, fields=["cell"]), 0.05, fields=["hidden"])
        >>> cell.initial_state(2)._fields
        ('hidden', 'cell', 'cell_noise', 'hidden_noise')
    """

    suffix = "noise"

    def noise(self, like: Tensor) -> Tensor:
        """A whole number below `MODULUS` for every row and unit in training mode, -1 in evaluation mode."""
        dtype = torch.promote_types(like.dtype, torch.float32)  # shorter types do not hold the numbers
        if not self.training:
            return torch.full_like(like, -1, dtype=dtype)
        return torch.randint(MODULUS, like.shape, device=like.device).to(dtype)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of the cell, and the old values back where they are kept."""
        before, noise = self.split(state)
        y, after = self.cell.step(x, before)
        p, mixed, moved = self.probability, {}, []
        for name, drawn in noise.items():
            old, new, k = getattr(before, name), getattr(after, name), torch.floor(drawn)
            kept = torch.where(k < p * MODULUS, old, new)
            mixed[name] = torch.where(k < 0, p * old + (1 - p) * new, kept)
            moved.append(torch.where(k < 0, k, torch.remainder(FACTOR * k + SUMMAND, MODULUS)))
            if y is new:
                y = mixed[name]
        return y, self.state_type(*after._replace(**mixed), *moved)


class RecurrentDropout(_Wrapper):
    r"""Dropout on what a step reads of the state, with one mask for all steps.

    $$(y_t, s_t) = \mathrm{step}(x_t, m \odot s_{t-1}), \qquad m \sim \mathrm{Bernoulli}(1 - p) / (1 - p)$$

    In evaluation m is 1. Where a cell feeds a field back through weights alone (`Cell.fed_back`: the hidden state of an
    Elman network or an LSTM), these fields are masked, and no others: an LSTM's cell state is left alone.

    A GRU and its like carry their only memory over by a gate. There a factor above 1 would be applied at every step
    again, and the state would grow without bound. So where `fed_back` is empty, all memory is masked and nothing is
    rescaled, \(m \in \{0, 1\}\): a masked unit has no past, for the whole sequence.

    Args:
        cell: Any cell.
        probability: p, at least 0 and below 1.

    Raises:
        InputError: The probability lies outside its range.

    Sources: Y. Gal & Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks",
    2016; without rescaling T. Moon et al., "RNNDROP: a novel dropout for RNNs in ASR", ASRU 2015.

    Example:
        >>> from treadle.cells import LSTMCell
        >>> RecurrentDropout(LSTMCell(3, 4), 0.5).eval().initial_state(1).hidden_mask.tolist()
        [[1.0, 1.0, 1.0, 1.0]]
    """

    suffix = "mask"

    def __init__(self, cell: Cell, probability: float) -> None:
        super().__init__(cell, probability)

    def default_fields(self, memory: list[str]) -> Sequence[str]:
        """What is fed back through weights alone, or all memory."""
        return self.cell.fed_back or memory

    def noise(self, like: Tensor) -> Tensor:
        """The mask of whole sequences in training mode, ones in evaluation mode."""
        if not self.training:
            return torch.ones_like(like)
        kept = 1 - self.probability
        return torch.empty_like(like).bernoulli_(kept) / (kept if self.cell.fed_back else 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of the cell from the masked state."""
        before, masks = self.split(state)
        read = before._replace(**{name: getattr(before, name) * mask for name, mask in masks.items()})
        y, after = self.cell.step(x, read)
        return y, self.state_type(*after, *masks.values())
