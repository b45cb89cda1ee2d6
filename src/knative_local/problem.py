"""Answers that say what went wrong: problem JSON (RFC 9457)."""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from knative_local.http_types import HttpResponse

# Longer bodies of failed deliveries crash Knative's Go broker; what is refused here may become one.
LONGEST_DETAIL = 500


def problem(status: int, detail: str, retry_after_s: float | None = None) -> HttpResponse:
    """An answer with `status` whose body says `detail`."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail if len(detail) <= LONGEST_DETAIL else detail[: LONGEST_DETAIL - 1] + "…",
    }
    headers = [(b"content-type", b"application/problem+json")]
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(retry_after_s))))
    return HttpResponse(status, headers, json.dumps(body, ensure_ascii=False).encode())
