"""Who may ask, and how much at once: what every request passes before anything looks at it."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from treadle.serving.limits import Limits, Refusal
from treadle.serving.metrics import Metrics

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What a browser calls a server on its own machine; under any other name another site has had it look here."""
OPEN = ("/", "/health", "/openapi.json")
"""What needs no token, and what begins with `PAGE`: nothing of a model is told there."""
PAGE = "/page/"
PROTOCOL, TOKEN_PREFIX = "treadle", "treadle.token."
"""Subprotocols of WebSockets; a browser can send its token in no other way: in base64url, behind the prefix."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "media-src 'self' blob:; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer that does not set them itself."""

Headers = dict[bytes, bytes]


class Guard:
    """Middleware: host and origin, token, size and time of the body, headers of the answer, metrics.

    Args:
        app: What is guarded.
        limits: Of the server.
        metrics: Are told of every request.
        token: That clients must send, or None.
        loopback: Whether the server is bound to the machine itself; then `Host` must be one of its names, so that no
            other site's name, pointed here, can be used by a page of that site.
        paths: That are counted by their name; all others are counted together.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        metrics: Metrics,
        token: str | None,
        loopback: bool,
        paths: Iterable[str],
    ) -> None:
        self.app, self.limits, self.metrics, self.loopback = app, limits, metrics, loopback
        self._token = None if token is None else token.encode()
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        since, status = time.monotonic(), 101
        headers: Headers = dict(scope["headers"])

        async def telling(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                more = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        try:
            self._check(scope, headers)
            if scope["type"] == "http":
                receive = _replayed(await self._body(headers, receive), receive)
            await self.app(scope, receive, telling)
        except Refusal as refusal:
            await refuse(scope, receive, telling, refusal)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self.metrics.request(path, status, time.monotonic() - since)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Raise a Refusal for a client that may not ask."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if self.loopback and name not in LOOPBACK_NAMES:
            raise Refusal(421, f"this server answers to localhost alone, found the host {name!r:.60}")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin.decode("latin-1").lower()).netloc != host:
            raise Refusal(403, "a page of another site may not ask this server")
        path = scope["path"]
        if self._token is None or path in OPEN or path.startswith(PAGE):
            return
        if not any(hmac.compare_digest(self._token, given) for given in _tokens(scope, headers)):
            raise Refusal(401, "a token is needed, expected the header 'Authorization: Bearer TOKEN'")

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body of a request.

        Raises:
            Refusal: It is too large, or does not come in time.
        """
        most = self.limits.body_bytes
        too_large = Refusal(413, f"the body is larger than {most:,} bytes, send fewer or shorter inputs")
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > most:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400, "the connection was closed before the request was whole")
                    part = message.get("body", b"")
                    size += len(part)
                    if size > most:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise Refusal(408, f"the body did not come within {self.limits.body_seconds:g} seconds") from None


def _tokens(scope: Scope, headers: Headers) -> list[bytes]:
    """All that a client may mean as its token."""
    scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
    found = [given.strip()] if scheme.lower() == b"bearer" else []
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(TOKEN_PREFIX):
            text = offered.removeprefix(TOKEN_PREFIX)
            try:
                found.append(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            except (Error, ValueError):
                continue
    return found


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, once more; afterwards what the server tells, which is that the client has gone."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    """Answer with the sentence of a refusal; the rest of a body that is too large or too slow is not waited for."""
    content = json.dumps({"error": refusal.sentence}).encode()
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    if refusal.status in (408, 413):
        headers.append((b"connection", b"close"))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.status == 429:
        headers.append((b"retry-after", b"1"))
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # the handshake
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.sentence[:120]})
            return
        kind = "websocket.http.response"
    start: dict[str, Any] = {"type": f"{kind}.start", "status": refusal.status, "headers": headers}
    await send(start)
    await send({"type": f"{kind}.body", "body": content, "more_body": False})
