"""Whatever is too much, wrong or not allowed is refused by a 4xx and one sentence; nothing is a 5xx."""

import base64
import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from treadle.errors import InputError
from treadle.serving import Limits
from treadle.serving.server import make_server

TOKEN = "a token of 22 letters!"
JSON = {"content-type": "application/json"}


def sentence(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    content = response.json()
    assert set(content) == {"error"}
    text: str = content["error"]
    assert text
    assert "\n" not in text
    return text


def predict(client: TestClient, value: Any, **more: Any) -> Any:
    return client.post("/v1/predict", json={"inputs": [value], **more})


def denied(client: TestClient, url: str) -> int:
    """The status that a WebSocket is refused with."""
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect(url):
        pass
    sentence(caught.value, caught.value.status_code)
    return int(caught.value.status_code)


def base64_wav(seconds: float, rate: int = 8000, **how: Any) -> dict[str, str]:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(int(seconds * rate), np.float32), rate, **{"format": "WAV"} | how)
    return {"audio": base64.b64encode(file.getvalue()).decode()}


def test_sizes(limited: Callable[..., Any]) -> None:
    with limited("mood", body_bytes=2000, length=50, rows=3) as client:
        assert "larger than 2,000 bytes" in sentence(predict(client, "x" * 3000), 413)
        chunks = (b"x" * 100 for _ in range(100))
        assert "larger than" in sentence(client.post("/v1/predict", content=chunks, headers=JSON), 413)
        assert "up to 50" in sentence(predict(client, "x" * 60), 422)
        many = client.post("/v1/predict", json={"inputs": ["a"] * 4})
        assert "up to 3" in sentence(many, 422)
        assert predict(client, "a fine film").status_code == 200
        second = client.post("/v1/predict", json={"inputs": ["a fine film", "x" * 60]})
        assert sentence(second, 422).startswith("input 2: an input has a length of 60")


