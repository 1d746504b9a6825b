"""Runs: the groups of a schedule that follow each other, each row of which goes through all of them at once."""

from dataclasses import dataclass

from treadle.compiler.schedule import GroupStage, Place, ProductStage, Schedule

PLACED = ("load", "splat", "store", "sum", "accumulate")
"""Instructions with a place."""


@dataclass(frozen=True)
class Run:
    """Groups that follow each other.

    Attributes:
        groups: The groups, each with its number among all stages.
        places: What they read and write.
        spread: Those of the places that hold one number for all columns.
        passing: Those that nobody else reads: the memory of one row does for all.
        flat: Whether it computes single numbers that stand together, so that all rows may be taken as one.
    """

    groups: dict[int, GroupStage]
    places: list[Place]
    spread: frozenset[Place]
    passing: frozenset[Place]
    flat: bool


def runs(schedule: Schedule, *, apart: bool) -> list[tuple[int, ProductStage] | Run]:
    """The stages of a schedule in order: products by their numbers, and the groups between them.

    Args:
        schedule: The schedule.
        apart: Whether each group is a run of its own.
    """
    found: list[tuple[int, ProductStage] | Run] = []
    together: dict[int, GroupStage] = {}
    for number, stage in enumerate(schedule.stages):
        if together and (apart or isinstance(stage, ProductStage)):
            found.append(_run(schedule, together))
            together = {}
        if isinstance(stage, ProductStage):
            found.append((number, stage))
        else:
            together[number] = stage
    return [*found, _run(schedule, together)] if together else found


def _run(schedule: Schedule, groups: dict[int, GroupStage]) -> Run:
    placed = [entry for stage in groups.values() for entry in stage.code if entry[0] in PLACED]
    places = list(dict.fromkeys(place for _, place, *_ in placed))
    others = [stage for number, stage in enumerate(schedule.stages) if number not in groups]
    read = {buffer for stage in others for buffer in _buffers(stage)}
    kinds = {place: schedule.buffers[place.buffer].kind for place in places}
    inner = frozenset(place for place in places if kinds[place] == "scratch" and place.buffer not in read)
    single = len(groups) == 1
    return Run(
        groups,
        places,
        spread=frozenset(place for operation, place, *_ in placed if operation == "splat"),
        passing=frozenset() if single else inner,
        flat=single
        and all(stage.width == 1 for stage in groups.values())
        and all(_is_flat(schedule, p) for p in places),
    )


def _buffers(stage: ProductStage | GroupStage) -> set[str]:
    """The buffers that a stage reads or writes."""
    if isinstance(stage, ProductStage):
        return {stage.out, *(term.place.buffer for term in [*stage.hoisted, *stage.terms])}
    return {entry[1].buffer for entry in stage.code if entry[0] in PLACED}


def _is_flat(schedule: Schedule, place: Place) -> bool:
    """Whether the rows of a place are single numbers that stand together for sure, or one number for all rows."""
    buffer = schedule.buffers[place.buffer]
    if buffer.for_all_rows:
        return buffer.kind != "total"
    return buffer.kind != "sequence" and buffer.width == 1 and not place.column and buffer.source is None
