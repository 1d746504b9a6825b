"""Cells: the equations of each recurrence, and the contract that they keep.

Start with `treadle.cells.textbook` for the mathematics by hand, then `elman`, `lstm` and `gru`.
"""

from treadle.cells.clockwork import ClockworkCell, ClockworkState
from treadle.cells.contract import Cell, HiddenState, State, cell_names, make_cell, register
from treadle.cells.cornn import CoRNNCell, OscillatorState
from treadle.cells.elman import ElmanCell
from treadle.cells.fast_grnn import FastGRNNCell
from treadle.cells.gru import GRUCell
from treadle.cells.gru_variants import LightGRUCell, OriginalGRUCell
from treadle.cells.independent import IndependentCell
from treadle.cells.initialisation import SCHEMES, initialise
from treadle.cells.layer_norm import LayerNormGRUCell, LayerNormLSTMCell
from treadle.cells.lstm import LSTMCell, LSTMState
from treadle.cells.lstm_variants import CoupledLSTMCell, MultiplicativeLSTMCell, PeepholeLSTMCell
from treadle.cells.min_rnn import MinGRUCell, MinLSTMCell
from treadle.cells.minimal import JANETCell, MinimalGatedCell
from treadle.cells.recurrent_highway import RecurrentHighwayCell
from treadle.cells.sru import CellState, SRUCell
from treadle.cells.wrappers import RecurrentDropout, Zoneout

__all__ = [
    "SCHEMES",
    "Cell",
    "CellState",
    "ClockworkCell",
    "ClockworkState",
    "CoRNNCell",
    "CoupledLSTMCell",
    "ElmanCell",
    "FastGRNNCell",
    "GRUCell",
    "HiddenState",
    "IndependentCell",
    "JANETCell",
    "LSTMCell",
    "LSTMState",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "LightGRUCell",
    "MinGRUCell",
    "MinLSTMCell",
    "MinimalGatedCell",
    "MultiplicativeLSTMCell",
    "OriginalGRUCell",
    "OscillatorState",
    "PeepholeLSTMCell",
    "RecurrentDropout",
    "RecurrentHighwayCell",
    "SRUCell",
    "State",
    "Zoneout",
    "cell_names",
    "initialise",
    "make_cell",
    "register",
]
