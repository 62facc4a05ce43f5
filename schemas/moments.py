"""Moments from Unix seconds, the same on every machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    """The UTC datetime of a Unix time, by arithmetic.

    `datetime.fromtimestamp` asks the C library, which takes the leap seconds of a `right/` time zone off even for UTC:
    with TZ=right/UTC every moment would be 27 seconds early.

    Raises:
        OverflowError: beyond the years 1 to 9999.
    """
    return _EPOCH + timedelta(seconds=seconds)
