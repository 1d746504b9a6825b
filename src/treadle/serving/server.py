"""`serve`: a socket, the application behind it, and an end that lets requests come to theirs."""

import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from math import ceil
from pathlib import Path
from types import FrameType

import uvicorn

from treadle.errors import InputError, counted
from treadle.serving.api import create_app
from treadle.serving.limits import Limits
from treadle.serving.protocol import PatientProtocol
from treadle.serving.zoo import open_zoo

TOKEN_VARIABLE = "TREADLE_TOKEN"
SHORTEST_TOKEN = 16
"""Characters: fewer could be guessed."""
BACKLOG = 4096


class Server(uvicorn.Server):
    """uvicorn's server, which ends well where it was asked to: the process goes on and returns."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as the wish to stop; a second one does not wait for requests any more."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.handle_exit(number, frame)


def make_server(
    places: Iterable[str | Path],
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    limits: Limits | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Server:
    """A server that is ready to run.

    Args:
        places: Model folders, and folders of model folders.
        host: The address that it will be bound to.
        token: That clients must send.
        limits: What it takes on.
        warn: Is told of models that cannot be served.

    Raises:
        InputError: A folder cannot be served, the address is not on this machine alone and there is no token, or the
            token is too short.
    """
    limits = limits or Limits()
    token = os.environ.get(TOKEN_VARIABLE) if token is None else token
    loopback = is_loopback(host)
    if token is None and not loopback:
        raise InputError(f"{host} can be reached from other machines, expected a token: set {TOKEN_VARIABLE}")
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise InputError(f"a token has {SHORTEST_TOKEN} printable ASCII characters or more, found {len(token)}")
    app = create_app(open_zoo(places, warn), limits=limits, token=token, loopback=loopback, warn=warn)
    protocol = type(
        "Protocol", (PatientProtocol,), {"header_seconds": limits.body_seconds, "write_seconds": limits.answer_seconds}
    )
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="websockets-sansio",
        ws_max_size=limits.body_bytes,
        ws_per_message_deflate=False,  # a packed message may be a thousand times as long
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=16_384,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=ceil(limits.drain_seconds),
    )
    return Server(config)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; 0 takes a free port.

    Raises:
        InputError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(f"{host}, port {port}: {error.strerror}; name another by --host or --port") from None


def serve(
    places: Iterable[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    limits: Limits | None = None,
    say: Callable[[str], None] = print,
    warn: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve models until the process is asked to stop (SIGINT, SIGTERM), then let requests come to their end.

    Args:
        places: Model folders, and folders of model folders.
        host: The address.
        port: Of the address; 0 takes a free one.
        token: That clients must send; by default the variable `TREADLE_TOKEN`. An address that other machines can
            reach needs one.
        limits: What it takes on.
        say: Is told where the server is.
        warn: Is told of models that cannot be served.

    Raises:
        InputError: A folder, the address or the token cannot be used.
    """
    listening = bind(host, port)
    try:
        server = make_server(places, host=host, token=token, limits=limits, warn=warn)
        count = counted(len(server.config.app.state.treadle.served), "model")  # type: ignore[union-attr]  # it is ours
        name = f"[{host}]" if ":" in host else host
        say(f"{count} at http://{name}:{listening.getsockname()[1]}/ (Ctrl-C stops)")
        allow_connections()
        server.run([listening])
    finally:
        listening.close()


def allow_connections() -> None:
    """As many open files as the system gives this process at all: a connection is one, and shells allow 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def is_loopback(host: str) -> bool:
    """Whether an address is of the machine itself alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
