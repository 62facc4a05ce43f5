"""The exact counts of the last day."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.closed_counts import BucketCounts, RecentCounts, numbers_of, varint

rows = st.lists(
    st.tuples(
        st.integers(1, 400), st.integers(0, 100_000), st.integers(0, 9000), st.integers(0, 300), st.integers(0, 300)
    ),
    max_size=60,
)


@given(rows)
def test_the_last_day_is_kept_exactly_and_no_more_than_three_hours_beyond(
    rows: list[tuple[int, int, float, float, int]],
) -> None:
    """Against a plain list of all buckets."""
    recent, plain, bucket = RecentCounts(), [], 5_000_000
    for gap, mentions, negatives, surplus, repeats in rows:
        bucket += gap
        entry = BucketCounts(
            bucket, mentions, negatives / 10, max(mentions - surplus / 10, 0.0), negatives / 20, repeats
        )
        recent.add(entry)
        plain.append(entry)
        first = bucket - 287
        expected = [kept for kept in plain if kept.bucket >= first]
        got = recent.since(first)
        assert [(e.bucket, e.mentions, e.repeats) for e in got] == [(e.bucket, e.mentions, e.repeats) for e in expected]
        assert all(abs(a.counted - b.counted) < 1e-6 for a, b in zip(got, expected, strict=True))
        assert all(abs(a.negatives - b.negatives) < 1e-6 for a, b in zip(got, expected, strict=True))
        total = recent.total(bucket - 11, bucket + 1)
        assert total.mentions == sum(e.mentions for e in plain if e.bucket > bucket - 12)
        assert all(e.bucket >= bucket - 288 - 36 for e in recent.since(0))


def test_a_bucket_of_a_few_mentions_takes_three_bytes() -> None:
    recent = RecentCounts()
    for bucket in range(288):
        recent.add(BucketCounts(bucket, 9, 2.0, 9.0, 2.0))
    assert len(recent.entries) == 3 * 288


def test_the_last_bucket_with_a_negative_mention_is_remembered_when_its_counts_are_gone() -> None:
    recent = RecentCounts()
    assert recent.last_negative == -1
    for bucket, negatives in ((5, 1.0), (6, 0.0), (900, 0.0)):
        recent.add(BucketCounts(bucket, 3, negatives, 3.0, negatives))
    assert (recent.first, recent.last_negative) == (900, 5)


@given(st.lists(st.integers(0, 1 << 40)))
def test_numbers_are_read_as_they_were_written(numbers: list[int]) -> None:
    assert list(numbers_of(b"".join(map(varint, numbers)))) == numbers
