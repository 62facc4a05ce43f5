"""What an alert shows beside numbers: which posts are kept and how long, and how posts and stories are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.open_bucket import (
    EXCERPT_CHARACTERS,
    KEPT_POSTS,
    URL_CHARACTERS,
    OpenBucket,
    PostRecord,
    by_audience,
)
from pipeline.engine.buckets.stories import Story, without_mark
from pipeline.engine.episodes.kinds import KindSpec
from schemas.alert import Evidence, Post
from schemas.alert import Story as ShownStory
from schemas.moments import moment
from schemas.text import printable

SHOWN_STORIES: Final = 3
POST_BUCKETS: Final = 12
"""Posts are kept as evidence for an hour."""


def keep_posts(brand: Brand, bucket: OpenBucket | None, index: int) -> None:
    """Merge the posts of a closed bucket into those that the brand keeps."""
    if bucket is None and not brand.top_posts:
        return
    brand.negative_posts = _best(brand.negative_posts, bucket.negative_posts if bucket else [], index)
    brand.top_posts = _best(brand.top_posts, bucket.top_posts if bucket else [], index)


def _best(kept: list[PostRecord], fresh: list[PostRecord], index: int) -> list[PostRecord]:
    """The posts of the last hour with the greatest audience."""
    recent = [post for post in kept if post.bucket > index - POST_BUCKETS]
    if not recent or not fresh:
        return recent or fresh  # Both are in order.
    return sorted((*recent, *fresh), key=by_audience)[:KEPT_POSTS]


def brand_evidence(brand: Brand, bucket: OpenBucket | None, spec: KindSpec, window: int, index: int) -> Evidence:
    """What speaks for an episode of a brand.

    Args:
        brand: whose.
        bucket: at whose close it is shown; None where no mention came.
        spec: the kind of the episode.
        window: buckets of the window that gave the score.
        index: the bucket.
    """
    posts = shown_posts(kept_posts(brand, spec))
    stories = [story for story in brand.stories.stories if story.last_seen > index - window]
    largest = sorted(stories, key=lambda story: (-story.mentions, story.first_seen, story.id))[:SHOWN_STORIES]
    shown = tuple(_shown_story(story) for story in largest)
    if bucket is None:
        return Evidence(posts=posts, stories=shown)
    return Evidence(
        posts=posts,
        stories=shown,
        platforms=_by_count(bucket.platforms),
        languages=_by_count(bucket.languages),
        authors=bucket.authors(),
        reposts=bucket.reposts,
        reach=bucket.reach,
    )


def category_evidence(members: Iterable[Brand], spec: KindSpec) -> Evidence:
    """What speaks for an episode of a category: the posts of the greatest audience over all its brands."""
    posts = [post for member in members for post in kept_posts(member, spec)]
    return Evidence(posts=shown_posts(sorted(posts, key=by_audience)[:KEPT_POSTS]))


def kept_posts(brand: Brand, spec: KindSpec) -> list[PostRecord]:
    """The brand's posts that speak for a kind of episode, the greatest audience first."""
    return brand.top_posts if spec.posts == "top_posts" else brand.negative_posts


def shown_posts(posts: Sequence[PostRecord]) -> tuple[Post, ...]:
    """Posts as the world may see them: no control characters, bounded length."""
    return tuple(
        Post(
            id=printable(post.id, 256),
            excerpt=printable(post.text, EXCERPT_CHARACTERS),
            platform=printable(post.platform, 64),
            event_time=moment(post.event_time),
            lang=None if post.lang is None else printable(post.lang, 35),
            author=None if post.author is None else printable(post.author, 256),
            followers=post.followers,
            reach=post.reach,
            url=None if post.url is None else printable(post.url, URL_CHARACTERS),
        )
        for post in posts
    )


def _shown_story(story: Story) -> ShownStory:
    return ShownStory(
        id=printable(story.id, 256),
        excerpt=printable(without_mark(story.text), EXCERPT_CHARACTERS),
        mentions=story.mentions,
        copies=max(story.mentions - story.reposts - 1, 0),
        reposts=story.reposts,
        authors=round(story.people()),
        reach=story.reach,
        first_seen=moment(story.first_seen),
    )


def _by_count(table: dict[str, int]) -> dict[str, int]:
    return dict(sorted(table.items(), key=lambda item: (-item[1], item[0])))
