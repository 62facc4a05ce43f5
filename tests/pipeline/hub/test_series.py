"""Points of charts: evenly spaced, sums that add up, silence as zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hub.series import spaced, step_for
from pipeline.hub.store.reader import Bucket

START = 1_772_366_400


def bucket(number: int, mentions: int) -> Bucket:
    return Bucket(START + 300 * number, mentions, mentions / 2, 4.0, 1.0, 8.0, 0.25, {"crisis": number / 10})


@given(
    st.dictionaries(st.integers(0, 47), st.integers(0, 1000), min_size=1), st.sampled_from([300, 600, 900, 1800, 3600])
)
def test_points_are_evenly_spaced_and_no_mention_is_lost_or_counted_twice(counts, step):
    buckets = [bucket(number, mentions) for number, mentions in sorted(counts.items())]
    points = spaced(buckets, START, START + 48 * 300, step=step)
    assert [point.start for point in points] == list(range(START, START + 48 * 300, step))
    assert sum(point.mentions for point in points) == sum(counts.values())
    assert sum(point.expected for point in points) == pytest.approx(48 * 4)
    assert all(point.lower <= point.expected <= point.upper for point in points)
    assert max(point.score for point in points if point.score is not None) == max(counts) / 10


def test_the_share_is_of_the_last_hour_and_none_where_nothing_was_said():
    points = spaced([bucket(0, 10), bucket(20, 0)], START, START + 21 * 300, step=300)
    assert points[11].share == 0.5
    assert points[12].share is None


@pytest.mark.parametrize(("hours", "step"), [(1, 300), (24, 600), (72, 1800), (24 * 365, 86_400 * 1)])
def test_a_longer_stretch_has_longer_steps(hours, step):
    assert step_for(hours * 3600, 160) == step
