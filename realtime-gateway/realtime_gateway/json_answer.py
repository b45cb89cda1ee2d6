"""A record as an answer in JSON."""

from typing import Any

import msgspec
from starlette.responses import Response


class Json(Response):
    """A record as JSON. What is asked changes by the second, so nothing on the way keeps it."""

    media_type = "application/json"

    def __init__(self, record: Any) -> None:
        super().__init__(msgspec.json.encode(record), headers={"Cache-Control": "no-store"})
