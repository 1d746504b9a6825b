"""Clients that are slow, stop half-way or vanish, on real sockets; and a server that is asked to stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest

from treadle.serving import Limits

BODY = json.dumps({"model": "mood", "inputs": ["a fine film"]}).encode()
HEAD = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def rest(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def status(connection: socket.socket) -> int:
    """Of an answer after which the connection stays open; the whole of it is read."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


@pytest.fixture(scope="module")
def server(running: Any, zoo: Path) -> Any:
    with running(zoo / "mood", zoo / "poet", limits=Limits(body_seconds=0.4)) as made:
        yield made


def until(what: Callable[[], bool]) -> None:
    """Wait for it; not for ever."""
    since = time.monotonic()
    while not what():
        assert time.monotonic() - since < 20
        time.sleep(0.002)


def alive(server: Any) -> None:
    assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"POST /v1/predict HTTP/1.1\r\nhost: lo", HEAD[:60], b"GET / HTTP/1.1\r\nhost: localhost\r\n"],
)
def test_headers_that_do_not_come(server: Any, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        since = time.monotonic()
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 408")
        assert 0.2 < time.monotonic() - since < 5
    alive(server)


def test_headers_one_byte_at_a_time_do_not_win_time(server: Any) -> None:
    with server.connect() as connection:
        since = time.monotonic()
        with suppress(OSError):  # the server has closed the connection
            for _ in range(200):
                connection.sendall(b"a")
                time.sleep(0.03)
        assert time.monotonic() - since < 5
    alive(server)


def test_a_body_that_does_not_come(server: Any) -> None:
    for begun in (b"", BODY[:5]):
        with server.connect() as connection:
            connection.sendall(HEAD % 100 + begun)
            answer = rest(connection)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"did not come within 0.4 seconds" in answer
    alive(server)


def test_a_connection_that_stays_open_may_be_idle_and_is_timed_again_from_its_next_request(server: Any) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD % len(BODY) + BODY)
        assert status(connection) == 200
        time.sleep(0.6)
        connection.sendall(HEAD % len(BODY) + BODY)
        assert status(connection) == 200
        connection.sendall(b"GET /hea")
        assert rest(connection).startswith(b"HTTP/1.1 408")


def test_who_closes_half_the_connection_after_a_whole_request_is_answered(server: Any) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD % len(BODY) + BODY)
        connection.shutdown(socket.SHUT_WR)
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"prediction":"good"' in answer
    generate = json.dumps({"model": "poet", "length": 40}).encode()
    with server.connect() as connection:
        connection.sendall(HEAD.replace(b"predict", b"generate") % len(generate) + generate)
        connection.shutdown(socket.SHUT_WR)
        assert b'"ended":"length"' in rest(connection)


@pytest.mark.parametrize(
    "sent", [HEAD % 100 + BODY[:5], HEAD[:50], b"\x16\x03\x01\x02\x00", b"\r\n" * 50, b"\x00" * 99]
)
def test_who_closes_half_the_connection_within_a_request_gets_no_more_than_a_refusal(server: Any, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = rest(connection)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    alive(server)


def test_headers_without_end_are_refused(server: Any) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 100_000)
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 4")
    alive(server)


def test_a_client_that_vanishes_while_a_text_is_written_ends_the_writing(server: Any) -> None:
    state = server.server.config.app.state.treadle
    body = json.dumps({"model": "poet", "length": 5000}).encode()
    connection = server.connect()
    connection.sendall(HEAD.replace(b"predict", b"generate") % len(body) + body)
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
    until(lambda: state.writing == 1)
    connection.close()
    until(lambda: state.writing == 0)
    alive(server)


def test_a_client_that_does_not_read_its_answer_is_left(running: Any, zoo: Path) -> None:
    body = json.dumps({"inputs": ["to be " * 3000] * 8}).encode()  # an answer of megabytes: a line for every character
    with running(zoo / "poet") as server:
        server.server.config.http.write_seconds = 0.3
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(HEAD % len(body) + body)
            assert connection.recv(12) == b"HTTP/1.1 200"
            until(lambda: not server.server.server_state.connections)
        alive(server)


def test_sigterm_lets_requests_come_to_their_end_and_takes_no_more(zoo: Path) -> None:
    program = "import sys; from treadle.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "serve", str(zoo / "poet"), "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, **pipes) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split(" at ")[1].split(" ")[0]
            found: list[str] = []

            def read() -> None:
                with httpx.stream("POST", f"{url}v1/generate", json={"length": 600}, timeout=30) as response:
                    found.extend(response.iter_lines())

            reader = threading.Thread(target=read)
            reader.start()
            until(lambda: bool(found))
            process.send_signal(signal.SIGTERM)
            reader.join(20)
            assert any('"ended":"length"' in one for one in found)
            assert process.wait(20) == 0
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{url}health")
            assert process.stderr is not None
            assert process.stderr.read() == ""
        finally:
            process.kill()
