"""Finding trips and positions in Elasticsearch: the few requests that one question takes."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import AsyncElasticsearch

from trackway.search import asking
from trackway.search.asking import Body
from trackway.search.client import ALERTS, POSITIONS, TRIPS, connect, explained, where
from trackway.search.port import Found, Question, SearchUnavailable


class Finder:
    """Answers from the Elasticsearch at ``url``. Raises SearchUnavailable, its making InvalidSearchAddress."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: AsyncElasticsearch = connect(url)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def find(self, question: Question) -> Found:
        """What matches. Events are found a second or so after Connect has written them."""
        with explained(self._url):
            named = None if question.text is None else await self._named(question)
            answer = await self._ask((POSITIONS,), asking.places_body(question, named))
            places = asking.places(answer, question.near)
            if question.near is None:
                body = asking.heard_body(question, named)
            else:  # only the trips that were there
                body = asking.heard_body(question, places.trips, places.vehicles if named is None else ())
            heard = asking.driven(await self._ask((TRIPS, ALERTS), body))
            trips = asking.trips(await self._ask((TRIPS,), asking.trips_body(question, heard))) if heard else []
            return Found(trips=trips, positions=places.positions, positions_total=places.total)

    async def _named(self, question: Question) -> list[str]:
        """The trips that bear the words themselves, or whose route does."""
        named = asking.named(await self._ask((TRIPS, ALERTS), asking.named_body(question)))
        if not named.routes:
            return named.trips
        driven = asking.driven(await self._ask((TRIPS,), asking.driven_body(question, named.routes)))
        return [*dict.fromkeys([*named.trips, *driven])]

    async def _ask(self, indices: Sequence[str], body: Body) -> dict[str, Any]:
        answer = await self._client.search(index=list(indices), body=body, allow_no_indices=True)
        if "aggregations" not in answer.body:  # so it answers when no index is there at all
            raise SearchUnavailable(
                f"Elasticsearch at {where(self._url)} has no indices {', '.join(indices)}: run `trackway search setup`"
            )
        return answer.body
