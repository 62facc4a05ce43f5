"""Open buckets: counts, bounded tables, bounded memory of ids, evidence by audience."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.ids import identity
from pipeline.engine.buckets.names import KEPT_NAMES
from pipeline.engine.buckets.open_bucket import MOST_CRITICS, READ, OpenBucket
from pipeline.engine.buckets.posts import KEPT_POSTS
from pipeline.engine.state import decode_open, encode_open
from schemas.mention import decode_mention
from tests.pipeline.mention_streams import mention


def bucket_of(*mentions: bytes) -> OpenBucket:
    """A bucket that has taken these mentions as negative ones."""
    bucket = OpenBucket(first_offset=0)
    for value in mentions:
        decoded = decode_mention(value)
        own, at = identity(decoded.id), decoded.event_time.timestamp()
        bucket.ids[own] = bucket.add(decoded, own, READ[True], language="en", event_time=at, bucket=0)
    return bucket


@given(st.lists(st.text(min_size=1, max_size=64), max_size=60))
def test_names_are_bounded_and_none_is_lost(platforms: list[str]) -> None:
    """However many platforms come, the table stays small and its counts add up to the mentions."""
    bucket = bucket_of(*(mention(platform=name) for name in platforms))
    assert len(bucket.platforms) <= KEPT_NAMES + 1
    assert sum(bucket.platforms.values()) == bucket.mentions == len(platforms)


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=40))
def test_the_posts_with_the_greatest_audience_are_kept(reaches: list[int]) -> None:
    """Whatever the order of arrival."""
    bucket = bucket_of(*(mention(id=str(n), text=f"post {n}", reach=reach) for n, reach in enumerate(reaches)))
    assert [post.weight for post in bucket.negative_posts] == sorted(reaches, reverse=True)[:KEPT_POSTS]


def test_of_posts_with_one_text_the_one_with_the_greatest_audience_is_kept() -> None:
    texts = {"a": "same", "b": "same", "c": "same", "d": "other", "e": "", "f": ""}
    bucket = bucket_of(
        *(mention(id=name, text=text, reach=reach) for reach, (name, text) in enumerate(texts.items())),
        mention(id="r", text="", reach=99, repost_of="a"),
        mention(id="s", text="", reach=98, repost_of="a"),
    )
    assert [post.id for post in bucket.top_posts] == ["r", "f", "e"]
    assert [post.id for post in bucket_of(*(mention(id=n, text=t) for n, t in texts.items())).top_posts] == [
        "a",
        "d",
        "e",
    ]


def test_the_authors_of_negative_mentions_are_told_apart_up_to_a_few() -> None:
    few = bucket_of(*(mention(id=str(n), author={"id": f"a{n % 3}"}) for n in range(9)), mention(id="stranger"))
    assert len(few.critics) == 4
    many = bucket_of(*(mention(id=str(n), author={"id": f"a{n}"}) for n in range(90)))
    assert len(many.critics) == MOST_CRITICS


def test_authors_are_estimated_within_five_per_cent() -> None:
    """Linear counting over 2,048 bits, at 1,000 distinct authors of 3,000 mentions."""
    bucket = bucket_of(*(mention(id=str(n), author={"id": f"a{n % 1000}"}) for n in range(3000)))
    assert bucket.authors() == pytest.approx(1000, rel=0.05)


def test_long_ids_take_bounded_memory_and_stay_distinct() -> None:
    """A 256-character id is remembered by its digest."""
    a, b = "x" * 255 + "a", "x" * 255 + "b"
    assert len(identity(a)) < 20
    assert len(identity("東" * 40)) < 20
    assert identity(a) != identity(b)
    assert identity("short") == "short"


@given(st.integers(0, 500), st.integers(0, 50), st.integers(1, 50))
def test_the_estimate_of_a_sample_never_exceeds_the_mentions(unscored: int, hits: int, sampled: int) -> None:
    """A share of a sample is a share of the whole."""
    hits = min(hits, sampled)
    bucket = OpenBucket(first_offset=0, sampled=sampled, sampled_negatives=hits, unscored=unscored)
    bucket.mentions = sampled + unscored
    negatives, _ = bucket.counts()
    assert 0.0 <= negatives <= bucket.mentions
    assert negatives == pytest.approx(hits / sampled * bucket.mentions)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=300), st.integers(0, 9)), max_size=20))
def test_open_buckets_survive_their_encoding(rows: list[tuple[str, int]]) -> None:
    """What is written to the state topic is what comes back, ids included."""
    bucket = bucket_of(*(mention(id=text, reach=n, author={"id": text}) for text, n in rows))
    assert decode_open(b"acme#open", encode_open({7: bucket})).buckets == {7: bucket}
