"""All that a running server holds: its models, the thread they run in, their batches and streams."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from treadle.errors import InputError, nearest
from treadle.serving.limits import Limits, Refusal
from treadle.serving.metrics import Metrics
from treadle.serving.served import SERVED, Served
from treadle.serving.sessions import Sessions
from treadle.serving.work import Batcher, Worker
from treadle.serving.zoo import Opened


class State:
    """The server apart from HTTP.

    Args:
        models: Of the zoo.
        limits: Of the server.
        warn: Is told of models that cannot be served.

    Attributes:
        served: Every model by name.
        batchers: Of every model.
        sessions: Of every model that has streams.
        no_stream: Why the others have none.
        writing: How many texts are being written.
    """

    def __init__(self, models: Iterable[Opened], limits: Limits, warn: Callable[[str], None]) -> None:
        self.limits, self.metrics, self.worker = limits, Metrics(), Worker()
        self.served: dict[str, Served] = {}
        self.batchers: dict[str, Batcher] = {}
        self.sessions: dict[str, Sessions] = {}
        self.no_stream: dict[str, str] = {}
        self.writing = 0
        self._tasks: list[asyncio.Task[None]] = []
        for one in models:
            task = one.estimator.task
            if task not in SERVED:
                warn(f"{one.folder}: models of the task {task!r} cannot be served")
                continue
            model = SERVED[task](one.name, one.estimator, one.roles, limits)
            self.served[one.name] = model
            self.batchers[one.name] = Batcher(one.name, model.answer, self.worker, limits, self.metrics)
            try:
                self.sessions[one.name] = Sessions(one.name, model.pool(), self.worker, limits, self.metrics)
            except InputError as error:
                self.no_stream[one.name] = str(error)
        if not self.served:
            raise InputError("there is no model that can be served")

    def model(self, name: str | None) -> Served:
        """The model of a name, or the only one.

        Raises:
            Refusal: There is none of the name, or none is named of several.
        """
        if name is None:
            if len(self.served) > 1:
                raise Refusal(422, f"there are several models, name one by 'model'{nearest('', self.served)}")
            return next(iter(self.served.values()))
        if name not in self.served:
            raise Refusal(404, f"there is no model {name!r:.80}{nearest(name, self.served)}")
        return self.served[name]

    def streams(self, name: str | None) -> Sessions:
        """The streams of a model.

        Raises:
            Refusal: There is no such model, or it has none.
        """
        model = self.model(name)
        if model.name in self.no_stream:
            raise Refusal(422, self.no_stream[model.name])
        return self.sessions[model.name]

    def describe(self, model: Served) -> dict[str, Any]:
        """What a client has to know of a model."""
        streams = model.name in self.sessions
        reads = self.sessions[model.name].pool.reads if streams else self.no_stream[model.name]
        return model.describe() | {"streams": streams, "reads": reads}

    def begin(self) -> None:
        """Start what runs in the event loop."""
        runs = [*(one.run() for one in self.batchers.values()), *(one.run() for one in self.sessions.values())]
        self._tasks = [asyncio.create_task(run) for run in runs]

    async def end(self) -> None:
        """Stop it, once no request is left."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self.worker.close)
