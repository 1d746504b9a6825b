"""The arguments of an estimator: gathered over its classes, shown in one signature, refused where they are unknown."""

import inspect
from typing import Any, Self

from sklearn.base import BaseEstimator

from treadle.errors import InputError, nearest


class Arguments(BaseEstimator):
    """scikit-learn's contract on arguments, for classes that pass on those of their base class.

    Every class of the hierarchy takes its own arguments by keyword, stores them as they are, and passes the rest to the
    next as `**options`; what nobody takes arrives here.

    Args:
        **unknown: Refused; the nearest valid name is in the error.

    Example:
        >>> class Base(Arguments):
        ...     def __init__(self, *, size: int = 8, **options: Any) -> None:
        ...         super().__init__(**options)
        ...         self.size = size
        >>> class Net(Base):
        ...     def __init__(self, *, depth: int = 1, **options: Any) -> None:
        ...         super().__init__(**options)
        ...         self.depth = depth
        >>> inspect.signature(Net)
        <Signature (*, size=8, depth=1)>
        >>> Net(depth=2).get_params()
        {'depth': 2, 'size': 8}
        >>> Net(dept=2)
        Traceback (most recent call last):
        treadle.errors.InputError: Net has no argument 'dept'; did you mean 'depth'?
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Give the class a signature with every argument, for `help`, editors and scikit-learn's short `repr`."""
        super().__init_subclass__(**options)
        arguments = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in cls.parameters().items()
        ]
        cls.__signature__ = inspect.Signature(arguments)
        if "__init__" in vars(cls):
            itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            vars(cls)["__init__"].__signature__ = inspect.Signature([itself, *arguments])

    def __init__(self, **unknown: Any) -> None:
        for name in unknown:
            self._refuse(name)

    @classmethod
    def parameters(cls) -> dict[str, Any]:
        """Every argument with its default."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if "__init__" in vars(base):
                signature = inspect.signature(vars(base)["__init__"])
                found |= {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
        return found

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """The names of all arguments; scikit-learn would only look at the last class's own."""
        return sorted(cls.parameters())

    def set_params(self, **params: Any) -> Self:
        """Change arguments.

        Raises:
            InputError: There is no such argument; the nearest one is named.
        """
        for name in params:
            if name.split("__")[0] not in self.parameters():
                self._refuse(name)
        super().set_params(**params)
        return self

    def _refuse(self, name: str) -> None:
        raise InputError(f"{type(self).__name__} has no argument {name!r}{nearest(name, self.parameters())}")