def test_times(limited: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with limited("mood", answer_seconds=0.2, waiting=2) as client:
        served = client.app.state.treadle.batchers["mood"]  # type: ignore[attr-defined]
        answer, started = served._answer, threading.Event()

        def slow(*arguments: Any) -> Any:
            started.set()
            time.sleep(0.6)
            return answer(*arguments)

        monkeypatch.setattr(served, "_answer", slow)
        found: list[Any] = []
        first = threading.Thread(target=lambda: found.append(predict(client, "a film")))
        first.start()
        assert started.wait(10)
        both = client.post("/v1/predict", json={"inputs": ["a", "b", "c"]})
        assert "wait for this model" in sentence(both, 429)
        assert both.headers["retry-after"] == "1"
        first.join()
        assert "not there within 0.2 seconds" in sentence(found[0], 408)


def test_sessions_and_generations(limited: Callable[..., Any]) -> None:
    with limited("mood", sessions=1) as client, client.websocket_connect("ws://localhost/v1/stream") as stream:
        stream.receive_json()
        assert denied(client, "ws://localhost/v1/stream") == 429
    with limited("poet", tokens=20, generations=1) as client:
        assert "up to 20" in sentence(client.post("/v1/generate", json={"length": 21}), 422)
        client.app.state.treadle.writing = 1  # type: ignore[attr-defined]
        assert "being written" in sentence(client.post("/v1/generate", json={"length": 5}), 429)
        client.app.state.treadle.writing = 0  # type: ignore[attr-defined]
        assert client.post("/v1/generate", json={"length": 5}).status_code == 200


def test_sound(limited: Callable[..., Any]) -> None:
    with limited("tones", audio_seconds=5) as client:
        assert "longer than the 5 seconds" in sentence(predict(client, base64_wav(6)), 422)
        packed = base64_wav(4000, format="FLAC")  # of silence: a few kilobytes that would be a gigabyte
        assert len(packed["audio"]) < 2_000_000
        assert "longer than" in sentence(predict(client, packed), 422)
        assert "longer than" in sentence(predict(client, base64_wav(1000, rate=1)), 422)
        for odd in ("speech.wav", "/etc/passwd", {"audio": "???"}, {"audio": "aGVsbG8="}, {"file": "a.wav"}, [0.1]):
            sentence(predict(client, odd), 422)
        assert predict(client, base64_wav(1)).status_code == 200


MALFORMED: dict[str, bytes] = {
    "no JSON": b"{",
    "nothing": b"",
    "a list": b"[]",
    "a number": b"5",
    "deep lists": b'{"inputs": [' + b"[" * 10_000 + b"]" * 10_000 + b"]}",
    "very deep lists": b'{"inputs": [' + b"[" * 200_000 + b"]" * 200_000 + b"]}",
    "deep objects": b'{"inputs": [' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"]}",
    "not UTF-8": b'{"inputs": ["\xff\xfe"]}',
    "half a surrogate pair": b'{"inputs": ["a \\ud800 film"]}',
    "half a pair in a name": b'{"inputs": [{"\\udfff": 1}]}',
    "a number without end": b'{"inputs": [' + b"9" * 10_000 + b"]}",
    "infinity": b'{"inputs": [[1e999, Infinity, NaN]]}',
    "no inputs": b'{"inputs": []}',
    "unknown field": b'{"inputs": ["a"], "modell": "mood"}',
    "unknown option": b'{"inputs": ["a"], "options": {"beam_size": 2}}',
    "unknown model": b'{"inputs": ["a"], "model": "\\u0000/../mood"}',
    "null": b'{"inputs": [null]}',
    "wrong types": b'{"inputs": "a film", "explain": 3}',
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/generate"])
def test_malformed_bodies(client: TestClient, name: str, path: str) -> None:
    response = client.post(path, content=MALFORMED[name], headers=JSON)
    assert 400 <= response.status_code < 500, response.text
    sentence(response, response.status_code)


ODD = {
    "mood": [5, ["a"], {"a": 1}, None, True],
    "gestures": ["fast", [1, 2], [[1], [2]], [[1, 2], [3]], [["a", "b"]], [[1e300, 1]], {}],
    "level": [[[[1]]], ["one"], [1e39], "1, x"],
    "names": [5, [5], [["Ada"]], [""], ["two words"]],
    "poet": [5, ["to be"]],
    "numbers": [5, ["eins"]],
    "tones": [5, "sound.wav"],
    "squares": [5, "a.png", "/etc/passwd", {"image": "?"}, {"image": "aGVsbG8="}, {"image": 5}, [[1, 2]]],
    "bumps": [5, "a.npy", [1], [[1]], [["a", "b"]], [[1, 2], [3]], [[1, 2], [3, None]], [[1e300, 1]], []],
    "sales": [
        5, "", "ds", "ds,y\n", "ds,y\n2020-01,a", {"ds": ["2020-01"], "y": [[1]]}, {"y": [1, 2]}, {"ds": [1], "y": [2]},
        {"ds": ["0001-01", "9999-12"], "y": [1, 2]}, {"ds": ["2020-01-01T00:00:01"], "y": [1]}, {"ds": [], "y": []},
        {"ds": ["2020-01", "2020-01"], "y": [1, 2]}, {"a": ["b"]}, "a,a\n1,2", '"', "\x00", {"ds": [10**18], "y": [1]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_inputs_that_do_not_fit_the_model(client: TestClient, name: str) -> None:
    for value in ODD[name]:
        for more in ({}, {"explain": True, "states": True}):
            response = client.post("/v1/predict", json={"model": name, "inputs": [value], **more})
            assert response.status_code in (200, 422), (value, response.text)
            if response.status_code == 422:
                sentence(response, 422)


def test_other_hosts_and_sites_are_turned_away(limited: Callable[..., Any]) -> None:
    with limited("mood") as client:
        for host in ("localhost:80", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
            assert client.get("/health", headers={"host": host}).status_code == 200
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "10.0.0.1", "[::2]"):
            assert "localhost alone" in sentence(client.get("/health", headers={"host": host}), 421)
        for origin in ("http://evil.example", "null", "http://localhost:9"):
            sentence(client.post("/v1/predict", json={"inputs": ["a"]}, headers={"origin": origin}), 403)
        own = client.post("/v1/predict", json={"inputs": ["a"]}, headers={"origin": "http://localhost"})
        assert own.status_code == 200
        plain = client.post("/v1/predict", content=b'{"inputs": ["a"]}', headers={"content-type": "text/plain"})
        sentence(plain, 422)  # what a form of another site could send
        assert "access-control-allow-origin" not in own.headers
        assert client.options("/v1/predict").status_code == 405


def test_a_token_is_asked_for_everywhere_but_on_the_page(limited: Callable[..., Any]) -> None:
    with limited("mood", token=TOKEN, loopback=False) as client:
        for path in ("/", "/health", "/openapi.json", "/page/page.js"):
            assert client.get(path, headers={"host": "models.example"}).status_code == 200
        for path in ("/v1/models", "/metrics", "/v1/predict", "/v1/"):
            assert "token" in sentence(client.get(path), 401)
            sentence(client.get(path, headers={"authorization": f"Bearer {TOKEN}x"}), 401)
            sentence(client.get(path, headers={"authorization": f"Basic {TOKEN}"}), 401)
        assert client.get("/v1/models", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
        assert denied(client, "ws://localhost/v1/stream") == 401
        offered = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
        with client.websocket_connect(
            "ws://localhost/v1/stream", subprotocols=["treadle", f"treadle.token.{offered}"]
        ) as stream:
            assert stream.accepted_subprotocol == "treadle"
            stream.receive_json()


def test_an_open_address_needs_a_token_that_cannot_be_guessed(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TREADLE_TOKEN", raising=False)
    for host in ("0.0.0.0", "192.168.0.7", "example.org", "::"):
        with pytest.raises(InputError, match="expected a token"):
            make_server([zoo / "mood"], host=host)
    with pytest.raises(InputError, match="16 printable"):
        make_server([zoo / "mood"], host="0.0.0.0", token="short")
    monkeypatch.setenv("TREADLE_TOKEN", TOKEN)
    make_server([zoo / "mood"], host="0.0.0.0")
    with pytest.raises(InputError, match="rows is 0"):
        Limits(rows=0)


def test_every_answer_is_kept_from_other_sites_and_foreign_scripts(client: TestClient) -> None:
    for path in ("/", "/health", "/v1/models", "/nowhere", "/page/nothing.js", "/page/../limits.py"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    sentence(client.get("/page/..%2f..%2fcli%2fserve.py"), 404)
    sentence(client.get("/nowhere"), 404)
    sentence(client.put("/v1/predict"), 405)


def test_messages_of_a_stream(client: TestClient, running: Any, zoo: Any) -> None:
    with client.websocket_connect("ws://localhost/v1/stream?model=mood") as stream:
        key = stream.receive_json()["session"]
        bad = ["", "{", "[]", "5", '{"stepp": 1}', '{"step": 1, "close": true}', '{"step": "\\ud800"}', "[" * 50_000]
        bad += [json.dumps({"step": value}) for value in (5, None, {"a": 1}, [[1]])]
        for message in bad:
            stream.send_text(message)
            assert set(stream.receive_json()) == {"error"}, message
        stream.send_text('{"step": "fine"}')
        assert stream.receive_json()["steps"] == 1
    for query, status in {"model=numbers": 422, "model=nobody": 404, "": 422, "model=mood&session=x": 404}.items():
        assert denied(client, f"ws://localhost/v1/stream?{query}") == status
    with client.websocket_connect(f"ws://localhost/v1/stream?model=mood&session={key}") as stream:
        assert stream.receive_json()["steps"] == 1
        stream.send_bytes(b"fine")
        with pytest.raises(WebSocketDisconnect):
            stream.receive_json()
    with running(zoo / "mood", limits=Limits(body_bytes=1000)) as server:
        address = server.url.replace("http", "ws") + "/v1/stream"
        with connect(address) as socket:
            socket.recv()
            socket.send(json.dumps({"step": "x" * 2000}))
            with pytest.raises(Exception, match="1009"):
                socket.recv()
        with pytest.raises(InvalidStatus, match="404"), connect(f"{address}?model=nobody"):
            pass
