"""Cells: the equations of each recurrence, and the contract that they keep.

Start with `treadle.cells.textbook` for the mathematics by hand, then `elman`, `lstm` and `gru`.
"""

from treadle.cells.contract import Cell, HiddenState, State, cell_names, make_cell, register
from treadle.cells.elman import ElmanCell
from treadle.cells.gru import GRUCell
from treadle.cells.initialisation import SCHEMES, initialise
from treadle.cells.lstm import LSTMCell, LSTMState

__all__ = [
    "SCHEMES",
    "Cell",
    "ElmanCell",
    "GRUCell",
    "HiddenState",
    "LSTMCell",
    "LSTMState",
    "State",
    "cell_names",
    "initialise",
    "make_cell",
    "register",
]
