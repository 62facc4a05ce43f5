"""Platforms, languages, reach and authors of any window of the last day are what was in its buckets."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.names import NAMES
from pipeline.engine.buckets.open_bucket import MOST_CRITICS, OpenBucket
from pipeline.engine.buckets.story_memory import Surplus
from pipeline.engine.buckets.window_tables import WindowTables
from schemas.observation import BUCKETS_PER_DAY

FIRST = 5_910_000
names = st.dictionaries(st.sampled_from(["x", "reddit", "weibo", "other", *map(str, range(30))]), st.integers(1, 5000))
Row = tuple[int, dict[str, int], dict[str, int], int, int]
"""Distance to the bucket before, mentions by platform and by language, reposts, reach."""
rows_of_a_day = st.lists(
    st.tuples(st.integers(1, 100), names, names, st.integers(0, 300), st.integers(0, 10**12)), min_size=1, max_size=80
)


def bucket_of(
    platforms: dict[str, int], authors: list[int] | None = None, *, reposts: int = 0, reach: int = 0
) -> OpenBucket:
    bits = bytearray(256)
    for author in authors or []:
        bits[author >> 3] |= 1 << (author & 7)
    mentions = max(sum(platforms.values()), len(authors or []))
    return OpenBucket(
        first_offset=0, mentions=mentions, platforms=platforms, author_bits=bits, reposts=reposts, reach=reach
    )


@given(rows_of_a_day, st.sampled_from([1, 3, 12, 36, 144, 288]))
def test_a_window_holds_what_its_buckets_held(rows: list[Row], window: int) -> None:
    tables, index = WindowTables(), FIRST
    held: list[tuple[int, OpenBucket]] = []
    for distance, platforms, languages, reposts, reach in rows:
        index += distance
        bucket = bucket_of(platforms, reposts=reposts, reach=reach)
        bucket.languages = languages
        tables.add(index, bucket, Surplus(silent=reposts / 10, echoed=0.3))
        held.append((index, bucket))
        tables = msgspec.msgpack.decode(msgspec.msgpack.encode(tables), type=WindowTables)
    inside = [bucket for at, bucket in held if index - window < at]
    total = tables.total(index + 1 - window, index + 1)
    assert total.reach == sum(bucket.reach for bucket in inside)
    assert total.reposts == sum(bucket.reposts for bucket in inside)
    assert total.silent == pytest.approx(sum(bucket.reposts / 10 for bucket in inside))
    assert total.echoed == pytest.approx(0.3 * len(inside))
    for found, attribute in ((total.platforms, "platforms"), (total.languages, "languages")):
        expected: Counter[str] = Counter()
        for bucket in inside:
            expected.update(getattr(bucket, attribute))
        assert sum(found.values()) == sum(expected.values())
        assert len(found) <= NAMES + 1
        assert list(found.values()) == sorted(found.values(), reverse=True)
        for name, count in found.items():
            assert count <= expected[name] or name == "other"


def test_a_day_of_many_platforms_makes_room_for_the_next_days() -> None:
    tables = WindowTables()
    for n in range(2 * BUCKETS_PER_DAY):
        name = f"old{n}" if n < BUCKETS_PER_DAY else "x"
        tables.add(FIRST + n, bucket_of({name: 2}), Surplus())
    end = FIRST + 2 * BUCKETS_PER_DAY
    tables.add(end, bucket_of({"x": 1, "new": 4}), Surplus())
    assert tables.total(end, end + 1).platforms == {"new": 4, "x": 1}
    assert tables.total(end - 99, end).platforms == {"x": 198}
    assert len(tables.entries) < 4000


@given(
    st.lists(st.tuples(st.integers(1, 60), st.lists(st.integers(0, 2047), max_size=60)), min_size=1, max_size=60),
    st.sampled_from([1, 3, 12, 36, 144, 288]),
)
def test_authors_of_a_window_are_those_that_wrote_in_it(rows: list[tuple[int, list[int]]], window: int) -> None:
    tables, index = WindowTables(), FIRST
    held: list[tuple[int, list[int]]] = []
    for distance, authors in rows:
        index += distance
        tables.add(index, bucket_of({"x": 1}, authors), Surplus())
        held.append((index, authors))
        tables = msgspec.msgpack.decode(msgspec.msgpack.encode(tables), type=WindowTables)
    inside = {author for at, authors in held if index - window < at for author in authors}
    expected = OpenBucket(first_offset=0, author_bits=bucket_of({}, sorted(inside)).author_bits).authors()
    assert tables.authors(index + 1 - window, index + 1) == expected
    assert len(tables.cells) <= 4096


def test_critics_are_counted_up_to_a_few_and_since_when_they_last_spoke() -> None:
    tables = WindowTables()
    for n in range(40):
        bucket = bucket_of({"x": 1})
        bucket.critics = [n % 5, 100 + n // 20]
        tables.add(FIRST + n, bucket, Surplus())
    assert tables.people(FIRST + 39) == 2
    assert tables.people(FIRST + 35) == 6
    for n in range(40, 80):
        bucket = bucket_of({"x": 1})
        bucket.critics = [n]
        tables.add(FIRST + n, bucket, Surplus())
    assert tables.people(FIRST) == MOST_CRITICS
