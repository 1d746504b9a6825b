"""Streams that clients come back to: many sessions of one model, stepped together."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from treadle.errors import InputError, counted
from treadle.serving.limits import Limits, Refusal
from treadle.serving.metrics import Metrics
from treadle.serving.work import Worker
from treadle.streaming import StreamPool

MOST_AT_ONCE = 4096
"""Steps of different sessions that one call takes."""
LOOKED_SECONDS = 1.0
"""Between two looks for sessions that nobody came back to, while there is room."""
KEY_BYTES = 18
"""Of a session's key, drawn at random: who knows it may go on with the session."""


@dataclass
class Session:
    """One stream of a model, for the client that knows its key.

    Attributes:
        key: Names it.
        used: When it was last, on the clock of `time.monotonic`.
        last: The last answer, for a client that was gone before it came.
        owner: Counts the connections that took it up; only the latest may step it.
        leave: Tells the connection that has it that another takes it up.
    """

    key: str
    used: float
    last: dict[str, Any] | None = None
    owner: int = 0
    leave: Callable[[], None] | None = None
    steps: int = 0
    begun: bool = field(default=False)


@dataclass
class _Step:
    session: Session
    step: Any
    state: bool
    answer: asyncio.Future[dict[str, Any]]


class Sessions:
    """All streams of one model.

    Steps that come while the model is at work are taken together afterwards, one of each session.

    Args:
        name: Of the model.
        pool: Its streams.
        worker: That runs them.
        limits: Of the server.
        metrics: Are told of the steps.
    """

    def __init__(self, name: str, pool: StreamPool, worker: Worker, limits: Limits, metrics: Metrics) -> None:
        self.name, self.pool, self._worker, self._limits, self._metrics = name, pool, worker, limits, metrics
        self._open: dict[str, Session] = {}
        self._queue: list[_Step] = []
        self._some = asyncio.Event()
        self._looked = 0.0
        metrics.gauge("treadle_sessions", name, lambda: len(self._open))

    def begin(self) -> Session:
        """A new session.

        Raises:
            Refusal: So many are open that there is no room.
        """
        self._expire()
        if len(self._open) >= self._limits.sessions:
            raise Refusal(
                429, f"{counted(self._limits.sessions, 'session')} of this model may be open, try again later"
            )
        session = Session(secrets.token_urlsafe(KEY_BYTES), time.monotonic())
        self._open[session.key] = session
        return session

    def resume(self, key: str) -> Session:
        """The session of a key, taken from the connection that has it, if one still does.

        Raises:
            Refusal: There is none, or it was forgotten.
        """
        self._expire()
        session = self._open.get(key)
        if session is None:
            raise Refusal(
                404, f"there is no session of this key, or it was idle for {self._limits.session_seconds:g} s"
            )
        if session.leave is not None:
            session.leave()
        session.owner += 1
        session.used = time.monotonic()
        return session

    async def step(self, session: Session, step: Any, *, state: bool = False) -> dict[str, Any]:
        """The answer to one step of a session.

        Args:
            session: Which.
            step: As `StreamPool.step` takes it.
            state: Whether to tell all that the stream remembers.

        Raises:
            InputError: The step cannot be used; the session is as it was.
            Refusal: The answer is not there in time.
        """
        one = _Step(session, step, state, asyncio.get_running_loop().create_future())
        self._queue.append(one)
        self._some.set()
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                return await asyncio.shield(one.answer)
        except TimeoutError:
            raise Refusal(408, f"the answer was not there within {self._limits.answer_seconds:g} seconds") from None

    async def close(self, session: Session) -> None:
        """End a session and forget it."""
        if self._open.pop(session.key, None) is not None and session.begun:
            await self._worker.run(self.pool.close, session.key)

    async def run(self) -> None:
        """Take steps for ever; the task of this is cancelled at the end."""
        while True:
            await self._some.wait()
            taken: dict[str, _Step] = {}
            left: list[_Step] = []
            for one in self._queue:
                if one.session.key in taken or len(taken) >= MOST_AT_ONCE:
                    left.append(one)
                else:
                    taken[one.session.key] = one
            self._queue = left
            if not left:
                self._some.clear()
            await self._take(list(taken.values()))

    async def _take(self, some: Sequence[_Step]) -> None:
        """Take steps together; where one cannot be used, the others without it."""
        try:
            told = await self._worker.run(self._together, some)
        except InputError as error:
            if len(some) > 1:
                middle = len(some) // 2
                await self._take(some[:middle])
                await self._take(some[middle:])
            elif not some[0].answer.done():
                some[0].answer.set_exception(error)
            return
        except Exception as error:
            for one in some:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        self._metrics.add("treadle_steps_total", self.name, len(some))
        now = time.monotonic()
        for one, answer in zip(some, told, strict=True):
            one.session.used, one.session.last, one.session.begun = now, answer, True
            one.session.steps = answer["steps"]
            if not one.answer.done():
                one.answer.set_result(answer)

    def _together(self, some: Sequence[_Step]) -> list[dict[str, Any]]:
        """In the worker: the answers, with how many steps each stream has taken."""
        found = self.pool.step([one.session.key for one in some], [one.step for one in some])
        told = []
        for one, answer in zip(some, found, strict=True):
            said = {"answer": answer, "steps": self.pool.steps(one.session.key)}
            if one.state:
                fields = self.pool.state(one.session.key)
                said["state"] = {name: field for name, field in fields.items() if name[:1].isdigit()}
            told.append(said)
        return told

    def _expire(self) -> None:
        """Forget sessions that nobody came back to; a look costs as much as there are sessions."""
        now = time.monotonic()
        if len(self._open) < self._limits.sessions and now < self._looked + LOOKED_SECONDS:
            return
        self._looked, before = now, now - self._limits.session_seconds
        gone = [one for one in self._open.values() if one.used < before and one.leave is None]
        for one in gone:
            del self._open[one.key]
            if one.begun:
                asyncio.ensure_future(self._worker.run(self.pool.close, one.key))  # noqa: RUF006 (the worker keeps it)
