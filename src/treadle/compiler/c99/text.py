"""Expressions, numbers and names in C99."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_KEYWORDS = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "bool",
        "catch",
        "class",
        "delete",
        "explicit",
        "export",
        "false",
        "friend",
        "mutable",
        "namespace",
        "new",
        "operator",
        "private",
        "protected",
        "public",
        "template",
        "this",
        "throw",
        "true",
        "try",
        "typename",
        "using",
        "virtual",
    ]
)
"""Words that are no names, in C or in C++, as which files are compiled here and there."""
ATOM, FACTOR, TERM, TEST = range(4)
"""How tightly an expression holds together: a name or a call, a product, a sum, a condition."""


@dataclass(frozen=True)
class Expression:
    """Text of C and how tightly it holds together; a condition is 1 or 0 where a number is wanted."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """The text as an operand of an operator of a level."""
        text = f"({self.text} ? 1.0f : 0.0f)" if self.level == TEST else self.text
        return text if self.level == TEST or self.level <= level else f"({text})"


_INFIX = {
    "add": ("+", TERM, TERM),
    "sub": ("-", TERM, FACTOR),
    "mul": ("*", FACTOR, FACTOR),
    "div": ("/", FACTOR, ATOM),
}
_COMPARED = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_LIBRARY = {"abs": "fabsf", "round": "rintf", "pow": "powf"} | {
    name: f"{name}f"
    for name in (
        *("tanh", "exp", "log", "log1p", "expm1", "sqrt"),
        *("sin", "cos", "floor", "ceil", "trunc", "erf"),
    )
}
_HELPERS = frozenset({"sigmoid", "relu", "sign", "minimum", "maximum"})


def function(name: str, operands: Sequence[Expression], helpers: set[str]) -> Expression:
    """A function of the program, applied to operands.

    Args:
        name: Of the function.
        operands: What it is applied to.
        helpers: Where the name of one that `<math.h>` has not is entered.
    """
    if name in _INFIX:
        sign, level, right = _INFIX[name]
        return Expression(f"{operands[0].within(level)} {sign} {operands[1].within(right)}", level)
    if name in _COMPARED:
        return Expression(f"{operands[0].within(TERM)} {_COMPARED[name]} {operands[1].within(TERM)}", TEST)
    plain = [a.within(TERM) for a in operands]
    match name:
        case "copy":
            return Expression(plain[0], operands[0].level if operands[0].level != TEST else ATOM)
        case "neg":
            return Expression(f"-{operands[0].within(ATOM)}", FACTOR)
        case "reciprocal":
            return Expression(f"1.0f / {operands[0].within(ATOM)}", FACTOR)
        case "rsqrt":
            return Expression(f"1.0f / sqrtf({plain[0]})", FACTOR)
        case "where":
            test = operands[0].text if operands[0].level == TEST else f"{plain[0]} != 0.0f"
            return Expression(f"({test} ? {plain[1]} : {plain[2]})")
    if name in _HELPERS:
        helpers.add(name)
    return Expression(f"{_LIBRARY.get(name, name)}({', '.join(plain)})")


def constant(value: float) -> str:
    """A number as float32 reads it back to the last bit.

    Example:
        >>> constant(0.1), constant(-2), constant(1e-30), constant(math.inf)
        ('0.1f', '-2.0f', '1e-30f', 'INFINITY')
    """
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = str(np.float32(value))
    text = text if any(mark in text for mark in ".e") else f"{text}.0"
    return f"{text}f"


def identifier(name: str) -> str:
    """A name as C allows it.

    Example:
        >>> identifier("hidden"), identifier("double"), identifier("2 cats"), identifier("größe")
        ('hidden', 'double_', '_2_cats', 'gr_f6_dfe')
    """
    text = "".join(c if c.isascii() and c.isalnum() else "_" if c.isascii() else f"_{ord(c):x}" for c in name) or "_"
    text = f"_{text}" if text[0].isdigit() else text
    return f"{text}_" if text in _KEYWORDS else text
