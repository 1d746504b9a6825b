"""Streams over WebSockets: each has its own state, whoever steps beside it, and outlives its connection."""

import asyncio
import json
import random
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from websockets.asyncio.client import connect as connect_later
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from treadle.serving import Limits

WS = "ws://localhost/v1/stream"


def test_two_hundred_sessions_keep_their_own_state(running: Any, zoo: Path, models: dict[str, Any]) -> None:
    draw, words = random.Random(0), ["fine", "dull", "film", "fun", "awful", "and"]
    scripts = [[draw.choice(words) for _ in range(draw.randint(1, 6))] for _ in range(200)]

    async def client(url: str, script: list[str]) -> list[dict[str, Any]]:
        async with connect_later(url) as stream:
            await stream.recv()
            told = []
            for word in script:
                await stream.send(json.dumps({"step": word}))
                told.append(json.loads(await stream.recv()))
            return told

    async def all_at_once(url: str) -> list[list[dict[str, Any]]]:
        return await asyncio.gather(*(client(url, script) for script in scripts))

    with running(zoo / "mood") as server:
        found = asyncio.run(all_at_once(server.url.replace("http", "ws") + "/v1/stream"))
    # Offline, every beginning of every script is a text of its own.
    texts = [" ".join(script[: k + 1]) for script in scripts for k in range(len(script))]
    wanted = models["mood"].predict_proba(texts)
    told = [answer for answers in found for answer in answers]
    assert [answer["steps"] for answer in told] == [k + 1 for script in scripts for k in range(len(script))]
    probable = np.array([list(answer["answer"]["probabilities"].values()) for answer in told])
    np.testing.assert_allclose(probable, wanted, atol=1e-5)


def test_a_session_goes_on_after_its_connection_was_lost(running: Any, zoo: Path) -> None:
    with running(zoo / "gestures") as server:
        url = server.url.replace("http", "ws") + "/v1/stream"
        with connect(url) as whole:
            whole.recv()
            for step in ([1, 2], [3, 4], [5, 6]):
                whole.send(json.dumps({"step": step}))
                wanted = json.loads(whole.recv())
        with connect(url) as first:
            key = json.loads(first.recv())["session"]
            for step in ([1, 2], [3, 4]):
                first.send(json.dumps({"step": step}))
                lost = json.loads(first.recv())
            first.socket.shutdown(socket.SHUT_RDWR)  # without a word of goodbye
        with connect(f"{url}?session={key}") as second:
            hello = json.loads(second.recv())
            assert hello["steps"] == 2
            assert hello["last"] == lost
            second.send(json.dumps({"step": [5, 6]}))
            assert json.loads(second.recv()) == wanted
            with connect(f"{url}?session={key}") as third:  # a client that thinks that the second is lost
                assert json.loads(third.recv())["steps"] == 3
                with pytest.raises(Exception, match="4001"):
                    second.recv(timeout=5)
                third.send('{"close": true}')
                assert json.loads(third.recv()) == {"closed": True}
        with pytest.raises(InvalidStatus, match="404"), connect(f"{url}?session={key}"):
            pass


def test_idle_sessions_are_forgotten_and_make_room(limited: Any) -> None:
    with limited("mood", sessions=2, session_seconds=0.05) as client:
        sessions = client.app.state.treadle.sessions["mood"]
        for _ in range(5):
            with client.websocket_connect(WS) as stream:
                stream.receive_json()
                stream.send_json({"step": "fine"})
                stream.receive_json()
            asyncio.run(asyncio.sleep(0.06))
        assert len(sessions.pool) <= 2


def test_a_wrong_step_beside_others_fails_alone(running: Any, zoo: Path) -> None:
    async def client(url: str, step: Any) -> dict[str, Any]:
        async with connect_later(url) as stream:
            await stream.recv()
            await stream.send(json.dumps({"step": step}))
            answer: dict[str, Any] = json.loads(await stream.recv())
            return answer

    async def both(url: str) -> list[dict[str, Any]]:
        steps = [[1, 2], [1, 2, 3], [1, 2], "x"] * 10
        return await asyncio.gather(*(client(url, step) for step in steps))

    with running(zoo / "gestures", limits=Limits(batch_seconds=0.02)) as server:
        found = asyncio.run(both(server.url.replace("http", "ws") + "/v1/stream"))
    assert ["error" in one for one in found] == [False, True, False, True] * 10
    assert "expected" in found[1]["error"] or "is 2 numbers, found 3 numbers" in found[1]["error"]


def test_a_stream_tells_its_state_and_every_kind_of_model_has_one(client: TestClient) -> None:
    steps = {"mood": "fine", "gestures": [1, 2], "level": 1.5, "names": "Ada", "poet": "to be", "tones": [0.0] * 800}
    for name, step in steps.items():
        with client.websocket_connect(f"{WS}?model={name}") as stream:
            stream.receive_json()
            stream.send_json({"step": step, "state": True})
            told = stream.receive_json()
            assert "error" not in told, told
            assert all(isinstance(value, float) for value in told["state"]["0.hidden"])
    with client.websocket_connect(f"{WS}?model=sales") as stream:
        stream.receive_json()
        stream.send_json({"step": {"ds": "2020-01", "y": 5.0}})
        assert "y_90" in stream.receive_json()["answer"]
