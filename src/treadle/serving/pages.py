"""The page and its parts: read once from the package, served from memory, so that no path leads anywhere else."""

from hashlib import blake2b
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
INDEX = "index.html"


class Pages:
    """All files of `serving/page`, by name."""

    def __init__(self) -> None:
        folder = files("treadle.serving") / "page"
        self.files = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in TYPES}
        self.tags = {name: f'"{blake2b(content, digest_size=8).hexdigest()}"' for name, content in self.files.items()}

    def get(self, request: Request, name: str) -> Response | None:
        """A file, or that it has not changed; None where there is none of the name."""
        if name not in self.files:
            return None
        headers = {"etag": self.tags[name], "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == self.tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(self.files[name], media_type=TYPES[name.rpartition(".")[2]], headers=headers)
