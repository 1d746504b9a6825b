"""Model work beside the event loop: one thread that does it, and rows of several clients put together for it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from treadle.errors import InputError
from treadle.serving.limits import Limits, Refusal
from treadle.serving.metrics import Metrics

T = TypeVar("T")


class Worker:
    """The one thread in which models run: each uses all cores by itself, and two at once would only take turns."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "treadle-model")

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """What `work` returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def close(self) -> None:
        """End the thread once its work is done."""
        self._thread.shutdown()


@dataclass
class _Waiting:
    """The rows of one request."""

    cells: Sequence[Any]
    options: Mapping[str, int]
    since: float
    answer: asyncio.Future[list[dict[str, Any]]]


class Batcher:
    """Answers rows of several clients in one call of a model.

    A row waits for others while the model is at work, and at most `batch_seconds` where it is not. Whoever shares a
    batch does not matter: the model's answers do not depend on it, and where a row cannot be used, the others are
    answered without it.

    Args:
        name: Of the model.
        answer: The model's call.
        worker: That runs it.
        limits: Of the server.
        metrics: Are told of every batch.
    """

    def __init__(
        self,
        name: str,
        answer: Callable[[Sequence[Any], Mapping[str, int]], list[dict[str, Any]]],
        worker: Worker,
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self.name, self._answer, self._worker, self._limits, self._metrics = name, answer, worker, limits, metrics
        self._queue: list[_Waiting] = []
        self._rows = 0
        self._some, self._full = asyncio.Event(), asyncio.Event()

    async def submit(self, cells: Sequence[Any], options: Mapping[str, int]) -> list[dict[str, Any]]:
        """The answers to the rows of one request.

        Raises:
            Refusal: Too many rows wait, or the answer is not there in time.
            InputError: A row cannot be used.
        """
        if self._rows + len(cells) > self._limits.waiting:
            raise Refusal(429, f"{self._rows:,} rows wait for this model already, try again in a moment")
        one = _Waiting(cells, options, time.monotonic(), asyncio.get_running_loop().create_future())
        self._queue.append(one)
        self._rows += len(cells)
        self._some.set()
        if self._rows >= self._limits.batch_rows:
            self._full.set()
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                return await one.answer
        except TimeoutError:
            seconds = f"{self._limits.answer_seconds:g} seconds"
            raise Refusal(408, f"the answer was not there within {seconds}; send fewer or shorter inputs") from None

    async def run(self) -> None:
        """Answer for ever; the task of this is cancelled at the end."""
        while True:
            await self._some.wait()
            rest = self._queue[0].since + self._limits.batch_seconds - time.monotonic()
            if rest > 0 and not self._full.is_set():
                try:
                    async with asyncio.timeout(rest):
                        await self._full.wait()
                except TimeoutError:
                    pass
            await self._answer_all(self._take())

    def _take(self) -> list[_Waiting]:
        """The requests that are answered next: the oldest, and others with the same options, up to a batch."""
        options = self._queue[0].options
        taken: list[_Waiting] = []
        left: list[_Waiting] = []
        rows = 0
        for one in self._queue:
            room = not taken or rows + len(one.cells) <= self._limits.batch_rows
            if one.options == options and room:
                taken.append(one)
                rows += len(one.cells)
            else:
                left.append(one)
        self._queue, self._rows = left, self._rows - rows
        if not left:
            self._some.clear()
        if self._rows < self._limits.batch_rows:
            self._full.clear()
        return [one for one in taken if not one.answer.done()]

    async def _answer_all(self, some: list[_Waiting]) -> None:
        """Answer requests together; where that fails, each half by itself, until the one is found that is wrong."""
        if not some:
            return
        cells = [cell for one in some for cell in one.cells]
        since = time.monotonic()
        try:
            found = await self._worker.run(self._answer, cells, some[0].options)
        except InputError as error:
            if len(some) == 1:
                _tell(some[0], error)
                return
            middle = len(some) // 2
            await self._answer_all(some[:middle])
            await self._answer_all(some[middle:])
            return
        except Exception as error:
            for one in some:
                _tell(one, error)
            return
        self._metrics.batch(self.name, len(cells), time.monotonic() - since)
        start = 0
        for one in some:
            if not one.answer.done():
                one.answer.set_result(found[start : start + len(one.cells)])
            start += len(one.cells)


def _tell(one: _Waiting, error: Exception) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
