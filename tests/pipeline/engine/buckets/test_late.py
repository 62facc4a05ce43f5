"""What a brand remembers of late mentions, against plain sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.late import KNOWN_BYTES, LateCounts, LateMention, WaitingRoom
from schemas.observation import BUCKETS_PER_DAY

FIRST = 5_000_000
buckets = st.lists(st.tuples(st.integers(1, 150), st.integers(0, 40)), min_size=1, max_size=40)


PLATFORMS = ["x", "news"]


def late(bucket: int, *, platform: str = "x", author: int = 7, awaited: int = 0) -> LateMention:
    return LateMention(bucket, PLATFORMS.index(platform), 0, 1, 0, 10, author << 21, 1, awaited)


def waiting(mentions: dict[str, LateMention]) -> WaitingRoom:
    return WaitingRoom(mentions, platforms=PLATFORMS, languages=["en"])


@given(buckets)
def test_a_mention_of_the_last_day_is_known_again_and_another_is_not(rows: list[tuple[int, int]]) -> None:
    """Of small buckets: two bytes of a digest tell a few hundred ids apart, these do."""
    counts, told, index = LateCounts(), dict[int, list[str]](), FIRST
    for gap, mentions in rows:
        index += gap
        told[index] = [f"{index}-{n}" for n in range(mentions)]
        counts.remember(index, told[index])
    assert len(counts.known) <= KNOWN_BYTES * 2
    recent = {bucket: ids for bucket, ids in told.items() if bucket > index + 1 - BUCKETS_PER_DAY}
    known = {own: late(bucket) for bucket, ids in recent.items() for own in ids}
    assert counts.take(waiting(known), index + 1) == []
    fresh = {f"other {bucket}": late(bucket) for bucket in recent}
    assert len(counts.take(waiting(fresh), index + 1)) >= len(fresh) - 1
    assert counts.take(waiting(fresh), index + 2) == []


def test_sums_are_of_the_window_and_leave_out_what_was_awaited() -> None:
    counts = LateCounts()
    room = waiting(
        {
            "a": late(FIRST),
            "b": late(FIRST + 5, platform="news", author=9),
            "c": late(FIRST + 5, platform="news"),
            "d": late(FIRST + 5, awaited=1),
        }
    )
    assert len(counts.take(room, FIRST + 8)) == 4
    total = counts.total(FIRST + 1, FIRST + 9)
    assert (total.mentions, total.negatives, total.reach) == (2, 2, 20)
    assert (total.platforms, sorted(total.authors)) == ({"news": 2}, [7, 9])
    assert counts.total(FIRST, FIRST + 9).mentions == 3


def test_only_the_ids_of_the_last_mentions_of_a_large_brand_are_known() -> None:
    counts = LateCounts()
    for index in range(FIRST, FIRST + 50):
        counts.remember(index, [f"{index}-{n}" for n in range(100)])
    assert KNOWN_BYTES // 2 < len(counts.known) <= KNOWN_BYTES * 5 // 4
    assert counts.take(waiting({f"{FIRST + 49}-3": late(FIRST + 49)}), FIRST + 50) == []
    assert len(counts.take(waiting({f"{FIRST}-3": late(FIRST)}), FIRST + 50)) == 1


def test_the_ids_of_the_newest_bucket_are_known_however_many_they_are() -> None:
    counts = LateCounts()
    counts.remember(FIRST, [f"a{n}" for n in range(600)])
    counts.remember(FIRST + 1, [f"b{n}" for n in range(3000)])
    assert counts.take(waiting({f"b{n}": late(FIRST + 1) for n in range(2900, 3000)}), FIRST + 2) == []
    assert len(counts.known) <= KNOWN_BYTES
