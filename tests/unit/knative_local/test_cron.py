"""When a PingSource's schedule is due: robfig/cron's reading, which is Knative's."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knative_local.cron import BadSchedule, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ("* * * * *", "2026-03-01T10:00:00", "2026-03-01T10:01:00"),
        ("* * * * *", "2026-03-01T10:00:59.9", "2026-03-01T10:01:00"),
        ("*/2 * * * * *", "2026-03-01T10:00:00", "2026-03-01T10:00:02"),  # OBSERVED: takes a schedule with seconds
        ("*/15 9-17 * * mon-fri", "2026-03-06T17:45:00", "2026-03-09T09:00:00"),
        ("0 0 1 */3 ?", "2026-02-01T00:00:00", "2026-04-01T00:00:00"),
        ("0 12 29 2 *", "2026-01-01T00:00:00", "2028-02-29T12:00:00"),
        ("5/20 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("5/20 * * * *", "2026-01-01T00:25:00", "2026-01-01T00:45:00"),
        ("0,30 1 * JAN,Dec SUN", "2026-12-06T01:30:00", "2026-12-13T01:00:00"),
        # Both days restricted: either will do; a star with a step is a restriction too.
        ("0 0 13 * fri", "2026-03-02T00:00:00", "2026-03-06T00:00:00"),
        ("0 0 13 * fri", "2026-04-10T00:00:00", "2026-04-13T00:00:00"),
        ("0 0 */2 * fri", "2026-03-05T00:00:00", "2026-03-06T00:00:00"),
        ("0 0 * * fri", "2026-03-02T00:00:00", "2026-03-06T00:00:00"),
        ("@hourly", "2026-03-01T10:59:59", "2026-03-01T11:00:00"),
        ("@daily", "2026-03-01T10:00:00", "2026-03-02T00:00:00"),
        ("@midnight", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
        ("@weekly", "2026-03-02T00:00:00", "2026-03-08T00:00:00"),
        ("@monthly", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("@yearly", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_the_next_moment(schedule: str, after: str, due: str) -> None:
    assert parse(schedule).after(at(after)) == at(due)


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "due"),
    [
        ("0 9 * * *", "Europe/Vienna", "2026-01-01T08:00:00", "2026-01-02T08:00:00"),
        ("0 9 * * *", "Europe/Vienna", "2026-07-01T06:00:00", "2026-07-01T07:00:00"),
        ("0 0 * * *", "America/Sao_Paulo", "2026-07-01T00:00:00", "2026-07-01T03:00:00"),
        # The clocks skip 02:00 to 03:00 on the 29th: nothing is due then.
        ("30 2 * * *", "Europe/Vienna", "2026-03-28T02:00:00", "2026-03-30T00:30:00"),
        # They repeat it on October 25th: due twice.
        ("30 2 * * *", "Europe/Vienna", "2026-10-24T23:00:00", "2026-10-25T00:30:00"),
        ("30 2 * * *", "Europe/Vienna", "2026-10-25T00:30:00", "2026-10-25T01:30:00"),
        # Where the clocks change at midnight, that day begins at one.
        ("0 * * * *", "Asia/Beirut", "2026-03-28T21:00:00", "2026-03-28T22:00:00"),
        ("0 0 29 3 *", "Asia/Beirut", "2025-03-30T00:00:00", "2027-03-28T21:00:00"),
    ],
)
def test_time_zones(schedule: str, zone: str, after: str, due: str) -> None:
    assert parse(schedule, zone).after(at(after)) == at(due)


def test_a_day_that_never_comes() -> None:
    assert parse("0 0 30 2 *").after(at("2026-01-01T00:00:00")) is None


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "not 0"),
        ("* * * *", "has 5 places"),
        ("* * * * * * *", "not 7"),
        ("60 * * * *", "'60': the minute is from 0 to 59"),
        ("61 * * * * *", "'61': the second is from 0 to 59"),  # OBSERVED: end of range (61) above maximum (59)
        ("* 24 * * *", "the hour is from 0 to 23"),
        ("* * 0 * *", "the day of the month is from 1 to 31"),
        ("* * * 13 *", "the month is from 1 to 12"),
        ("* * * * 7", "the day of the week is from 0 to 6"),
        ("5-3 * * * *", "'5-3' ends before it begins"),
        ("*/0 * * * *", "a step is at least 1"),
        ("1-2-3 * * * *", "'2-3' is no minute"),
        ("1//2 * * * *", "'/2' is no minute"),
        ("x * * * *", "'x' is no minute"),
        ("-1 * * * *", "'' is no minute"),
        ("1, * * * *", "'' is no minute"),
        ("٣ * * * *", "'٣' is no minute"),
        ("* * L * *", "'L' is no day of the month"),
        ("@every 1m", "'@every 1m' is none of @yearly"),  # Knative: unsupported descriptor @every
        ("@often", "'@often' is none of"),
    ],
)
def test_schedules_that_mean_nothing(schedule: str, said: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        parse(schedule)
    assert said in str(caught.value)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe", "\0"])
def test_zones_that_are_not_there(zone: str) -> None:
    with pytest.raises(BadSchedule, match="is not a time zone such as"):
        parse("* * * * *", zone)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["", "Europe/Vienna", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"])


@given(moments, zones, st.integers(0, 59), st.one_of(st.none(), st.integers(0, 23)))
def test_it_is_the_first_moment_whose_clock_shows_it(
    moment: datetime, zone: str, minute: int, hour: int | None
) -> None:
    """Held against a search minute by minute."""
    schedule = parse(f"{minute} {'*' if hour is None else hour} * * *", zone)

    due = schedule.after(moment)

    expected = moment.replace(second=0, microsecond=0)
    while True:
        expected += timedelta(minutes=1)
        local = expected.astimezone(schedule.zone)
        if local.minute == minute and hour in (None, local.hour):
            break
    assert due == expected
