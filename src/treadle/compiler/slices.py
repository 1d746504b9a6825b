"""Slices: parts of a parameter of one axis are named by where they begin, and no tensor is made of them."""

from collections.abc import Collection, Iterable
from itertools import accumulate

from treadle.compiler.trace import Call, Value, values_in


def slices(calls: Iterable[Call]) -> dict[Value, tuple[Value, int]]:
    """Of every value that is a slice of a vector: which vector's, and the number that it begins with."""
    found: dict[Value, tuple[Value, int]] = {}
    for call in calls:
        whole = call.args[0] if call.args else None
        if not isinstance(whole, Value) or len(whole.shape) != 1:
            continue
        base, begin = found.get(whole, (whole, 0))
        if call.name == "getitem" and isinstance(call.args[1], slice):
            start, _, step = call.args[1].indices(whole.shape[0])
            if step == 1:
                found[call.result] = base, begin + start
        elif call.name in ("chunk", "split", "split_with_sizes"):
            starts = accumulate((part.shape[0] for part in call.result), initial=begin)
            found |= {part: (base, start) for part, start in zip(call.result, starts, strict=False)}
    return found


def needed(calls: list[Call], wanted: Collection[Value]) -> list[Call]:
    """The calls that some values are made by."""
    missing, kept = set(wanted), []
    for call in reversed(calls):
        if missing.intersection(values_in(call.result)):
            kept.append(call)
            missing.update(values_in((call.args, call.kwargs)))
    return kept[::-1]
