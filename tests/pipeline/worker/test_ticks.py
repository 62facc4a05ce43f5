"""How far a tick says that time has gone."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.worker.ticks import tick_time

seconds = st.integers(946_684_800, 2_000_000_000).map(float)


def engine(event_time: float, last_seen: float):
    return SimpleNamespace(event_time=event_time, last_timestamp=int(last_seen * 1000))


def test_event_time_goes_on_with_the_clock():
    assert tick_time(engine(1_700_000_000.0, 1_700_000_005.0), 1_700_000_065.0) == 1_700_000_060.0


def test_old_mentions_keep_their_distance_from_now():
    assert tick_time(engine(1_400_000_000.0, 1_700_000_000.0), 1_700_000_030.0) == 1_400_000_030.0


@given(event_time=seconds, last_seen=seconds, now=seconds)
def test_a_tick_never_turns_time_back_nor_says_more_than_the_clock_does(event_time, last_seen, now):
    told = tick_time(engine(event_time, last_seen), now)
    assert event_time <= told <= max(event_time, now)
    assert told - event_time <= max(0.0, now - last_seen) + 0.001
