"""What a server takes at most, and what it says where more is asked of it."""

from dataclasses import dataclass
from typing import Any

from treadle.errors import InputError


@dataclass(frozen=True)
class Limits:
    """What one server takes on; each is answered with a 4xx and a sentence where it is passed.

    Attributes:
        body_bytes: Of a request, and of a WebSocket message. Answer: 413.
        rows: Inputs of a request. Answer: 422.
        length: Of one input: characters, tokens or numbers. Answer: 422.
        audio_seconds: Of one recording. Answer: 422.
        tokens: Of one generated text. Answer: 422.
        waiting: Rows of all clients that wait for a model. Answer: 429.
        generations: Texts that are written at once. Answer: 429.
        sessions: Streams of a model that are open at once, connected or not. Answer: 429.
        session_seconds: How long a stream is kept for its client to come back.
        body_seconds: Until a request has come as a whole. Answer: 408.
        answer_seconds: Until its answer is there. Answer: 408.
        batch_rows: Rows of several clients that a model answers together at most.
        batch_seconds: How long a row waits for others at most, where the model has nothing else to do.
        drain_seconds: How long requests may take to end once the server was asked to stop.

    Example:
        >>> Limits(body_bytes=1000).rows
        256
    """

    body_bytes: int = 8 << 20
    rows: int = 256
    length: int = 20_000
    audio_seconds: float = 120.0
    tokens: int = 5_000
    waiting: int = 2_048
    generations: int = 16
    sessions: int = 10_000
    session_seconds: float = 600.0
    body_seconds: float = 10.0
    answer_seconds: float = 60.0
    batch_rows: int = 64
    batch_seconds: float = 0.002
    drain_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError(f"{name} is {value}; expected a number above 0")


class Refusal(Exception):  # noqa: N818 (nothing went wrong here)
    """A request that is not answered.

    Attributes:
        status: Of HTTP, from 400 to 499.
        sentence: Why.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


def check_value(value: Any, depth: int = 8) -> None:
    """Hold a JSON value to what any model could read: texts of real characters, not nested without need.

    Raises:
        InputError: A text holds half of a surrogate pair, or lists stand in lists too deep.
    """
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise InputError(f"character {error.start + 1} of a text is half of one, expected whole ones") from None
        return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and depth == 0:
        raise InputError("an input nests too deep, expected a text, a list or an object")
    for one in inner:
        if isinstance(one, str | list | dict):
            check_value(one, depth - 1)
    if isinstance(value, dict):
        for name in value:
            check_value(name)
