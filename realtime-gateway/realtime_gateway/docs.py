"""The page /docs: Swagger UI from files of our own, since FastAPI's comes from a network that may not be there."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

ASSETS = Path(__file__).with_name("assets")
HEADERS = {"Cache-Control": "no-cache"}


def docs_router(frontend: Path) -> APIRouter:
    """The page and its script are ours; Swagger UI's own two files are laid beside the page by the frontend's build."""
    files = {
        "/docs": (ASSETS / "docs.html", "text/html; charset=utf-8"),
        "/docs/start.js": (ASSETS / "docs.js", "text/javascript"),
        "/docs/swagger-ui.css": (frontend / "docs" / "swagger-ui.css", "text/css"),
        "/docs/swagger-ui-bundle.js": (frontend / "docs" / "swagger-ui-bundle.js", "text/javascript"),
    }
    router = APIRouter()
    for path, (file, media_type) in files.items():
        router.add_api_route(path, _Served(file, media_type).answer, include_in_schema=False)
    return router


class _Served:
    def __init__(self, file: Path, media_type: str) -> None:
        self._file = file
        self._media_type = media_type

    async def answer(self) -> Response:
        if not self._file.exists():
            return Response(status_code=404)
        return FileResponse(self._file, media_type=self._media_type, headers=HEADERS)
