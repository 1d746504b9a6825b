"""A model as a server has it: inputs of JSON to cells, cells to the answers that `treadle predict` gives."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import nn

from treadle.data import Roles
from treadle.errors import InputError, nearest
from treadle.serving.limits import Limits, check_value
from treadle.serving.states import picture, watched
from treadle.streaming import Streaming, StreamPool


class Served(ABC):
    """One model of a task. A subclass that names its `tasks` is entered under them.

    Args:
        name: Of the model.
        estimator: It, fitted.
        roles: Of the columns that it was trained on, where it has any.
        limits: Of the server.

    Attributes:
        tasks: The names, as in `config.toml`.
        options: What a request may ask for, and from what to what.
    """

    tasks: ClassVar[tuple[str, ...]]
    options: ClassVar[Mapping[str, tuple[int, int]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Enter the class under the tasks it names."""
        super().__init_subclass__(**options)
        SERVED.update(dict.fromkeys(cls.tasks, cls))

    def __init__(self, name: str, estimator: Any, roles: Roles | None, limits: Limits) -> None:
        self.name, self.estimator, self.roles, self.limits = name, estimator, roles, limits

    @abstractmethod
    def read(self, value: Any) -> Any:
        """An input as the model takes it.

        Raises:
            InputError: It is none of this model.
        """

    @abstractmethod
    def answer(self, cells: Sequence[Any], options: Mapping[str, int]) -> list[dict[str, Any]]:
        """What `treadle predict` says of each.

        Raises:
            InputError: A cell cannot be used.
        """

    def explain(self, cell: Any, answer: Mapping[str, Any], options: Mapping[str, int]) -> dict[str, Any]:  # noqa: ARG002 (for those that can)
        """What moved an answer, where the task can tell.

        Args:
            cell: Of one input.
            answer: To it.
            options: With which it was found.
        """
        return {}

    def steps(self, cell: Any) -> list[str]:  # noqa: ARG002 (for those that can)
        """What the steps of a cell are, for a picture of states."""
        return []

    def layers(self) -> nn.Module:
        """The recurrent layers whose states are shown."""
        stack: nn.Module = self.estimator.network_.stack
        return stack

    def check(self, value: Any) -> Any:
        """`read` for a JSON value of any kind and size.

        Raises:
            InputError: It is none of this model, or longer than the server takes.
        """
        check_value(value)
        self.check_length(value)
        return self.read(value)

    def check_all(self, values: Sequence[Any]) -> list[Any]:
        """`check` of every value.

        Raises:
            InputError: As there; of several, the sentence says which.
        """
        cells = []
        for number, value in enumerate(values, 1):
            try:
                cells.append(self.check(value))
            except InputError as error:
                raise InputError(f"input {number}: {error}" if len(values) > 1 else str(error)) from None
        return cells

    def check_length(self, value: Any) -> None:
        """Hold a value to the length that the server takes.

        Raises:
            InputError: It is longer.
        """
        if isinstance(value, str | list) and len(value) > self.limits.length:
            raise InputError(f"an input has a length of {len(value):,}, the server takes up to {self.limits.length:,}")

    def check_options(self, given: Mapping[str, int]) -> dict[str, int]:
        """What a request asks for beside its inputs.

        Raises:
            InputError: There is no such option, or it is out of its range.
        """
        for name, value in given.items():
            if name not in self.options:
                raise InputError(f"there is no option {name!r} for this model{nearest(name, self.options)}")
            least, most = self.options[name]
            if not least <= value <= most:
                raise InputError(f"{name} is {value}; expected {least} to {most}")
        return dict(given)

    def states(self, cell: Any, options: Mapping[str, int]) -> dict[str, Any]:
        """The hidden states while the model reads a cell."""
        with watched(self.layers()) as seen:
            self.answer([cell], options)
        return picture(seen, self.steps(cell))

    def pool(self) -> StreamPool:
        """Its streams.

        Raises:
            InputError: It answers whole sequences only; the sentence says why.
        """
        if not isinstance(self.estimator, Streaming):
            raise InputError(f"a model of the task {self.estimator.task!r} answers whole sequences and has no stream")
        return self.estimator.stream_pool(limit=self.limits.sessions)

    def describe(self) -> dict[str, Any]:
        """What a client has to know of it."""
        return {
            "name": self.name,
            "task": self.estimator.task,
            "description": self.estimator.describe(),
            "size": self.estimator.describe_size(),
            "options": {name: list(range_) for name, range_ in self.options.items()},
        }


SERVED: dict[str, type[Served]] = {}
"""How the models of every task are served, entered when the class is made."""


def text_of(value: Any) -> str:
    """A text.

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, str):
        raise InputError(f"an input of this model is a text, found {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    kinds = {type(None): "nothing", bool: "a truth value", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), "an object")
