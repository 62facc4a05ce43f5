"""The normal that is set aside when a brand becomes unusual."""

from __future__ import annotations

from detectors.brand.model import BrandModel
from detectors.normal import Normal
from pipeline.engine.episodes.before import QUIET_BUCKETS, Before, followed
from schemas.observation import BUCKETS_PER_DAY


def normal_of(level: float) -> Normal:
    learned = BrandModel().normal()
    return Normal(level, learned.hours, learned.days, learned.base_rate, learned.dispersions)


def after(unusual: list[bool], *, has_episode: bool = False) -> Before | None:
    """What is set aside after these buckets, in which the level is the bucket's number."""
    before = None
    for bucket, is_unusual in enumerate(unusual):
        level = float(bucket)
        before = followed(
            before,
            bucket,
            is_unusual=is_unusual,
            has_episode=has_episode,
            normal=lambda: normal_of(level),  # noqa: B023 - asked for before the next bucket
        )
    return before


def test_an_ordinary_brand_has_nothing_set_aside() -> None:
    assert after([False] * 500) is None


def test_the_normal_is_that_of_the_first_unusual_bucket() -> None:
    before = after([False] * 7 + [True, False, True] + [False] * (QUIET_BUCKETS - 1))
    assert before is not None
    assert before.normal.level == 7.0


def test_it_is_let_go_after_two_quiet_hours() -> None:
    assert after([True] + [False] * QUIET_BUCKETS) is None


def test_it_is_set_aside_anew_after_a_day_in_which_nothing_opened() -> None:
    """A brand that stays unusual without an episode is one that has changed."""
    before = after([True] * (BUCKETS_PER_DAY + 1))
    assert before is not None
    assert before.normal.level == float(BUCKETS_PER_DAY)


def test_while_an_episode_is_open_it_stays() -> None:
    before = after([True] + [False] * (2 * BUCKETS_PER_DAY), has_episode=True)
    assert before is not None
    assert before.normal.level == 0.0
