"""What a brand normally has: a level that bursts do not move, a season, and time of which nothing is known."""

from __future__ import annotations

import itertools
import math
import random
import struct
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.brand.baseline import Baseline
from tests.detectors.streams import DAY, ordinary

HOUR = 12


def taught(counts: Iterable[float], baseline: Baseline | None = None, *, shifted: bool = False) -> Baseline:
    """A baseline that has learned so many buckets, one after the other."""
    baseline = baseline or Baseline()
    for bucket, mentions in enumerate(counts, baseline.bucket + 1):
        season = baseline.season(bucket)
        baseline.learn(bucket, mentions, baseline.expect(season), season, shifted=shifted)
    return baseline


def expected(baseline: Baseline, after: int = 1) -> float:
    """Mentions expected of a bucket so many after the last one."""
    return baseline.expect(baseline.season(baseline.bucket + after))


def days_of(*, per_bucket: float, count: int) -> list[float]:
    return [row["mentions"] for row in ordinary(3, count, per_bucket=per_bucket)]


@given(st.floats(0.05, 1000.0))
def test_a_steady_rate_becomes_what_is_expected_at_every_hour(rate: float) -> None:
    baseline = taught([rate] * (2 * DAY))
    for after in range(1, DAY, 7):
        assert expected(baseline, after) == pytest.approx(rate, rel=0.05)


@given(st.lists(st.integers(0, 1000), max_size=60), st.integers(1, 5000))
def test_whatever_came_something_is_expected(counts: list[int], silence: int) -> None:
    baseline = taught(counts)
    baseline.pass_long_silence(silence)
    assert 0.0 < expected(baseline) < math.inf


def test_a_burst_does_not_become_the_new_normal() -> None:
    baseline = taught([8.0] * (4 * DAY))
    taught([400.0] * HOUR, baseline)
    assert expected(baseline) < 1.5 * 8.0


def test_a_level_that_has_evidently_shifted_is_learned_whole_and_fast() -> None:
    held_back, released = (taught([8.0] * (4 * DAY)) for _ in range(2))
    taught([80.0] * (6 * HOUR), held_back)
    taught([80.0] * (6 * HOUR), released, shifted=True)
    assert released.level == pytest.approx((8.0 + 80.0) / 2, rel=0.1)  # six hours are its half-life
    assert held_back.level < 0.5 * released.level


def test_the_hours_of_the_day_are_learned() -> None:
    day = [24.0 if 8 * HOUR <= step < 20 * HOUR else 4.0 for step in range(DAY)]
    baseline = taught(day * 28)
    assert expected(baseline, 14 * HOUR) > 3.0 * expected(baseline, 2 * HOUR)


def test_the_days_of_the_week_are_learned() -> None:
    busy, quiet = [20.0] * DAY, [5.0] * DAY
    baseline = taught((busy * 5 + quiet * 2) * 8)
    monday, saturday = (baseline.bucket + 1 + offset * DAY + DAY // 2 for offset in (0, 5))
    assert baseline.day_factor(monday) > 1.5 * baseline.day_factor(saturday)


def test_a_small_brand_stays_flat() -> None:
    """Where an hour holds no mentions its ratio says nothing."""
    r = random.Random(1)
    baseline = taught(float(r.random() < 0.01) for _ in range(14 * DAY))
    factors = [baseline.season(baseline.bucket + after) for after in range(1, 7 * DAY)]
    assert 0.5 < min(factors) <= max(factors) < 2.0


factors = st.lists(st.floats(0.1, 3.0), min_size=24, max_size=24)


@given(factors)
def test_the_season_passes_from_the_middle_of_an_hour_to_the_next_in_even_steps(hours: list[float]) -> None:
    baseline = Baseline(hours=bytearray(struct.pack("<24d", *hours)))
    around = [*hours, hours[0]]
    seasons = [baseline.season(bucket) for bucket in range(DAY + HOUR)]
    for hour, (here, there) in enumerate(itertools.pairwise(around)):
        middle = hour * HOUR + HOUR // 2
        assert seasons[middle] == pytest.approx(here + (there - here) / (2 * HOUR))
        steps = [b - a for a, b in itertools.pairwise(seasons[middle : middle + HOUR])]
        assert steps == pytest.approx([(there - here) / HOUR] * len(steps), abs=1e-12)


@given(st.integers(0, 1000), st.integers(1, 40))
def test_hours_that_were_silent_teach_about_what_their_empty_buckets_teach(seed: int, hours: int) -> None:
    counts = [row["mentions"] for row in ordinary(seed, 2)]
    one_by_one, passed = taught(counts), taught(counts)
    taught([0.0] * (hours * HOUR), one_by_one)
    for _ in range(hours):
        first = passed.bucket + 1
        passed.pass_silence(first, HOUR, passed.expect(passed.season(first + HOUR // 2)))
    assert passed.bucket == one_by_one.bucket
    assert passed.seen == one_by_one.seen
    assert passed.level == pytest.approx(one_by_one.level, rel=0.1)
    assert passed.season(passed.bucket + 1) == pytest.approx(one_by_one.season(passed.bucket + 1), rel=0.1)


@given(st.integers(1, 3 * DAY))
def test_time_of_which_nothing_is_known_changes_no_level(buckets: int) -> None:
    baseline = taught(days_of(per_bucket=8.0, count=1))
    level, seen, bucket = baseline.level, baseline.seen, baseline.bucket
    baseline.pass_unobserved(buckets)
    assert (baseline.level, baseline.seen, baseline.bucket) == (level, seen, bucket + buckets)


def test_a_long_silence_quietens_the_level_and_time_unobserved_does_not() -> None:
    silent, unobserved = (taught([8.0] * (4 * DAY)) for _ in range(2))
    silent.pass_long_silence(4 * DAY)
    unobserved.pass_unobserved(4 * DAY)
    assert silent.level == pytest.approx(4.0, rel=0.05)  # four days are its half-life
    assert unobserved.level == pytest.approx(8.0)


def test_rough_counts_have_a_greater_dispersion_than_calm_ones() -> None:
    r = random.Random(2)
    calm = taught(sum(r.random() < 0.1 for _ in range(80)) for _ in range(14 * DAY))
    rough = taught(8.0 * r.gammavariate(0.5, 2.0) for _ in range(14 * DAY))
    assert 0.5 < calm.dispersion < 1.5
    assert rough.dispersion > 3.0 * calm.dispersion


@given(st.integers(0, 1000), st.integers(1, 3 * DAY - 1))
def test_a_stored_baseline_goes_on_where_it_was(seed: int, length: int) -> None:
    counts = [row["mentions"] for row in ordinary(seed, 3, per_bucket=2.0)]
    whole = taught(counts[:length])
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(whole), type=Baseline)
    assert stored == whole
    assert taught(counts[length:], stored) == taught(counts[length:], whole)
