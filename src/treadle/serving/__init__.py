"""Models as a server: HTTP, server-sent events and WebSockets, and a page for people."""

import treadle.serving.tasks  # noqa: F401 (how every task is served is entered by its import)
from treadle.serving.api import create_app
from treadle.serving.limits import Limits
from treadle.serving.server import serve
from treadle.serving.zoo import open_zoo

__all__ = ["Limits", "create_app", "open_zoo", "serve"]
