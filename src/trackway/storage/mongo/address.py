"""The address of a MongoDB as settings give it: pymongo's own, with one option of ours."""

from datetime import timedelta
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct
from pymongo.errors import ConfigurationError, InvalidURI
from pymongo.uri_parser import parse_uri

SCHEMES: Final = ("mongodb", "mongodb+srv")
DATABASE: Final = "trackway"
EXPIRE: Final = "positionsExpireAfterDays"


class Address(Struct, frozen=True):
    """``url`` is what pymongo connects to, ``where`` its hosts and database without the password, for messages;
    positions are dropped by the server when they are older than ``keep_positions`` (None: never)."""

    url: str
    database: str
    where: str
    keep_positions: timedelta | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Of ``mongodb://user:password@host:port,…/database?options``, where ``positionsExpireAfterDays`` is ours.
        Raises ValueError, without the password in it."""
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
        database = parts.path.strip("/") or DATABASE
        options = parse_qsl(parts.query, keep_blank_values=True)
        days = [value for name, value in options if name == EXPIRE]
        theirs = urlencode([(name, value) for name, value in options if name != EXPIRE])
        rest = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", theirs, ""))
        where = f"{parts.scheme}://{hosts}/{database}"
        if parts.scheme == "mongodb":  # the other one asks the DNS for more
            try:
                parse_uri(rest, validate=True, warn=False)
            except (InvalidURI, ConfigurationError, ValueError) as error:
                raise ValueError(f"store address {where} cannot be used: {error}") from None
        return cls(rest, database, where, _days(days[-1]) if days else None)


def _days(text: str) -> timedelta:
    try:
        days = float(text)
        seconds = int(days * 86_400)
    except (ValueError, OverflowError):
        seconds = 0
    if not 1 <= seconds < 2**31:  # what an index that expires documents takes
        raise ValueError(f"{EXPIRE}={text!r} is not a number of days between 0 and 24855")
    return timedelta(seconds=seconds)
