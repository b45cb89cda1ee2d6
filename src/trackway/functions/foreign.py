"""Requests that may come from another site's page in a browser, which this machine's own addresses do not serve."""

import re
from typing import Final

from trackway.functions.exchange import Answered
from trackway.functions.heads import Headers
from trackway.functions.problem import problem

_OWN_HOST: Final = re.compile(rb"(?i)(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?")


def foreign(headers: Headers) -> Answered | None:
    """The answer to a request that may come from another site's page in a browser. A foreign Host is a name that
    somebody else's DNS points here (rebinding); the others are set by browsers, and no page can change them."""
    said = dict(headers)
    if not _OWN_HOST.fullmatch(said.get(b"host", b"")):
        return problem(421, "this is an address of this machine only; use 127.0.0.1")
    if b"origin" in said or said.get(b"sec-fetch-site", b"none") not in {b"none", b"same-origin"}:
        return problem(403, "pages of other sites may not use this address")
    return None
