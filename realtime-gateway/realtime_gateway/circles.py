"""A circle as a query says it."""

from typing import Annotated

from fastapi import Query

from realtime_gateway.problems import ProblemError
from trackway.search.port import InvalidNear, Near, parse_near

NearCircle = Annotated[str, Query(max_length=100, description="A circle: latitude,longitude,kilometres")]


def read_circle(text: str) -> Near:
    """Raises the problem that names it."""
    try:
        return parse_near(text)
    except InvalidNear as error:
        raise ProblemError(400, f"near: {error}", "near") from None
