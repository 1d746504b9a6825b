"""HTTP on a socket: clients that send a request slowly, or half of one, or close their half of the connection."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)
SENTENCE = b'{"error": "the headers of the request did not come in time"}'


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which also ends connections whose request does not come.

    uvicorn waits for headers as long as they take, for a client that does not read as long as it stays, and drops one
    that has closed its sending half before its answer is there. Here headers and answers have their time, and who has
    sent a whole request is answered.

    Attributes:
        header_seconds: From when a connection is made, or a further request begins, to the end of its headers.

        write_seconds: How long an answer may wait for a client that does not read it.
    """

    header_seconds = 10.0
    write_seconds = 60.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for any more."""
        self._rest()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Go on waiting, where these are not all headers; where they are, the application counts the time."""
        super().data_received(data)
        if self.transport.is_closing() or self._answering() or self.transport.get_protocol() is not self:
            self._rest()
        elif self._patience is None:
            self._wait()

    def eof_received(self) -> bool:  # type: ignore[override]  # the transport asks whether to stay open
        """Stay open for the answer to a request that came as a whole."""
        if self._answering() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            return True
        return False

    def pause_writing(self) -> None:
        """The client reads more slowly than its answer is made: it has some time."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        self._read()
        super().resume_writing()

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _answering(self) -> bool:
        """Whether the headers of a request are there and its answer is not yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.header_seconds, self._refuse)

    def _rest(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(SLOW % (len(SENTENCE), SENTENCE))
            self.transport.close()
