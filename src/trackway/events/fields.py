"""The field types that several subjects share: identifiers, places, measures, each with its bounds and unit."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

# Identifiers travel in CloudEvents attributes and URLs, so they are kept to characters that need no escaping in either.
Identifier = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)")]
IDENTIFIER_WORDS = "letters, digits, '.', '_' and '-', the first a letter or digit"
"""The only pattern that there is, in words for whoever broke it."""
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its UTC offset")]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="degrees, WGS 84")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="degrees, WGS 84")]
Heading = Annotated[float, Meta(ge=0, le=360, description="degrees clockwise from north")]
Speed = Annotated[float, Meta(ge=0, le=500, description="metres per second")]
# Bounded so that no sum of them leads out of the calendar.
Distance = Annotated[float, Meta(ge=0, le=1e8, description="metres")]
Duration = Annotated[float, Meta(ge=0, le=1e8, description="seconds")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
TimeLapse = Annotated[
    float, Meta(ge=0.01, le=100, description="how many times faster than real time a simulated trip is driven")
]
