"""Posts of great audience: what is rare for a brand, what is learned, and that order and restarts do not matter."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.audience import (
    MIN_AUDIENCE,
    MOST_DAYS,
    MOST_RECENT,
    NO_AUDIENCE,
    WARM_DAYS,
    AudienceReading,
    AudienceState,
    Seen,
    at_least,
    level_of,
)
from detectors.brand.threshold import crisis_threshold, rarity
from schemas.observation import BUCKETS_PER_DAY

DAY = BUCKETS_PER_DAY
SHARE = 0.18
ONCE_A_YEAR = crisis_threshold(1.0)
MILLIONS = level_of(2_000_000)
THOUSANDS = level_of(20_000)


def read(state: AudienceState, bucket: int, *posts: tuple[int, bool]) -> AudienceReading:
    """What a bucket with these posts (level, negative) says."""
    state.pass_to(bucket)
    return state.read([Seen(bucket, level, negative) for level, negative in posts], SHARE)


def used_to(level: int, per_day: int, days: int = 60) -> AudienceState:
    """A brand with so many posts of this level a day, one in five negative."""
    state = AudienceState(0)
    for number in range(days * per_day):
        read(state, 1 + number * DAY // per_day, (level, number % 5 == 0))
    return state


def test_a_post_far_beyond_what_the_brand_is_used_to_is_rare() -> None:
    state = used_to(THOUSANDS, 2)
    state.others = 600.0
    assert read(state, 61 * DAY, (THOUSANDS, True)).score < ONCE_A_YEAR / 2
    found = read(state, 62 * DAY, (level_of(30_000_000), True))
    assert found.score > ONCE_A_YEAR
    assert (found.first, found.posts) == (62 * DAY, 1)


def test_the_same_post_is_nothing_to_a_brand_that_has_one_every_day() -> None:
    assert read(used_to(MILLIONS, 1), 61 * DAY, (MILLIONS, True)).score < ONCE_A_YEAR / 2


def test_a_post_that_is_not_negative_says_nothing() -> None:
    assert read(used_to(THOUSANDS, 1), 61 * DAY, (MILLIONS, False)) == NO_AUDIENCE


def test_a_few_negative_posts_within_a_day_are_rarer_than_one() -> None:
    """A brand that is on a list of great reach twice a month, where every entry has the same audience."""
    state = AudienceState(0, days=30.0)
    for day in (5, 20, 35, 50):
        read(state, day * DAY, (MILLIONS, day == 20))
    scores = [read(state, 60 * DAY + hour * 12, (MILLIONS, True)).score for hour in (0, 3, 6)]
    assert scores[0] < ONCE_A_YEAR < scores[1] < scores[2]


def test_a_launch_with_its_usual_share_of_negatives_does_not_ring() -> None:
    state = used_to(MILLIONS, 1)
    posts = [(MILLIONS, number % 5 == 0) for number in range(15)]
    assert all(read(state, 61 * DAY + number * 6, post).score < ONCE_A_YEAR for number, post in enumerate(posts))


def test_nothing_is_said_before_a_brand_was_watched_for_a_week() -> None:
    assert read(AudienceState(0), 3 * DAY, (MILLIONS, True), (MILLIONS, True)) == NO_AUDIENCE
    assert read(AudienceState(0, days=WARM_DAYS), 0, (MILLIONS, True), (MILLIONS, True)).score > ONCE_A_YEAR


def test_what_was_told_is_not_read_again() -> None:
    state = AudienceState(0, days=30.0)
    read(state, 1, (MILLIONS, True))
    state.forget_recent()
    assert read(state, 2, (MILLIONS, True)).posts == 1


def test_an_audience_is_great_from_ten_thousand_people_on() -> None:
    assert level_of(MIN_AUDIENCE - 1) == level_of(0) == 0
    assert level_of(MIN_AUDIENCE) == 13
    assert level_of(2**20) == level_of(2**21 - 1) == 20


@pytest.mark.parametrize("mean", [1e-6, 0.01, 0.3, 5.0, 1000.0])
def test_the_tail_of_the_negative_binomial_falls_and_never_ends(mean: float) -> None:
    tails = [at_least(number, mean) for number in range(1, 30)]
    assert all(0.0 < later <= sooner <= 1.0 for sooner, later in pairwise(tails))
    assert at_least(1, 1e-4) == pytest.approx(1e-4, rel=1e-3)


def test_a_score_is_on_the_scale_of_the_threshold() -> None:
    assert rarity(0.25) == crisis_threshold(0.25)
    assert rarity(4.0) == crisis_threshold(4.0)
    assert rarity(1e6) == 0.0


@pytest.mark.parametrize("per_day", [0.1, 1.0, 10.0])
def test_an_ordinary_brand_rings_about_as_often_as_is_tolerated_or_less(per_day: float) -> None:
    """Posts that come alone, of lognormal audience, 20 years in all; measured in docs/results."""
    r = random.Random(7)
    opened = 0
    for _ in range(10):
        state = AudienceState(0, days=WARM_DAYS)
        at, last = 0.0, -DAY
        while at < 2 * 365 * DAY:
            at += r.expovariate(per_day / DAY)
            level = level_of(int(min(10.0 ** r.gauss(4.5, 0.7), 1e10)))
            found = read(state, int(at), (level, r.random() < 0.2)) if level else NO_AUDIENCE
            if found.score >= ONCE_A_YEAR and at - last >= DAY:
                opened, last = opened + 1, int(at)
    assert opened <= 40


posts = st.lists(st.tuples(st.integers(0, 5 * DAY), st.integers(13, 33), st.booleans()), min_size=1, max_size=60).map(
    sorted
)


def by_bucket(drawn: list[tuple[int, int, bool]]) -> dict[int, list[Seen]]:
    found: dict[int, list[Seen]] = {}
    for bucket, level, negative in drawn:
        found.setdefault(bucket, []).append(Seen(bucket, level, negative))
    return found


@given(posts, st.randoms())
def test_the_order_in_a_bucket_does_not_matter(drawn: list[tuple[int, int, bool]], r: random.Random) -> None:
    one, other = AudienceState(0, days=WARM_DAYS), AudienceState(0, days=WARM_DAYS)
    for bucket, own in by_bucket(drawn).items():
        shuffled = r.sample(own, len(own))
        one.pass_to(bucket)
        other.pass_to(bucket)
        assert one.read(own, SHARE) == other.read(shuffled, SHARE)
    assert one == other


@given(posts)
def test_a_restart_after_any_bucket_goes_on_as_if_nothing_had_been(drawn: list[tuple[int, int, bool]]) -> None:
    one = other = AudienceState(0, days=WARM_DAYS)
    decoder = msgspec.msgpack.Decoder(AudienceState)
    for bucket, own in by_bucket(drawn).items():
        other = decoder.decode(msgspec.msgpack.encode(other))
        one.pass_to(bucket)
        other.pass_to(bucket)
        assert one.read(own, SHARE) == other.read(own, SHARE)
        assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


@given(posts)
def test_the_state_stays_small_and_its_scores_finite(drawn: list[tuple[int, int, bool]]) -> None:
    state = AudienceState(0, days=WARM_DAYS)
    for bucket, own in by_bucket(drawn).items():
        state.pass_to(bucket)
        found = state.read(own, SHARE)
        assert 0.0 <= found.score < math.inf
        assert len(state.recent) <= MOST_RECENT
    state.pass_to(3650 * DAY)
    assert not state.recent
    assert state.days <= MOST_DAYS
    assert len(msgspec.msgpack.encode(state)) < 300
