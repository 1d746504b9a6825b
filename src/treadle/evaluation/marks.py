"""Words with their combining marks, which no regular expression counts among letters."""

import re
import unicodedata

MARK = "\u0300"
"""Stands in a pattern for every combining mark: accents, points and vowel signs that are characters of their own."""


def found_in(text: str, pattern: re.Pattern[str]) -> list[str]:
    r"""What a pattern finds in a text.

    Args:
        text: Any.
        pattern: In which `MARK` stands for every combining mark (categories Mn, Mc and Me).

    Example:
        >>> found_in("naïve हिन्दी", re.compile(rf"(?:\w{MARK}*)+"))
        ['naïve', 'हिन्दी']
    """
    marks = {} if text.isascii() else {ord(one): MARK for one in set(text) if unicodedata.category(one)[0] == "M"}
    if not marks:
        return pattern.findall(text)
    return [text[match.start() : match.end()] for match in pattern.finditer(text.translate(marks))]
