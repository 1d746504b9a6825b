"""A string as tokens that know where they stand in it."""

from typing import NamedTuple

from treadle.data.text import word_spans


class Token(NamedTuple):
    """A token and its place: `text[start:end]` is the token."""

    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The words and punctuation marks of a text, as `treadle.data.words` finds them, in their own case.

    In a script without spaces (Chinese, Japanese, Thai, ...) every character is a token. A tagger that was trained on
    words of such a script should be given tokens, not strings.

    Args:
        text: Any string.

    Returns:
        Tokens in order; `start` and `end` count characters of `text`, and `text[start:end]` is the token.

    Example:
        >>> tokenize("It's in Rome.")[1:]
        [Token(text='in', start=5, end=7), Token(text='Rome', start=8, end=12), Token(text='.', start=12, end=13)]
    """
    return [Token(text[start:end], start, end) for start, end in word_spans(text)]
