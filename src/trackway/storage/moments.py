"""Times as the stores keep them: integers, microseconds since 1970."""

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


@overload
def micros(moment: datetime) -> int: ...
@overload
def micros(moment: None) -> None: ...
def micros(moment: datetime | None) -> int | None:
    """Microseconds since 1970 of an aware moment; one that lies beyond the calendar only in UTC becomes its edge."""
    if moment is None:
        return None
    value = (moment - _EPOCH) // _MICROSECOND
    return value if _FIRST <= value <= _LAST else min(max(value, _FIRST), _LAST)


def moment(value: int) -> datetime:
    """The aware UTC moment of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    """``moment``, for fields that may be empty."""
    return None if value is None else moment(value)
