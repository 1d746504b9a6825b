"""What can be wrong with what a user gave, said in one sentence, and the parts of such sentences.

`InputError` is the only error the command line turns into exit code 2. It carries no state beyond its sentence, so that
the same text serves a terminal, a notebook and a server's reply.
"""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used: data, a column name, an option, a model folder.

    The message is one sentence that names the place (file, line, column), what was found and what was expected.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """The end of an error sentence that helps with a misspelt name.

    Args:
        name: What the user wrote.
        valid: The names that would have been accepted.

    Returns:
        `"; did you mean 'hidden_size'?"` when a valid name is close, else `"; valid names: a, b, c"`.

    Example:
        >>> nearest("hiden_size", ["hidden_size", "layers"])
        "; did you mean 'hidden_size'?"
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; valid names: {', '.join(names)}" if names else ""


def counted(number: int, noun: str) -> str:
    """A number and what it counts.

    Args:
        number: How many.
        noun: One of them; its plural takes an s.

    Example:
        >>> counted(1, "row"), counted(1198, "row")
        ('1 row', '1,198 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
