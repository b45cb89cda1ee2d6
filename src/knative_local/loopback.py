"""What keeps strangers out while there is no authentication: only this machine, and no other site's pages, may call."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from knative_local.http_types import Headers, HttpResponse
from knative_local.problem import problem

HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_AUTHORITY: Final = re.compile(rb"(?i)(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?")


def refusal(method: str, headers: Headers, *, upgrade: bool = False) -> HttpResponse | None:
    """The answer to a request that may come from another site's page in a browser, or None for a good one.

    A foreign Host is a name that somebody else's DNS points here (rebinding). Origin and Sec-Fetch-Site are set by
    browsers and cannot be changed by a page. `upgrade`: it opens a WebSocket, which no browser restricts by itself.
    """
    said = dict(headers)
    host = said.get(b"host", b"")
    if not _is_own(host):
        return problem(421, f"this is a service of this machine only, not {host.decode('latin-1')!r}; use 127.0.0.1")
    origin = said.get(b"origin")
    if origin is not None and origin.lower() != b"http://" + host.lower() and (upgrade or method not in READS):
        return problem(403, f"a page of {origin.decode('latin-1')} may not do this here")
    if said.get(b"sec-fetch-site") == b"cross-site" and said.get(b"sec-fetch-mode") != b"navigate":
        return problem(403, "pages of other sites may link to this address, not use it")
    return None


@lru_cache(256)
def _is_own(host: bytes) -> bool:
    return _AUTHORITY.fullmatch(host) is not None
