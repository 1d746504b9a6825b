"""What an estimator has that can be streamed."""

from abc import ABC, abstractmethod
from os import PathLike

from treadle.streaming.model import StreamModel
from treadle.streaming.pool import StreamPool
from treadle.streaming.stream import Stream


class Streaming(ABC):
    """The methods `stream` and `stream_pool` of an estimator that brings its `stream_model`."""

    @abstractmethod
    def stream_model(self, rows: int = 1, threads: int = 1) -> StreamModel:
        """The fitted model for up to `rows` streams at once.

        Raises:
            InputError: It cannot answer step by step; the sentence says why, and what to train instead.
        """

    def stream(self) -> Stream:
        """The fitted model on a stream: step in, answer so far out, in constant time and memory.

        Raises:
            InputError: As `stream_model`.
        """
        return Stream(self)

    def stream_pool(self, *, limit: int = 100_000, folder: str | PathLike[str] | None = None) -> StreamPool:
        """The fitted model on many streams, each known by its key; arguments as in `StreamPool`.

        Raises:
            InputError: As `stream_model`.
        """
        return StreamPool(self, limit=limit, folder=folder)
