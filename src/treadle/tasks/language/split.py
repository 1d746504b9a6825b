"""The last part of a text, set aside to choose the best epoch by."""

from collections.abc import Sequence

from treadle.errors import InputError, counted


def cut_off(texts: Sequence[str], fraction: float) -> tuple[list[str], list[str]]:
    r"""Cut texts in two, so that the last part has about a fraction of all characters.

    The cut lies between two documents or, within one that crosses it, after a line end, else after white space, the
    first within half of the part; where there is none, just there.

    Args:
        texts: Documents.
        fraction: Share of all characters, above 0 and below 1.

    Returns:
        The documents before the cut, and those after it.

    Raises:
        InputError: There are fewer than two characters, so that one part would be empty.

    Example:
        >>> cut_off(["To be or not\nto be,\nthat is", "it"], 0.4)
        (['To be or not\nto be,\n'], ['that is', 'it'])
    """
    total = sum(map(len, texts))
    if total < 2:
        found = counted(total, "character")
        raise InputError(f"the text has {found}, expected at least two to set a part of them aside")
    left = min(total - 1, max(1, round(total * (1 - fraction))))
    before: list[str] = []
    for number, text in enumerate(texts):
        if left >= len(text):
            before.append(text)
            left -= len(text)
            continue
        at = _break(text, left, left + max(1, round(total * fraction / 2))) if left else 0
        halves = ([text[:at]] if at else []), ([text[at:]] if text[at:] else [])
        return [*before, *halves[0]], [*halves[1], *texts[number + 1 :]]
    raise AssertionError("the cut lies before the last character")


def _break(text: str, start: int, stop: int) -> int:
    """Where to cut between `start` and `stop`."""
    for white in ("\n", " "):
        found = text.find(white, start - 1, min(stop, len(text) - 1))
        if found >= 0:
            return found + 1
    return start
