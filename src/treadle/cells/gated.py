"""What most cells share: one matrix for the input and one for the hidden state, stacked by gate."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treadle.cells.contract import Cell
from treadle.cells.initialisation import initialise


class GatedCell(Cell):
    r"""A cell whose gates are linear in the input and in the hidden state.

    With the \(G\) gates stacked,

    $$a_t = W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}$$

    The parameters have the names, shapes and gate order of torch.nn: `weight_ih [G * hidden, input]`,
    `weight_hh [G * hidden, recurrent]`, `bias_ih` and `bias_hh [G * hidden]`.

    A cell whose recurrence is not a full matrix sets `recurrent = False` and has neither `weight_hh` nor `bias_hh`; one
    that adds both products before anything else happens to them needs one bias and sets `recurrent_bias = False`.

    Attributes:
        gates: Names of the stacked blocks, in their order.
        recurrent: Whether there is a `weight_hh`.
        recurrent_bias: Whether there is a `bias_hh`.
        initial_bias: Where the biases of gates begin by the scheme "recommended"; others begin at 0.
        keeps: The gates that decide how long a unit remembers: 1 where an open gate keeps the old state, -1 where it
            replaces it. The scheme "chrono" goes by them.

    Args:
        input_size: Size of `x_t`.
        hidden_size: Size of a gate.
        bias: Whether there are bias vectors.
        init: A name from `treadle.cells.initialisation.SCHEMES`.
        recurrent_size: Size of the vector that is fed back, by default `hidden_size`.
        others: Shapes of a cell's further parameters by their names; None for one that it does without.
        device: Where the parameters are made.
        dtype: Their type.
    """

    gates: tuple[str, ...]
    recurrent: ClassVar[bool] = True
    recurrent_bias: ClassVar[bool] = True
    initial_bias: ClassVar[Mapping[str, float]] = {"forget": 1.0}
    keeps: ClassVar[Mapping[str, int]] = {"forget": 1, "update": 1, "input": -1}
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        init: str = "recommended",
        recurrent_size: int | None = None,
        others: Mapping[str, tuple[int, ...] | None] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        rows = len(self.gates) * hidden_size
        shapes: dict[str, tuple[int, ...] | None] = {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, recurrent_size or hidden_size) if self.recurrent else None,
            "bias_ih": (rows,) if bias else None,
            "bias_hh": (rows,) if bias and self.recurrent and self.recurrent_bias else None,
            **(others or {}),
        }
        for name, shape in shapes.items():
            made = None if shape is None else nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
            self.register_parameter(name, made)
        self.init = init
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew by the scheme that the cell was made with."""
        initialise(self, self.init)

    def preactivations(self, x: Tensor, hidden: Tensor) -> Tensor:
        r"""\(a_t\), `[batch, G * hidden]`."""
        return F.linear(x, self.weight_ih, self.bias_ih) + F.linear(hidden, self.weight_hh, self.bias_hh)

    def extra_repr(self) -> str:
        """Sizes, as `repr` shows them."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")
