"""What goes wrong, as problem JSON (RFC 9457): one shape for every error of the HTTP API."""

import logging
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trackway.events import InvalidEvent
from trackway.search.port import SearchUnavailable
from trackway.storage.port import StoreUnavailable

log = logging.getLogger("realtime_gateway")

LONGEST_DETAIL, LONGEST_FIELD = 400, 100
"""Bytes: Knative's Go broker crashes on error bodies of 768 and more, and the feed's answers go there."""


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457: what went wrong, in words, and the field that is to blame when it is one."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None


class ProblemError(Exception):
    """Raised where a request cannot be answered; becomes a problem answer."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


def problem(status: int, detail: str, field: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """The answer."""
    short, name = _cut(detail, LONGEST_DETAIL), None if field is None else _cut(field, LONGEST_FIELD)
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=short, field=name)
    content = msgspec.json.encode({"type": body.type, **msgspec.to_builtins(body)})
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/problem+json")


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


def install(app: FastAPI) -> None:
    """Turn everything that endpoints raise into problem answers."""
    app.exception_handler(ProblemError)(_problem_error)
    app.exception_handler(RequestValidationError)(_validation)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(InvalidEvent)(_event)
    app.exception_handler(StoreUnavailable)(_store_away)
    app.exception_handler(SearchUnavailable)(_search_away)
    app.exception_handler(Exception)(_bug)


async def _problem_error(_: Request, error: Exception) -> Response:
    error = cast(ProblemError, error)
    return problem(error.status, error.detail, error.field)


async def _validation(_: Request, error: Exception) -> Response:
    first: dict[str, Any] = cast(RequestValidationError, error).errors()[0]
    field = str(first["loc"][-1])
    return problem(400, f"{field}: {first['msg']}", field)


async def _http(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        return problem(
            405, f"{request.method} is not allowed here; allowed: {headers.get('Allow', '')}", headers=headers
        )
    if error.status_code == 404:
        return problem(404, f"there is nothing at {request.url.path}", headers=headers)
    return problem(error.status_code, str(error.detail), headers=headers)


async def _event(_: Request, error: Exception) -> Response:
    error = cast(InvalidEvent, error)
    return problem(400, error.detail, error.field)


async def _store_away(_: Request, error: Exception) -> Response:
    return problem(503, f"the store cannot be reached: {error}", headers={"Retry-After": "1"})


async def _search_away(_: Request, error: Exception) -> Response:
    return problem(503, str(error), headers={"Retry-After": "5"})


async def _bug(request: Request, error: Exception) -> Response:
    route = getattr(request.scope.get("route"), "path", "of an unknown path")  # as declared: a path may hold a secret
    log.error("%s %s failed", request.method, route, exc_info=error)
    return problem(500, "this is a bug in the gateway; its log says more")
