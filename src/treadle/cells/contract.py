"""The contract of a cell: a state, its initial value, and one step.

A cell is its equations and nothing else. Unrolling it over time, lengths, resets, directions, depth and engines are the
business of `treadle.nn`, which needs only what is written here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from treadle.errors import InputError, nearest

State = Any
"""A `NamedTuple` of tensors `[batch, size]`, named as the field names them. Each cell says which one."""


class HiddenState(NamedTuple):
    """The state of a cell that remembers one vector.

    Attributes:
        hidden: `[batch, hidden_size]`.
    """

    hidden: Tensor


class ContractError(InputError):
    """A cell does not keep its contract: its step returned something else than an output and a state of its sizes."""


class Cell(nn.Module, ABC):
    """One step of a recurrence, `(y_t, s_t) = step(x_t, s_{t-1})`.

    A new cell defines `step` and, if it remembers more than one vector, `state_type` and `state_sizes`. `step` must be
    pure (it depends on its arguments and the parameters alone, and changes nothing) and treat the rows of a batch
    independently; everything that Treadle derives from a cell relies on that.

    Attributes:
        state_type: The `NamedTuple` of its state.
        fed_back: Fields of the state that a step reads through weights alone, as an LSTM reads its hidden state; one
            that a gate carries over is not among them. `treadle.cells.RecurrentDropout` rescales these and no others.
        auxiliary: Fields of the state that are no memory: a clock, a mask. Wrappers leave them as they are.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of the hidden state.

    Example:
        >>> class Leaky(Cell):
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.mix = nn.Linear(input_size + hidden_size, hidden_size)
        ...
        ...     def step(self, x, state):
        ...         h = 0.9 * state.hidden + 0.1 * torch.tanh(self.mix(torch.cat([x, state.hidden], -1)))
        ...         return h, HiddenState(h)
        >>> y, state = Leaky(3, 4).step(torch.zeros(2, 3), Leaky(3, 4).initial_state(2))
        >>> tuple(y.shape)
        (2, 4)
    """

    state_type: Any = HiddenState
    fed_back: tuple[str, ...] = ()
    auxiliary: tuple[str, ...] = ()

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        if input_size < 1 or hidden_size < 1:
            raise InputError(f"input_size and hidden_size are at least 1, found {input_size} and {hidden_size}")
        self.input_size = input_size
        self.hidden_size = hidden_size

    @property
    def output_size(self) -> int:
        """Size of `y_t`: that of the hidden state, unless a cell says otherwise."""
        return self._output_size or self.hidden_size

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Size of every tensor of the state, in the order of its fields: all alike, unless a cell says otherwise."""
        return self._state_sizes or (self.hidden_size,) * len(fields_of(self))

    _output_size: int | None = None
    _state_sizes: tuple[int, ...] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """As any module's; a cell may also say its `output_size` and `state_sizes` by assignment."""
        if name == "state_sizes" and type(self).state_sizes is Cell.state_sizes:
            if not all(isinstance(size, int) for size in value):
                raise InputError(f"{type(self).__name__}.state_sizes is a number for every field, found {value!r}")
            name, value = "_state_sizes", tuple(value)
        elif name == "output_size" and type(self).output_size is Cell.output_size:
            name = "_output_size"
        super().__setattr__(name, value)

    def initial_state(
        self, batch_size: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """The state before the first step: zeros, `[batch_size, size]` for every field.

        Args:
            batch_size: Number of rows.
            device: Where; by default where the parameters are.
            dtype: Of what type; by default that of the parameters.
        """
        if device is None or dtype is None:
            reference = next(self.parameters(), torch.empty(0))
            device = reference.device if device is None else device
            dtype = reference.dtype if dtype is None else dtype
        return self.state_type(*(torch.zeros(batch_size, n, device=device, dtype=dtype) for n in self.state_sizes))

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step.

        Args:
            x: `[batch, input_size]`.
            state: The state before this step.

        Returns:
            The output `[batch, output_size]` and the state after this step.
        """

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """`step`, from the initial state when none is given, so that a cell can be called like any module."""
        if state is None:
            state = self.initial_state(x.shape[0], device=x.device, dtype=x.dtype)
        return self.step(x, state)


def fields_of(cell: Cell) -> tuple[str, ...]:
    """The names of the state's fields."""
    try:
        return cell.state_type._fields  # type: ignore[no-any-return]  # a NamedTuple's are strings
    except AttributeError:
        raise ContractError(f"{type(cell).__name__}.state_type is a NamedTuple, found {cell.state_type!r}") from None


CellFactory = Callable[..., Cell]
_registry: dict[str, CellFactory] = {}
F = TypeVar("F", bound=CellFactory)


def register(name: str) -> Callable[[F], F]:
    """Give a cell a name, under which layers, estimators and the command line know it.

    A registered cell also joins the equivalence suite. The factory is called with
    `(input_size, hidden_size, **options)`.

    Raises:
        InputError: The name is taken.
    """

    def keep(factory: F) -> F:
        if name in _registry:
            raise InputError(f"a cell named {name!r} is registered already")
        _registry[name] = factory
        return factory

    return keep


def cell_names() -> Iterator[str]:
    """The names of all registered cells, in the order of their registration."""
    return iter(_registry)


def make_cell(name: str, input_size: int, hidden_size: int, **options: Any) -> Cell:
    """A new cell by its registered name.

    Raises:
        InputError: No cell has this name; the nearest one is named.

    Example:
        >>> make_cell("gru", 3, 4).output_size
        4
    """
    if name not in _registry:
        raise InputError(f"there is no cell {name!r}{nearest(name, _registry)}")
    return _registry[name](input_size, hidden_size, **options)
