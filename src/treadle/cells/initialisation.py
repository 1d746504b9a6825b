"""How the parameters of a cell are drawn, by name.

A recurrent weight multiplies the state again at every step, so its spectrum decides whether the past vanishes or
explodes (Pascanu, Mikolov & Bengio 2013). The schemes differ in what they do about that.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from treadle.errors import InputError, nearest

LONGEST_MEMORY = 1000
"""Steps over which `chrono` spreads the memories of the units."""


class Stacked(Protocol):
    """What a scheme must know of a cell: parameters by name, stacked by gate, and what its gates do.

    The attributes are documented in `treadle.cells.gated.GatedCell`.
    """

    gates: tuple[str, ...]
    hidden_size: int
    bias_ih: Tensor | None
    initial_bias: ClassVar[Mapping[str, float]]
    keeps: ClassVar[Mapping[str, int]]

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Every parameter and its name."""


def initialise(cell: Stacked, scheme: str) -> None:
    """Draw all parameters of a cell whose weights are stacked by gate.

    A parameter is known by how its name begins. `weight_ih` and `weight_hh` (also `weight_hh_2` and so on) are stacked
    by gate; vectors are biases, but those called `gain` multiply a normalised vector and begin at 1 in every scheme;
    other matrices are treated as input weights.

    Args:
        cell: The cell; its parameters are overwritten.
        scheme: A name from `SCHEMES`.

    Raises:
        InputError: There is no such scheme.
    """
    if scheme not in SCHEMES:
        raise InputError(f"there is no initialisation {scheme!r}{nearest(scheme, SCHEMES)}")
    with torch.no_grad():
        SCHEMES[scheme](cell)
        for name, parameter in cell.named_parameters():
            if name.startswith("gain"):
                parameter.fill_(1)


def recommended(cell: Stacked) -> None:
    """Orthogonal recurrent weights, Glorot-uniform input weights, zero biases, forget-gate bias 1.

    A cell may name other gates and other biases: `initial_bias`.

    Orthogonal: Saxe, McClelland & Ganguli 2014. Glorot: Glorot & Bengio 2010. Forget bias: Gers, Schmidhuber & Cummins
    2000; Jozefowicz, Zaremba & Sutskever 2015, section 2.2.
    """
    _by_gate(cell, recurrent=nn.init.orthogonal_)
    for gate, bias in cell.initial_bias.items():
        _set_bias(cell, gate, torch.tensor(bias))


def xavier(cell: Stacked) -> None:
    """Glorot-uniform input and recurrent weights, gate by gate, and zero biases (Glorot & Bengio 2010)."""
    _by_gate(cell, recurrent=nn.init.xavier_uniform_)


def identity(cell: Stacked) -> None:
    """Recurrent weights are the identity, biases zero (Le, Jaitly & Hinton 2015: the IRNN, for rectified units)."""
    _by_gate(cell, recurrent=nn.init.eye_)


def chrono(cell: Stacked) -> None:
    r"""As `recommended`, with gate biases spread for memories up to `LONGEST_MEMORY` steps (Tallec & Ollivier 2018).

    $$b_f \sim \log U(1, T_{max} - 1), \qquad b_i = -b_f$$

    \(b_f\) goes to the gates that keep the old state where they are open, \(b_i\) to those that replace it: `keeps` of
    the cell says which are which. In a GRU the update gate keeps, so it takes the place of the forget gate.
    """
    recommended(cell)
    drawn = torch.empty(cell.hidden_size).uniform_(1, LONGEST_MEMORY - 1).log_()
    for gate, sign in cell.keeps.items():
        _set_bias(cell, gate, sign * drawn)


def uniform(cell: Stacked) -> None:
    r"""Every parameter from \(U(-1/\sqrt{H}, 1/\sqrt{H})\), as torch.nn draws them and in the same order."""
    bound = 1 / math.sqrt(cell.hidden_size)
    for _, parameter in cell.named_parameters():
        parameter.uniform_(-bound, bound)


SCHEMES: dict[str, Callable[[Stacked], None]] = {
    "recommended": recommended,
    "xavier": xavier,
    "identity": identity,
    "chrono": chrono,
    "torch": uniform,
}
"""The schemes by the name that `init=` takes."""


def _by_gate(cell: Stacked, *, recurrent: Callable[[Tensor], Tensor]) -> None:
    """Input weights Glorot-uniform and recurrent weights by `recurrent`, each gate for itself; biases zero."""
    for name, parameter in cell.named_parameters():
        if parameter.dim() == 1:
            parameter.zero_()
        elif name.startswith(("weight_ih", "weight_hh")):
            for block in parameter.chunk(len(cell.gates)):
                (recurrent if name.startswith("weight_hh") else nn.init.xavier_uniform_)(block)
        else:
            nn.init.xavier_uniform_(parameter)


def _set_bias(cell: Stacked, gate: str, value: Tensor) -> None:
    """Set one gate's part of `bias_ih`, where the cell has that gate and biases; `bias_hh` stays zero."""
    if gate in cell.gates and cell.bias_ih is not None:
        cell.bias_ih.chunk(len(cell.gates))[cell.gates.index(gate)].copy_(value)
