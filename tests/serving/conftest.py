"""Tiny models of every task in one folder, and servers that have them."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from treadle.serving import Limits, create_app, open_zoo
from treadle.serving.server import bind, make_server

sys.path.insert(0, str(Path(__file__).parent))
from tiny import train_all

LOCAL = "http://localhost"


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all models."""
    folder = tmp_path_factory.mktemp("zoo")
    train_all(folder)
    return folder


@pytest.fixture(scope="session")
def models(zoo: Path) -> dict[str, Any]:
    """The models themselves, as they are opened."""
    return {one.name: one.estimator for one in open_zoo([zoo], pytest.fail)}


@pytest.fixture(scope="session")
def client(zoo: Path) -> Iterator[TestClient]:
    """A client of a server in this process, without a socket."""
    with TestClient(create_app(open_zoo([zoo], pytest.fail)), LOCAL) as made:
        yield made


@pytest.fixture(scope="session")
def limited(zoo: Path) -> Iterator[Callable[..., Any]]:
    """Clients of servers with limits of their own."""

    @contextmanager
    def make(*names: str, token: str | None = None, loopback: bool = True, **limits: Any) -> Iterator[TestClient]:
        opened = open_zoo([zoo / name for name in names], pytest.fail)
        app = create_app(opened, limits=Limits(**limits), token=token, loopback=loopback)
        with TestClient(app, LOCAL) as made:
            yield made

    return make


class Running:
    """A real server on a free port, in a thread."""

    def __init__(self, *places: Path, **options: Any) -> None:
        self._socket = bind("127.0.0.1", 0)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = make_server(places, warn=pytest.fail, **options)
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],))

    def __enter__(self) -> "Running":
        self._thread.start()
        since = time.monotonic()
        while not self.server.started:
            assert time.monotonic() - since < 30
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(30)
        self._socket.close()
        assert not self._thread.is_alive()

    def connect(self) -> socket.socket:
        """A connection for requests by hand."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture(scope="session")
def running() -> type[Running]:
    """Makes servers."""
    return Running
