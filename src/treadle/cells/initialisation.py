"""How the parameters of a cell are drawn, by name.

A recurrent weight multiplies the state again at every step, so its spectrum decides whether the past vanishes or
explodes (Pascanu, Mikolov & Bengio 2013). The schemes differ in what they do about that.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from treadle.errors import InputError, nearest

if TYPE_CHECKING:
    from treadle.cells.gated import GatedCell

LONGEST_MEMORY = 1000
"""Steps over which `chrono` spreads the memories of the units."""


def initialise(cell: "GatedCell", scheme: str) -> None:
    """Draw all parameters of a cell whose weights are stacked by gate.

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


def recommended(cell: "GatedCell") -> None:
    """Orthogonal recurrent weights, Glorot-uniform input weights, zero biases, forget-gate bias 1.

    Orthogonal: Saxe, McClelland & Ganguli 2014. Glorot: Glorot & Bengio 2010. Forget bias: Gers, Schmidhuber & Cummins
    2000; Jozefowicz, Zaremba & Sutskever 2015, section 2.2.
    """
    _by_gate(cell, recurrent=nn.init.orthogonal_)
    _set_bias(cell, "forget", torch.tensor(1.0))


def xavier(cell: "GatedCell") -> None:
    """Glorot-uniform input and recurrent weights, gate by gate, and zero biases (Glorot & Bengio 2010)."""
    _by_gate(cell, recurrent=nn.init.xavier_uniform_)


def identity(cell: "GatedCell") -> None:
    """Recurrent weights are the identity, biases zero (Le, Jaitly & Hinton 2015: the IRNN, for rectified units)."""
    _by_gate(cell, recurrent=nn.init.eye_)


def chrono(cell: "GatedCell") -> None:
    r"""As `recommended`, with gate biases spread for memories up to `LONGEST_MEMORY` steps (Tallec & Ollivier 2018).

    $$b_f \sim \log U(1, T_{max} - 1), \qquad b_i = -b_f$$

    In a GRU the update gate keeps the old state where it is open, so it takes the place of the forget gate.
    """
    recommended(cell)
    drawn = torch.empty(cell.hidden_size).uniform_(1, LONGEST_MEMORY - 1).log_()
    _set_bias(cell, "forget" if "forget" in cell.gates else "update", drawn)
    _set_bias(cell, "input", -drawn)


def uniform(cell: "GatedCell") -> None:
    r"""Every parameter from \(U(-1/\sqrt{H}, 1/\sqrt{H})\), as torch.nn draws them and in the same order."""
    bound = 1 / math.sqrt(cell.hidden_size)
    for parameter in cell.parameters():
        parameter.uniform_(-bound, bound)


SCHEMES: dict[str, Callable[["GatedCell"], None]] = {
    "recommended": recommended,
    "xavier": xavier,
    "identity": identity,
    "chrono": chrono,
    "torch": uniform,
}
"""The schemes by the name that `init=` takes."""


def _by_gate(cell: "GatedCell", *, recurrent: Callable[[Tensor], Tensor]) -> None:
    """Input weights Glorot-uniform and recurrent weights by `recurrent`, each gate for itself; biases zero."""
    for name, parameter in cell.named_parameters():
        if parameter.dim() == 1:
            parameter.zero_()
        elif name in ("weight_ih", "weight_hh"):
            for block in parameter.chunk(len(cell.gates)):
                (recurrent if name == "weight_hh" else nn.init.xavier_uniform_)(block)
        else:
            nn.init.xavier_uniform_(parameter)


def _set_bias(cell: "GatedCell", gate: str, value: Tensor) -> None:
    """Set one gate's part of `bias_ih`, where the cell has that gate and biases; `bias_hh` stays zero."""
    if gate in cell.gates and cell.bias_ih is not None:
        cell.bias_ih.chunk(len(cell.gates))[cell.gates.index(gate)].copy_(value)
