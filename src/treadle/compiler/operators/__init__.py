"""Operators: what each function that a step may call means in nodes of a program.

A rule gets the call's arguments by torch's own names: rows as nodes, numbers as `Constant`, parameters as `Vector`
where a function takes them number by number and as `Weight` where it multiplies with them. It returns a node or, where
torch returns several tensors, a tuple of them.
"""

from treadle.compiler.operators import elementwise, features  # noqa: F401  # their import enters the rules
from treadle.compiler.operators.elementwise import truth
from treadle.compiler.operators.rules import HINTS, RULES, NoRuleError, Weight, apply

__all__ = ["HINTS", "RULES", "NoRuleError", "Weight", "apply", "truth"]
