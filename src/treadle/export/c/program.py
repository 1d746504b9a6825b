"""Program: a model as a program in C, put together piece by piece.

What a step does is written in two parts, as a stream has them: `advance` reads an input and moves the state on,
`answer` says what the model makes of all that it has read. Pieces add to both, and to what stands beside them: fields
of the state, functions, tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.export.c.tables import Tables

Array = NDArray[Any]

SIZES = {"float": 4, "double": 8, "int32_t": 4}
"""Bytes of a number."""


@dataclass(frozen=True)
class Field:
    """A field of the state.

    Attributes:
        name: In C.
        kind: "float", "double" or "int32_t".
        initial: `[size]`, where it begins; NaN and infinity too.
        meaning: One phrase.
    """

    name: str
    kind: str
    initial: Array
    meaning: str

    @property
    def uniform(self) -> bool:
        """Whether it begins with one number in every place."""
        return bool((self.initial == self.initial[0]).all() or np.isnan(self.initial).all())


@dataclass(frozen=True)
class Input:
    """What a step reads.

    Attributes:
        parameters: Of the function in C, such as "const float input[3]".
        meaning: Lines of prose for a comment.
        constants: Sizes by name and what they are, for the header: `("CHANNELS", 3, "numbers of a step")`.
    """

    parameters: str
    meaning: list[str]
    constants: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def names(self) -> str:
        """The parameters as arguments of a call."""
        return ", ".join(one.split("[")[0].split()[-1].lstrip("*") for one in self.parameters.split(", "))


@dataclass(frozen=True)
class Strings:
    """A table of names that a program reads with its numbers: classes, tags, a vocabulary.

    Attributes:
        name: "classes", "tokens", ...
        values: The names.
        meaning: One phrase.
        optional: Whether it is compiled only where it is asked for, since it is long.
    """

    name: str
    values: Sequence[str]
    meaning: str
    optional: bool = False


@dataclass
class Program:
    """A model in C.

    Attributes:
        name: Begins every public name.
        title: What the model is, in a few words.
        about: Further lines of prose.
        input: What a step reads.
        outputs: What each number of the answer is; of many, the first few will be shown.
        answers: What the answer is, lines of prose.
        tables: The weights.
        fields: The state.
        functions: Of layers, each a list of lines.
        advance: Statements that read an input.
        answer: Statements that write `output`.
        begin: Statements that follow when a state was set to its initial numbers.
        strings: Tables of names.
        helpers: Functions that the statements call.
        stack: Bytes of local arrays, by the name of the function.
    """

    name: str
    title: str
    about: list[str]
    input: Input
    outputs: list[str]
    answers: list[str]
    tables: Tables
    fields: list[Field] = field(default_factory=list)
    functions: list[list[str]] = field(default_factory=list)
    advance: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    begin: list[str] = field(default_factory=list)
    strings: list[Strings] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    stack: dict[str, int] = field(default_factory=dict)

    def remember(self, name: str, initial: Array | Sequence[float], meaning: str, *, kind: str = "float") -> str:
        """Enter a field of the state; how `advance` and `answer` name it."""
        self.fields.append(Field(name, kind, np.asarray(initial), meaning))
        return f"state->{name}"

    def local(self, into: list[str], function: str, name: str, size: int, *, kind: str = "float") -> str:
        """Declare a local array in a function's statements; its name."""
        into.append(f"{kind} {name}[{size}];")
        self.stack[function] = self.stack.get(function, 0) + SIZES[kind] * size
        return name

    @property
    def state_bytes(self) -> int:
        """Bytes of the state, without what a compiler puts between fields."""
        return sum(SIZES[one.kind] * one.initial.size for one in self.fields)

    @property
    def begin_bytes(self) -> int:
        """Bytes of the tables of what a state begins with."""
        return sum(SIZES[one.kind] * one.initial.size for one in self.fields if not one.uniform)

    @property
    def stack_bytes(self) -> int:
        """Bytes of local arrays that are alive at once, at most."""
        inner = [size for name, size in self.stack.items() if name not in ("advance", "answer")]
        return max(self.stack.get("advance", 0) + max(inner, default=0), self.stack.get("answer", 0))
