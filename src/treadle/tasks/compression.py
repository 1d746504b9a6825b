"""What was done to a network after training to make it smaller, as its folder remembers it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from torch import nn

from treadle.nn.low_rank import factorise


@dataclass(frozen=True)
class Compression:
    """How a network differs from one that is built anew.

    Attributes:
        ranks: Of the matrices that are kept in two factors, by name.
        sparsity: Share of zeros that its matrices were brought to; 0 for none. A folder keeps such a matrix as the
            numbers that are left and where they stand.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    sparsity: float = 0.0

    def shape(self, network: nn.Module) -> nn.Module:
        """The network with empty factors where they belong, to be loaded; changed in place.

        Raises:
            InputError: A matrix is not there, or has no such rank.
        """
        factorise(network, self.ranks, fresh=True)
        return network

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any] | None) -> Self:
        """What `to_json` gave; None for a folder that says nothing of it.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: It is damaged.
        """
        if saved is None:
            return cls()
        return cls({str(name): int(rank) for name, rank in saved["ranks"].items()}, float(saved["sparsity"]))
