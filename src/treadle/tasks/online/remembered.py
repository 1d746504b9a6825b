"""What a part of an online estimator remembers: facts that JSON can hold, and arrays."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Facts = dict[str, Any]
Arrays = dict[str, Array]


class Remembering(Protocol):
    """A part whose whole state can be taken out and put back, to the last bit."""

    def facts(self) -> Facts:
        """What JSON can hold."""

    def arrays(self) -> Arrays:
        """The rest."""

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Take up what the two gave.

        Raises:
            KeyError, TypeError, ValueError: It is not that of such a part.
        """


def gather(parts: Mapping[str, Remembering]) -> tuple[Facts, Arrays]:
    """What several parts remember, each under its name."""
    facts = {name: part.facts() for name, part in parts.items()}
    arrays = {f"{name}.{key}": array for name, part in parts.items() for key, array in part.arrays().items()}
    return facts, arrays


def scatter(parts: Mapping[str, Remembering], facts: Facts, arrays: Arrays) -> None:
    """Give every part back what it remembered.

    Raises:
        KeyError, TypeError, ValueError: A part is missing or not of this kind.
    """
    for name, part in parts.items():
        own = {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}
        part.restore(facts[name], own)


def widened(array: Array, *shape: int) -> Array:
    """A copy of an array with room for more at the end of its axes, zeros there."""
    wider = np.zeros(shape, array.dtype)
    wider[tuple(slice(size) for size in array.shape)] = array
    return wider
