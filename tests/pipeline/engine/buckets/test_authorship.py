"""Who writes: the loudest authors within their bound, new accounts, bursts of seconds; many at once as one by one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.authorship import LOUDEST, MOST_WRITERS, Authorship, in_bursts
from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.ids import author_hash
from schemas.mention import Author, Mention

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def post(author: str | None, *, second: int = 1, days: float | None = None, reach: int | None = None) -> Mention:
    """A mention so many seconds after noon, by an account so many days old."""
    moment = BEGIN + timedelta(seconds=second)
    created = None if days is None else moment - timedelta(days=days)
    writer = None if author is None else Author(id=author, created_time=created)
    return Mention(id="m", brand="acme", text="no", event_time=moment, platform="x", author=writer, reach=reach)


def seen(posts: list[Mention]) -> Authorship:
    found = Authorship()
    for one in posts:
        found.see(one, one.event_time.timestamp(), one.reach or 0)
    return found


posts = st.lists(
    st.builds(
        post,
        st.none() | st.integers(0, 40).map(str),
        second=st.integers(0, 299),
        days=st.none() | st.floats(-1, 60),
        reach=st.none() | st.integers(0, 1000),
    ),
    min_size=1,
    max_size=60,
)


@given(posts)
def test_many_at_once_are_counted_as_one_by_one(several: list[Mention]) -> None:
    columns = Columns(several, [one.event_time.timestamp() for one in several])
    together = Authorship()
    together.see_many(columns, range(len(several)))
    assert together == seen(several)


@given(st.lists(st.integers(0, 1500), max_size=3000), st.integers(0, 400))
def test_no_author_loses_more_than_the_bound_and_the_table_stays_small(crowd: list[int], loud: int) -> None:
    """Misra and Gries: of N mentions by a crowd in any order, each author keeps all but N / 128 of its own."""
    order = [*crowd[::2], *[-1] * loud, *crowd[1::2]]
    found, truth = Authorship(), Counter(order)
    for author in order:
        found.see_late(author & 0xFFFFFFFF, 0)
    assert len(found.writers) <= MOST_WRITERS
    assert found.missed <= 2 * len(order) / MOST_WRITERS
    for author, count in truth.items():
        kept = found.writers.get(author & 0xFFFFFFFF, 0)
        assert count - found.missed <= kept <= count


def test_ten_who_write_half_of_all_are_found_in_a_crowd_of_thousands() -> None:
    """Over the buckets of a surge, however they are mixed."""
    surge = Authorship()
    for part in range(20):
        crowd = [post(f"c{part}-{n}") for n in range(700)]
        loud = [post(f"loud-{n % LOUDEST}") for n in range(700)]
        surge.gather(seen([one for pair in zip(crowd, loud, strict=True) for one in pair]))
    assert surge.named == 28_000
    assert 0.5 - 10 * surge.missed / surge.named <= surge.loudest() / surge.named <= 0.5
    assert surge.loudest() / surge.named > 0.4


@given(posts, posts)
def test_buckets_add_up_to_the_surge(one: list[Mention], other: list[Mention]) -> None:
    surge = Authorship()
    surge.gather(seen(one))
    surge.gather(seen(other))
    whole = seen([*one, *other])
    assert surge.mentions == whole.mentions == len(one) + len(other)
    assert (surge.named, surge.dated, surge.young, surge.audience) == (
        whole.named,
        whole.dated,
        whole.young,
        whole.audience,
    )
    assert surge.writers == whole.writers


def test_an_account_is_young_for_thirty_days_and_unknown_where_nothing_is_stated() -> None:
    found = seen([post("a", days=29.9), post("b", days=30.1), post("c"), post(None), post("d", days=-0.5)])
    assert (found.named, found.dated, found.young) == (4, 3, 2)


def test_an_account_created_long_after_it_wrote_is_not_dated() -> None:
    assert seen([post("a", days=-2)]).dated == 0


def test_a_burst_is_many_within_ten_seconds_and_far_more_than_around_it() -> None:
    even = seen([post("a", second=second) for second in range(1, 300, 4)])
    assert in_bursts(even.slots) == 0
    at_once = seen([post("a", second=second) for second in [*range(1, 300, 30), *[124] * 40]])
    assert in_bursts(at_once.slots) == 41


@pytest.mark.parametrize("step", [5, 15, 30, 60])
def test_rounded_times_make_no_burst(step: int) -> None:
    assert seen([post("a", second=step * n % 300) for n in range(600)]).slots == {}


def test_a_late_mention_counts_for_its_author_and_audience_alone() -> None:
    found = Authorship()
    found.see_late(author_hash("a"), 70)
    found.see_late(None, 5)
    assert found == Authorship(mentions=2, named=1, audience=75, writers={author_hash("a"): 1})
