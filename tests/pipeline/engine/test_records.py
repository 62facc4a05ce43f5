"""The tick that closes what a recording leaves open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.records import closing_tick_milliseconds


@given(
    latest=st.floats(946_684_800, 4e9),
    lateness=st.integers(0, 3600),
    ahead=st.integers(-60, 10_000),
)
def test_the_closing_tick_closes_the_last_bucket_once_it_is_over(latest: float, lateness: int, ahead: int) -> None:
    """And never lies later than now."""
    now = int((latest + ahead) * 1000)
    tick = closing_tick_milliseconds(latest, lateness, now)
    assert tick <= now
    if ahead > 301 + lateness:
        assert (tick / 1000 - lateness) // 300 > latest // 300
