"""`/v1/stream`: a WebSocket that takes one step a message, and a session that outlives the connection."""

import asyncio
import json
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from treadle.errors import InputError
from treadle.serving.answers import as_text
from treadle.serving.guard import PROTOCOL, refuse
from treadle.serving.limits import Refusal, check_value
from treadle.serving.sessions import Session, Sessions
from treadle.serving.state import State

TAKEN, ENDED, UNUSABLE = 4001, 1000, 1003
"""Why a connection is closed: the session goes on in another one, it was closed, a message was no text."""


async def stream(websocket: WebSocket, state: State) -> None:
    """Serve one connection.

    `?model=NAME` chooses the model, `?session=KEY` goes on with a session. The first message of the server is
    `{"session": key, "model": name, "reads": ..., "steps": n, "last": ...}`: how many steps the stream has taken, and
    what was answered to the last, in case that was lost. Then every message of the client is `{"step": ...}`, with
    `"state": true` for all that the stream remembers, or `{"close": true}`; and every answer `{"answer": ..., "steps":
    n}`, or `{"error": sentence}`, after which the stream is as it was.
    """
    try:
        sessions = state.streams(websocket.query_params.get("model"))
        key = websocket.query_params.get("session")
        session = sessions.begin() if key is None else sessions.resume(key)
    except Refusal as refusal:
        await refuse(websocket.scope, websocket.receive, websocket.send, refusal)
        return
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
    owner = session.owner
    leaving = asyncio.Event()
    session.leave = leaving.set
    taken = asyncio.create_task(leaving.wait())
    try:
        hello = {"session": session.key, "model": sessions.name, "reads": sessions.pool.reads}
        await websocket.send_text(as_text({**hello, "steps": session.steps, "last": session.last}))
        await _serve(websocket, sessions, session, taken)
    except WebSocketDisconnect:
        return
    finally:
        taken.cancel()
        if session.owner == owner:
            session.leave = None
        elif websocket.application_state is WebSocketState.CONNECTED:
            await _close(websocket, TAKEN)


async def _serve(websocket: WebSocket, sessions: Sessions, session: Session, taken: "asyncio.Task[Any]") -> None:
    """Answer messages until the session is closed or taken by another connection."""
    while True:
        coming = asyncio.create_task(websocket.receive())
        await asyncio.wait((coming, taken), return_when=asyncio.FIRST_COMPLETED)
        if taken.done():
            coming.cancel()
            return
        message = coming.result()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await _close(websocket, UNUSABLE)
            return
        try:
            asked = _read(text)
            if "close" in asked:
                await sessions.close(session)
                await websocket.send_text(as_text({"closed": True}))
                await _close(websocket, ENDED)
                return
            answer = await sessions.step(session, asked["step"], state=asked.get("state", False))
        except (InputError, Refusal) as error:
            await websocket.send_text(as_text({"error": str(error)}))
        else:
            await websocket.send_text(as_text(answer))


def _read(text: str) -> dict[str, Any]:
    """What a message asks for.

    Raises:
        InputError: It is no such message.
    """
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"a message is no JSON ({error})") from None
    known = isinstance(asked, dict) and (set(asked) in ({"step"}, {"step", "state"}) or asked == {"close": True})
    if not known or not isinstance(asked.get("state", False), bool):
        raise InputError('a message is {"step": ...}, with "state": true for the state, or {"close": true}')
    check_value(asked)
    found: dict[str, Any] = asked
    return found


async def _close(websocket: WebSocket, code: int) -> None:
    """Close, where the client has not."""
    if websocket.client_state is WebSocketState.CONNECTED:
        await websocket.close(code)
