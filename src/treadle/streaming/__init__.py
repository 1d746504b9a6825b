"""Streams: causal models that read a step at a time, in constant memory."""

from treadle.streaming.estimator import Streaming
from treadle.streaming.model import Streamable, StreamModel
from treadle.streaming.pool import StreamPool
from treadle.streaming.stream import Stream

__all__ = ["Stream", "StreamModel", "StreamPool", "Streamable", "Streaming"]
