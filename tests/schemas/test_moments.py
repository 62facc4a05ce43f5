"""A Unix time is the same moment on every machine."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.settings import Settings, child_environment
from schemas.moments import moment


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - zone added
def test_a_moment_is_the_one_whose_unix_time_was_given(at: datetime) -> None:
    assert abs((moment(at.timestamp()) - at).total_seconds()) < 1e-4
    assert moment(int(at.timestamp())).timestamp() == int(at.timestamp())


def test_the_leap_seconds_of_a_machines_time_zone_do_not_move_it() -> None:
    code = "from schemas.moments import moment; print(moment(1767225600))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**child_environment(Settings()), "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone in ("UTC", "right/UTC", "Asia/Kathmandu")
    }
    assert found == {"2026-01-01 00:00:00+00:00\n"}
