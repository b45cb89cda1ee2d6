"""The files that the gateway serves: the page, which works without a network, and the map's tiles."""

import base64
import hashlib
import mimetypes
import os
import re
import stat
from pathlib import Path, PurePosixPath

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from realtime_gateway.headers import content_security_policy
from realtime_gateway.problems import problem

FOREVER = "public, max-age=31536000, immutable"
A_DAY = "public, max-age=86400"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Content codings in the order they are preferred, and how a file in one is named beside the plain one."""

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)

mimetypes.add_type("application/x-protobuf", ".pbf")
mimetypes.add_type("font/woff2", ".woff2")


class Files(StaticFiles):
    """A folder, with precompressed neighbours of its files where the client takes them."""

    def __init__(self, directory: Path, cache: str) -> None:
        super().__init__(directory=directory, check_dir=False)
        self.cache = cache

    async def check_config(self) -> None:
        """A folder that is not built yet is an empty one: what is asked of it is not found."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        request = Headers(scope=scope)
        accepted = {each.partition(";")[0].strip() for each in request.get("accept-encoding", "").split(",")}
        media_type = mimetypes.guess_type(full_path)[0] or "application/octet-stream"
        chosen = next((found for found in self._encoded(full_path) if found[0] in accepted), None)
        coding, path, facts = chosen or ("", str(full_path), stat_result)
        response = FileResponse(path, status_code, media_type=media_type, stat_result=facts)
        response.headers["Cache-Control"] = self.cache
        response.headers["Vary"] = "Accept-Encoding"
        if coding:
            response.headers["Content-Encoding"] = coding
        if self.is_not_modified(response.headers, request):
            kept = ("Cache-Control", "ETag", "Vary", "Last-Modified")
            return Response(status_code=304, headers={name: response.headers[name] for name in kept})
        return response

    @staticmethod
    def _encoded(full_path: str | os.PathLike[str]) -> list[tuple[str, str, os.stat_result]]:
        plain = os.fspath(full_path)
        found = ((coding, Path(plain + end)) for coding, end in ENCODINGS)
        return [(coding, str(path), path.stat()) for coding, path in found if path.exists()]


class MapFiles(Files):
    """The map: a tile that is not there is an empty one (204), since the city ends somewhere."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, A_DAY)

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 404 and path.endswith(".pbf"):
                return Response(status_code=204, headers={"Cache-Control": A_DAY})
            raise


class Page:
    """The single-page application: its files, and its index for every address that is one of its own."""

    def __init__(self, directory: Path) -> None:
        self._index = directory / "index.html"
        self._hashed = Files(directory, FOREVER)
        self._plain = Files(directory, "no-cache")
        self._index_known: tuple[int, bytes, str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = PurePosixPath(scope["path"])
        if scope["type"] == "websocket" or path.suffix or not _is_read(scope) or _is_api(path):
            files = self._hashed if "assets" in path.parts else self._plain
            await files(scope, receive, send)
            return
        await self._page()(scope, receive, send)

    def _page(self) -> Response:
        """The index, never kept, with a policy that allows the scripts that stand in it and no others."""
        try:
            facts = self._index.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise FileNotFoundError
            if self._index_known is None or self._index_known[0] != facts.st_mtime_ns:
                html = self._index.read_bytes()
                self._index_known = facts.st_mtime_ns, html, content_security_policy(_script_hashes(html))
        except FileNotFoundError:
            return problem(404, "the page is not built; `make run` builds it and starts Trackway")
        _, html, policy = self._index_known
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy}
        return Response(html, headers=headers, media_type="text/html; charset=utf-8")


def _is_read(scope: Scope) -> bool:
    return scope["method"] in {"GET", "HEAD"}


def _is_api(path: PurePosixPath) -> bool:
    return len(path.parts) > 1 and path.parts[1] in {"v1", "broker", "map", "docs", "assets", "feed", "_knative"}


def _script_hashes(html: bytes) -> list[str]:
    digests = (hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(html))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
