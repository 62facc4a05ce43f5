"""When a brand's surge is gathered, and when its usual is learned: never both."""

from __future__ import annotations

from typing import Final

from detectors.sentiment import language_of
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.background import Background
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.surge import Surge, told_text
from schemas.observation import BUCKETS_PER_DAY
from schemas.text import normalised

GATHERED_FROM: Final = 0.5
"""Of a kind's threshold: a score from which on what is said is worth gathering, for something may be about to open."""

MOST_NEWS: Final = 4
"""Negative news items remembered of a day: the last ones, one of a bucket."""


def gather(brand: Brand, bucket: OpenBucket | None, index: int, *, begins: bool) -> None:
    """Add a closed bucket to the brand's surge, which may begin with it, or to its usual.

    Args:
        brand: whose bucket was closed, its stories told into the brand's memory.
        bucket: what it held; None where no mention came.
        index: of the bucket.
        begins: whether a surge begins with it: none is being gathered.
    """
    if begins:
        brand.surge = Surge(index)
    _remember_news(brand, bucket, index)
    if bucket is None or not bucket.mentions:
        return
    if brand.surge is not None:
        brand.surge.add(bucket, index)
    elif brand.before is None and (brand.background is None or brand.background.is_due(index)):
        _learn(brand, bucket, index)


def begin(brand: Brand, onset: int, index: int) -> None:
    """Count the brand's surge from the onset of an episode that has just opened.

    Args:
        brand: whose.
        onset: bucket.
        index: the bucket at whose close it opened.
    """
    if brand.surge is None:
        brand.surge = Surge(index)
    reach = brand.tables.total(onset, index + 1).reach
    brand.surge.begin(onset, brand.recent.since(onset), reach, brand.news)


def let_go(brand: Brand, index: int) -> None:
    """Drop the surge of an episode that has ended, or of a brand that is ordinary again.

    What is unusual for a day without an episode is gathered anew, as the normal of before is set aside anew.
    """
    surge = brand.surge
    if surge is None or brand.has_open_episode:
        return
    if surge.since >= 0 or brand.before is None or index - surge.first >= BUCKETS_PER_DAY:
        brand.surge = None


def _remember_news(brand: Brand, bucket: OpenBucket | None, index: int) -> None:
    """Keep the last negative news items of a day: a surge that begins later may have begun before one of them."""
    item = None if bucket is None else bucket.news
    if item is None and not brand.news:
        return
    kept = [one for one in brand.news if one.bucket > index - BUCKETS_PER_DAY]
    brand.news = kept if item is None else [*kept, item][-MOST_NEWS:]


def _learn(brand: Brand, bucket: OpenBucket, index: int) -> None:
    if brand.background is None:
        brand.background = Background()
    texts = (told_text(story) for story in bucket.stories.stories if not story.into)
    text = next((text for text in texts if text), "")
    language = language_of(normalised(text), None) if text else ""
    brand.background.learn(bucket, index, text, language)
