"""Treadle: recurrent neural networks for any sequence. You write the step; Treadle turns the wheel."""

__version__ = "0.1.0"
