"""When a PingSource is due: cron schedules exactly as Knative's (robfig/cron, seconds optional) read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MOST_YEARS: Final = 5  # a schedule that has no moment for so long never has one (February 30th)


class BadSchedule(ValueError):
    """A schedule that means nothing; the message goes after the field's name."""


@dataclass(frozen=True, slots=True)
class _Field:
    """The values that one place of a schedule allows; `star`: it restricts nothing."""

    values: frozenset[int]
    star: bool


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_PLACES: Final = (
    _Place("second", 0, 59),
    _Place("minute", 0, 59),
    _Place("hour", 0, 23),
    _Place("day of the month", 1, 31),
    _Place("month", 1, 12, _MONTH_NAMES),
    _Place("day of the week", 0, 6, _DAY_NAMES),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The moments whose wall clock in `zone` shows allowed values; see `parse`."""

    zone: tzinfo
    second: _Field
    minute: _Field
    hour: _Field
    day: _Field
    month: _Field
    weekday: _Field

    def after(self, moment: datetime) -> datetime | None:
        """The first moment (UTC, a whole second) later than `moment`; None when there is none within five years.

        An hour that the clocks skip has no moments, one that they repeat has them twice.
        """
        at = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        end = at + timedelta(days=366 * _MOST_YEARS)
        while at < end:
            local = at.astimezone(self.zone)
            if local.month not in self.month.values:
                at = self._midnight(local.year + local.month // 12, local.month % 12 + 1, 1)
            elif not self._on(local):
                tomorrow = local.date() + timedelta(days=1)
                at = self._midnight(tomorrow.year, tomorrow.month, tomorrow.day)
            elif local.hour not in self.hour.values:
                at += timedelta(seconds=3_600 - local.minute * 60 - local.second)
            elif local.minute not in self.minute.values:
                at += timedelta(seconds=60 - local.second)
            elif local.second not in self.second.values:
                at += timedelta(seconds=1)
            else:
                return at
        return None

    def _on(self, local: datetime) -> bool:
        """Cron's rule: where both days are restricted, either may match."""
        day = local.day in self.day.values
        weekday = local.isoweekday() % 7 in self.weekday.values
        return day and weekday if self.day.star or self.weekday.star else day or weekday

    def _midnight(self, year: int, month: int, day: int) -> datetime:
        return datetime(year, month, day, tzinfo=self.zone).astimezone(UTC)


def parse(text: str, timezone: str = "") -> Schedule:
    """A schedule of five places, of six with seconds first, or `@hourly` and the like; raises BadSchedule.

    Without `timezone` it is UTC, which is what the clock of a cluster's Pods shows. Without a place for seconds it is
    second 0. `@every` is refused, as Knative refuses it.
    """
    zone = _zone(timezone) if timezone else UTC
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise BadSchedule(f"'{text}' is none of {', '.join(_DESCRIPTORS)}")
        text = _DESCRIPTORS[text]
    words = text.split()
    if len(words) not in (5, 6):
        raise BadSchedule(f"has 5 places (minute, hour, day, month, weekday) or 6 (seconds first), not {len(words)}")
    if len(words) == 5:
        words.insert(0, "0")
    return Schedule(zone, *(_field(word, place) for word, place in zip(words, _PLACES, strict=True)))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadSchedule(f"'{name}' is not a time zone such as Europe/Vienna") from error


def _field(word: str, place: _Place) -> _Field:
    values: set[int] = set()
    star = False
    for part in word.split(","):
        found, everything = _range(part, place)
        values.update(found)
        star = star or everything
    return _Field(frozenset(values), star)


def _range(part: str, place: _Place) -> tuple[range, bool]:
    """`*`, `?`, `n`, `n-m`, each with or without `/step`; and whether it restricts nothing."""
    span, slash, step_text = part.partition("/")
    first, hyphen, last = span.partition("-")
    if first in ("*", "?") and not hyphen:
        start, end, star = place.least, place.most, True
    else:
        start, star = _number(first, place), False
        end = _number(last, place) if hyphen else place.most if slash else start
    step = _number(step_text, place) if slash else 1
    if start < place.least or end > place.most:
        raise BadSchedule(f"'{part}': the {place.name} is from {place.least} to {place.most}")
    if start > end:
        raise BadSchedule(f"'{part}' ends before it begins")
    if step == 0:
        raise BadSchedule(f"'{part}': a step is at least 1")
    return range(start, end + 1, step), star and step == 1


def _number(text: str, place: _Place) -> int:
    if text.lower() in place.names:
        return place.least + place.names.index(text.lower())
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise BadSchedule(f"'{text}' is no {place.name}")
    return int(text)
