"""Quiet hours: a stretch of every day, in a time zone of its own."""

from __future__ import annotations

import re
from datetime import time
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from schemas.moments import moment

_FORM: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) (\S{1,64})")


class QuietHours(msgspec.Struct, frozen=True):
    """From `start` on and before `end`, by the clocks of the zone; over midnight where `end` is the smaller one."""

    start: time
    end: time
    zone: ZoneInfo

    def holds(self, now: float) -> bool:
        """Whether a moment, in Unix seconds, lies in quiet hours."""
        local = moment(now).astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


def parse_quiet_hours(text: str) -> QuietHours:
    """Quiet hours from their form in the configuration, such as "22:00-07:00 Asia/Tokyo".

    Raises:
        ValueError: what was expected instead.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError('expected HH:MM-HH:MM and a time zone, such as "22:00-07:00 Asia/Tokyo"')
    start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if start == end:
        raise ValueError("expected an end that is not the start: those hours would be none or all")
    try:
        zone = ZoneInfo(found[5])
    except (KeyError, OSError, ValueError):  # not known; a folder of the database; no legal name
        raise ValueError(f"expected a time zone of the IANA database, such as Asia/Tokyo, got {found[5]!r}") from None
    return QuietHours(start, end, zone)
