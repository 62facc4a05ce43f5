"""Quiet hours by the clocks of their zone, over midnight and over a change of summer time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.notify.quiet_hours import parse_quiet_hours


@pytest.mark.parametrize(
    ("hours", "local", "quiet"),
    [
        ("22:00-07:00 Asia/Tokyo", "2026-03-01T21:59", False),
        ("22:00-07:00 Asia/Tokyo", "2026-03-01T22:00", True),
        ("22:00-07:00 Asia/Tokyo", "2026-03-02T06:59", True),
        ("22:00-07:00 Asia/Tokyo", "2026-03-02T07:00", False),
        ("12:00-13:00 Europe/Berlin", "2026-03-29T12:30", True),
        ("02:00-03:00 Europe/Berlin", "2026-10-25T02:30", True),
        ("12:00-13:00 Europe/Berlin", "2026-03-28T13:00", False),
    ],
)
def test_they_begin_and_end_by_the_clocks_of_their_zone(hours, local, quiet):
    found = parse_quiet_hours(hours)
    assert found.holds(datetime.fromisoformat(local).replace(tzinfo=found.zone).timestamp()) is quiet


def test_the_same_moment_is_quiet_in_one_zone_and_not_in_another():
    moment = datetime(2026, 3, 1, 23, 0, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
    assert parse_quiet_hours("22:00-07:00 Asia/Tokyo").holds(moment)
    assert not parse_quiet_hours("22:00-07:00 Europe/Berlin").holds(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22-7 Asia/Tokyo", "expected HH:MM-HH:MM and a time zone"),
        ("22:00-24:00 Asia/Tokyo", "expected HH:MM-HH:MM"),
        ("22:00-07:00", "expected HH:MM-HH:MM"),
        ("22:00-22:00 Asia/Tokyo", "expected an end that is not the start"),
        ("22:00-07:00 Asia/Tokio", "got 'Asia/Tokio'"),
        ("22:00-07:00 Asia", "got 'Asia'"),
        ("22:00-07:00 ../../etc/passwd", "IANA"),
    ],
)
def test_what_are_no_quiet_hours_is_said_with_what_was_expected(text, expected):
    with pytest.raises(ValueError, match=expected):
        parse_quiet_hours(text)
