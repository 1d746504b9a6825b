"""One step of a cell in C99."""

from treadle.compiler.c99.step import StepCode, step_in_c
from treadle.compiler.c99.writer import Constants

__all__ = ["Constants", "StepCode", "step_in_c"]
