"""A text in pieces: what each adds, though how it goes on may yet change what its end means."""

import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treadle.data.codec import TokenCodec
from treadle.data.text import TextEncoder, blank_breaks
from treadle.data.vocabulary import Ids

Codes = NDArray[np.uint32]
"""Characters by their code points."""

_MARK: Final = "|"
"""Stands for the text before what is held back: it joins nothing that follows, and is not read."""
_HELD: Final = 8
"""Characters that are held back, at most: `| <br /`."""
_TEXTS: Final = 256
"""There are hardly more texts than this that are ever held back."""
_BREAK_BEGINS: Final = re.compile(r"<(?:b(?:r\s*/?)?)?\Z", re.IGNORECASE)
_BREAK_BEFORE_SPACE: Final = re.compile(r"<br\s*\Z", re.IGNORECASE)
_BREAK_BEFORE_SPACE_IN_LINE: Final = re.compile(r"<br[^\S\n]*\Z", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_CODE: Final = f"utf-32-{sys.byteorder[0]}e"


class Joined(NamedTuple):
    """What a piece adds to a text.

    Attributes:
        sure: Numbers of further tokens, which stay whatever follows.
        ahead: Numbers of the tokens after them, were this the end of the text.
        held: The text that `ahead` comes from, in the form that the next piece is joined to.
        added: How many tokens more the text so far has.
    """

    sure: Ids
    ahead: Ids
    held: Codes
    added: int


class TextPieces:
    """Joins pieces of a text so that it is read as if it had come at once.

    Characters may be cut anywhere. White space is held back until something else follows, since a text has none at its
    ends, and so is what a line break (`<br />`) may begin with. Words and sub-word pieces are cut at white space, or
    end there: of them, `<br` at the end of a piece is held back, since the next may begin with `/>`.

    Args:
        encode: The numbers of the tokens of a text.
        unit: What a token is.
        by_line: Whether a line end within it makes a line break none.

    Attributes:
        begin: What is held back before the first piece.

    Example:
        >>> pieces = pieces_of(TextEncoder.fit(["to be"], unit="char"))
        >>> first = pieces.join(pieces.begin, as_codes(" to "))
        >>> first.sure.tolist(), first.ahead.tolist(), pieces.join(first.held, as_codes("be")).sure.tolist()
        ([6, 5], [], [2, 3, 4])
    """

    def __init__(self, encode: Callable[[str], Ids], *, unit: str, by_line: bool) -> None:
        self.begin: Codes = np.zeros(_HELD, np.uint32)
        self._encode = encode
        self._anywhere = unit == "char"
        by_space = _BREAK_BEFORE_SPACE_IN_LINE if by_line else _BREAK_BEFORE_SPACE
        self._open = _BREAK_BEGINS if self._anywhere else by_space
        self._mark = len(encode(_MARK))
        self._nothing = encode("")
        self._kept = lru_cache(_TEXTS)(self._keep)
        self._text = lru_cache(_TEXTS)(lambda held: _as_text(held).rstrip("\0"))

    def join(self, held: Codes, piece: Codes) -> Joined:
        """What a piece adds to a text.

        Args:
            held: What was held back of the text before, or `begin`.
            piece: As `as_codes` gives it.
        """
        before = self._text(held.tobytes())
        text = before + (" " if before and not self._anywhere else "") + _as_text(piece.tobytes())
        start = text.rfind("<")
        opened = None if start < 0 else self._open.match(text, start)
        sure = text if opened is None else text[:start]
        after = self._held(sure, "" if opened is None else _SPACE.sub(" ", opened[0]))
        found = self._numbers(sure, marked=before.startswith(_MARK))
        codes, ahead = self._kept(after)
        return Joined(found, ahead, codes, len(found) + len(ahead) - len(self._kept(before)[1]))

    def _keep(self, text: str) -> tuple[Codes, Ids]:
        """What is held back: its code points, and the numbers of its tokens."""
        return as_codes(text.ljust(_HELD, "\0")), self._numbers(text, marked=text.startswith(_MARK))

    def _held(self, sure: str, opened: str) -> str:
        """What is kept for the next piece: how the text before it ends, and what may begin a line break."""
        sure = blank_breaks(sure)
        if not self._anywhere:
            glued = sure and not sure[-1].isspace()
            return (_MARK if glued else "") + opened.rstrip() if opened else ""
        if not sure or sure.isspace():
            return opened
        return _MARK + (" " if sure[-1].isspace() else "") + opened

    def _numbers(self, text: str, *, marked: bool) -> Ids:
        return self._encode(text)[self._mark if marked else 0 :] if text else self._nothing


def pieces_of(encoder: TextEncoder | TokenCodec) -> TextPieces | None:
    """How the pieces of a text join; None where each is read by itself, since nothing that follows changes it."""
    if isinstance(encoder, TextEncoder):
        return TextPieces(lambda text: encoder.encode([text])[0], unit=encoder.unit, by_line=False)
    if encoder.unit == "word" and not encoder.tokenised:
        return TextPieces(encoder.encode, unit=encoder.unit, by_line=True)
    return None


def as_codes(text: str) -> Codes:
    """The code points of a text, halves of surrogate pairs too."""
    return np.frombuffer(text.encode(_CODE, "surrogatepass"), np.uint32)


def _as_text(codes: bytes) -> str:
    return codes.decode(_CODE, "surrogatepass")
