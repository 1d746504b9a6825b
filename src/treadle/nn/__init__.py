"""Layers: cells unrolled over time, with lengths, resets, carried state, directions and depth."""

from treadle.nn.attention import ATTENTIONS, Attention, coverage_penalty
from treadle.nn.crf import CRF
from treadle.nn.dropout import LockedDropout
from treadle.nn.engines import ENGINES, Explanation, choose_engine
from treadle.nn.pooling import POOLINGS, Pooling
from treadle.nn.recurrent import Recurrent
from treadle.nn.sequences import clear_padding, length_mask
from treadle.nn.softmax import AdaptiveSoftmax, Softmax, cross_entropy
from treadle.nn.stack import Stack
from treadle.nn.torch_compatible import GRU, LSTM, RNN
from treadle.nn.weight_drop import WeightDrop

__all__ = [
    "ATTENTIONS",
    "CRF",
    "ENGINES",
    "GRU",
    "LSTM",
    "POOLINGS",
    "RNN",
    "AdaptiveSoftmax",
    "Attention",
    "Explanation",
    "LockedDropout",
    "Pooling",
    "Recurrent",
    "Softmax",
    "Stack",
    "WeightDrop",
    "choose_engine",
    "clear_padding",
    "coverage_penalty",
    "cross_entropy",
    "length_mask",
]
