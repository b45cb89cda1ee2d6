"""Search over HTTP, where an Elasticsearch is configured: the question read from the query, the answer passed on."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from realtime_gateway.circles import NearCircle, read_circle
from realtime_gateway.json_answer import Json
from realtime_gateway.openapi import Contract
from realtime_gateway.problems import ProblemError
from trackway.search.port import Found, Question

if TYPE_CHECKING:
    from trackway.search.finding import Finder

NOT_CONFIGURED = "search is not configured: set TRACKWAY_ELASTICSEARCH (docs/operations.md)"


class Search:
    """The endpoint of one tenant."""

    def __init__(self, url: str | None, tenant: str) -> None:
        self._tenant = tenant
        self._finder = None if url is None else _finder(url)

    async def close(self) -> None:
        """Close all connections."""
        if self._finder is not None:
            await self._finder.close()

    def router(self, contract: Contract) -> APIRouter:
        """The endpoint with its part of the OpenAPI document."""
        router = APIRouter(default_response_class=Response)
        answers = contract.answers(Found, "Trips and positions, newest first", 400, 404, 503)
        router.add_api_route("/v1/search", self.search, responses=answers, response_model=None)
        return router

    async def search(
        self,
        q: Annotated[
            str | None, Query(max_length=200, description="Words of a vehicle, route or geofence, or an id")
        ] = None,
        near: NearCircle | None = None,
        since: Annotated[datetime | None, Query(description="RFC 3339")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 20,
    ) -> Response:
        """Trips and positions with these words, in this circle, since this moment"""
        if self._finder is None:
            raise ProblemError(404, NOT_CONFIGURED)
        text = (q or "").strip() or None
        if text is None and near is None and since is None:
            raise ProblemError(400, "q: say what to search for: q, near or since", "q")
        if since is not None and since.tzinfo is None:
            raise ProblemError(400, "since: has no UTC offset", "since")
        circle = None if near is None else read_circle(near)
        question = Question(tenant=self._tenant, text=text, near=circle, since=since, limit=limit)
        return Json(await self._finder.find(question))


def _finder(url: str) -> "Finder":
    from trackway.search.finding import Finder  # noqa: PLC0415 - for those who have an Elasticsearch

    return Finder(url)
