"""A client of Elasticsearch with our patience, whose errors say which server it is and what may help."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from elastic_transport import HttpxAsyncHttpNode, TransportError
from elasticsearch import ApiError, AsyncElasticsearch

from trackway.search.port import SearchUnavailable, check_address

EVENTS: Final = "trackway"
"""How the indices of events begin; Connect's SearchDocument writes them, the index templates describe them."""
POSITIONS, TRIPS, ALERTS = (f"{EVENTS}-{kind}*" for kind in ("positions", "trips", "alerts"))
_UNREADY: Final = {429, 502, 503, 504}
_FORBIDDEN: Final = {401, 403}


def connect(url: str) -> AsyncElasticsearch:
    """A client of ``http[s]://[user:password@]host[:port]``; it connects when it is first used. Raises
    InvalidSearchAddress."""
    parts = check_address(url)
    port = parts.port or (443 if parts.scheme == "https" else 9200)
    host = parts.netloc.rpartition("@")[2].removesuffix(f":{parts.port}")
    login = (parts.username, parts.password or "") if parts.username is not None else None
    # Of the two asynchronous HTTP clients that it knows we have this one.
    return AsyncElasticsearch(
        f"{parts.scheme}://{host}:{port}{parts.path}",
        basic_auth=login,
        node_class=HttpxAsyncHttpNode,
        request_timeout=10,
        max_retries=1,
    )


def where(url: str) -> str:
    """The address without the password, for messages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@contextmanager
def explained(url: str) -> Generator[None]:
    """Elasticsearch's errors that time or an operator may heal, as SearchUnavailable."""
    try:
        yield
    except TransportError as error:
        raise SearchUnavailable(f"Elasticsearch does not answer at {where(url)} ({error.message})") from error
    except ApiError as error:
        if error.status_code in _FORBIDDEN:
            raise SearchUnavailable(f"Elasticsearch at {where(url)} refuses us: {error.message}") from error
        if error.status_code in _UNREADY:
            raise SearchUnavailable(f"Elasticsearch at {where(url)} is not ready: {error.message}") from error
        if error.status_code == 400:
            raise SearchUnavailable(
                f"Elasticsearch at {where(url)} has indices {EVENTS}-* that are not as the templates say "
                f"({error.message}): run `trackway search setup` and let Connect write them anew"
            ) from error
        raise
