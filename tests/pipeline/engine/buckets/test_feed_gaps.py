"""The partition's feed: its usual rate, and gaps in it."""

from __future__ import annotations

from pipeline.engine.buckets.feed_gaps import GAP_MENTIONS, Feed


def fed(buckets: range, mentions: int, feed: Feed | None = None) -> Feed:
    """A feed that has seen so many mentions in each of the buckets."""
    feed = feed or Feed()
    for bucket in buckets:
        feed.see(bucket, mentions, bucket)
    return feed


def test_the_usual_rate_is_the_mean_of_the_buckets_seen():
    assert fed(range(100), 7).rate == 7.0


def test_an_ordinary_pause_lowers_the_usual_rate_as_empty_buckets_do():
    """Two mentions every tenth bucket are 0.2 per bucket, not 2, and no gap."""
    feed = fed(range(0, 4000, 10), 2)
    assert 0.15 < feed.rate < 0.4
    assert feed.gaps == []


def test_a_silence_that_misses_many_mentions_is_a_gap_and_leaves_the_rate():
    feed = fed(range(100), 50)
    fed(range(103, 104), 50, feed)
    assert [(gap.first, gap.end) for gap in feed.gaps] == [(100, 103)]
    assert GAP_MENTIONS <= 3 * 50
    assert feed.rate == 50.0


def test_a_gap_is_known_only_for_closings_after_the_mention_that_ended_it():
    feed = fed(range(100), 50)
    feed.see(110, 1, due=105)
    assert not feed.is_unobserved(101)
    assert feed.is_unobserved(107)
    assert feed.unobserved(95, 108) == 8
    assert feed.unobserved(95, 104) == 0


def test_a_flood_does_not_make_an_ordinary_pause_a_gap():
    feed = fed(range(100), 1)
    fed(range(100, 101), 1_000_000, feed)
    fed(range(103, 104), 1, feed)
    assert feed.gaps == []
