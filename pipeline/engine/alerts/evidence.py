"""What an alert shows beside numbers: which posts are kept and how long, and how posts and stories are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from pipeline.engine.brands.brand import Brand
from pipeline.engine.brands.readings import awaited_news
from pipeline.engine.buckets.copies import distinct, fingerprint, letters_of
from pipeline.engine.buckets.late import WaitingRoom
from pipeline.engine.buckets.names import sum_by_name
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.posts import KEPT_POSTS, POST_BUCKETS, URL_CHARACTERS, PostRecord, by_audience, earlier
from pipeline.engine.buckets.story import OWN, TOLD, Story, as_written, without_mark
from pipeline.engine.episodes.kinds import KindSpec
from schemas.alert import MAX_ALERT_BYTES, Alert
from schemas.evidence import Evidence, Post
from schemas.evidence import Story as ShownStory
from schemas.moments import moment
from schemas.text import printable, readable

SHOWN_STORIES: Final = 3
EXCERPT_CHARACTERS: Final = 280
NO_TEXT: Final = "(a post without text)"
NO_WORDS: Final = "(the words of the first post are not known)"
EVIDENCE_BYTES: Final = 48 << 10
"""Of an alert, which may have 64 KiB; a dozen posts whose every field is long and of wide characters have more."""
_SPARED: Final = (("voices", 1), ("own_posts", 1), ("amplifiers", 3), ("posts", 1), ("stories", 1), ("triggers", 1))
"""What is left out first where the evidence is too large, and how many of each stay for as long as that is enough."""


def keep_posts(brand: Brand, bucket: OpenBucket | None, index: int) -> None:
    """Merge the posts of a closed bucket into those that the brand keeps."""
    if bucket is None and not brand.top_posts and not brand.negative_posts:
        return
    held = held_news(brand)
    brand.negative_posts = _best(brand.negative_posts, bucket.negative_posts if bucket else [], index)
    if held is not None and held not in brand.negative_posts:
        brand.negative_posts.append(held)
    brand.top_posts = _best(brand.top_posts, bucket.top_posts if bucket else [], index)


def hold_news(brand: Brand, bucket: OpenBucket | None) -> None:
    """Keep the first news item of a bucket that was read just now as long as unusual negativity is looked for."""
    item = None if bucket is None else bucket.news
    if item is not None and item.id == awaited_news(brand) and item not in brand.negative_posts:
        brand.negative_posts = [*brand.negative_posts, item]


def held_news(brand: Brand) -> PostRecord | None:
    """The kept news item beside which unusual negativity is looked for, if there is one."""
    own = awaited_news(brand)
    return next((post for post in brand.negative_posts if post.id == own), None) if own else None


def add_late_posts(bucket: OpenBucket, waiting: WaitingRoom) -> None:
    """Put the posts that waited, all of the last hour, among those of the bucket."""
    bucket.negative_posts = sorted([*bucket.negative_posts, *waiting.negative_posts], key=by_audience)
    bucket.top_posts = sorted([*bucket.top_posts, *waiting.top_posts], key=by_audience)
    bucket.news = earlier(bucket.news, waiting.news)
    # Of a late mention its reach was counted at most; what its author adds is held against this sum.
    bucket.authorship.audience += sum(post.weight for post in waiting.top_posts)


def _best(kept: list[PostRecord], fresh: list[PostRecord], index: int) -> list[PostRecord]:
    """The posts of the last hour with the greatest audience."""
    if not kept:
        return fresh[:KEPT_POSTS]
    recent = [post for post in kept if _is_recent(post, index)]
    if not recent or not fresh:
        return recent or fresh[:KEPT_POSTS]  # Both are in order.
    posts = sorted((*recent, *fresh), key=by_audience)
    return _told_apart(posts)[:KEPT_POSTS]


def _is_recent(post: PostRecord, index: int) -> bool:
    return post.bucket > index - POST_BUCKETS


def _told_apart(posts: list[PostRecord]) -> list[PostRecord]:
    """The posts without those that are written as one before them."""
    found: dict[str, PostRecord] = {}
    for post in posts:
        words = as_written(post.text) or post.text
        found.setdefault(words or ("" if post.is_repost else f"\0{post.id}"), post)
    return list(found.values())


def brand_evidence(brand: Brand, spec: KindSpec, window: int, index: int) -> Evidence:
    """What speaks for an episode of a brand.

    Args:
        brand: whose.
        spec: the kind of the episode.
        window: buckets of the window that gave the score.
        index: the last of them.
    """
    first, end = index + 1 - window, index + 1
    templates = brand.stories.templates()
    stories = [
        story for story in brand.stories.stories if story.last_seen >= first and templates.isdisjoint(story.keys)
    ]
    largest = sorted(stories, key=lambda story: (-story.mentions, story.first_seen, story.id))[:SHOWN_STORIES]
    total, late = brand.tables.total(first, end), brand.late.total(first, end)
    return Evidence(
        posts=shown_posts(kept_posts(brand, spec, index), templates),
        stories=tuple(_shown_story(story) for story in largest),
        platforms=sum_by_name(total.platforms, late.platforms),
        languages=sum_by_name(total.languages, late.languages),
        authors=brand.tables.authors(first, end, late.authors),
        reposts=total.reposts + late.reposts,
        reach=total.reach + late.reach,
    )


def category_evidence(members: Iterable[Brand], spec: KindSpec, index: int) -> Evidence:
    """What speaks for an episode of a category: the posts of the greatest audience over all its brands."""
    posts = [post for member in members for post in kept_posts(member, spec, index)]
    return Evidence(posts=shown_posts(sorted(posts, key=by_audience)))


def kept_posts(brand: Brand, spec: KindSpec, index: int) -> list[PostRecord]:
    """The brand's posts of the last hour that speak for a kind of episode, the greatest audience first."""
    if spec.posts == "top_posts":
        return [post for post in brand.top_posts if _is_recent(post, index)]
    # What the brand says itself does not speak against it, however sorry it sounds.
    recent = [post for post in brand.negative_posts if _is_recent(post, index) and not post.is_own]
    if spec.counts:
        return recent
    held = held_news(brand)
    others = [post for post in recent if post is not held]
    return others if held is None else [held, *others]


def shown_posts(posts: Sequence[PostRecord], templates: Collection[bytes] = ()) -> tuple[Post, ...]:
    """Posts as the world may see them: of different texts, no control characters, bounded length.

    Args:
        posts: the most telling first; as many as there is room for are shown.
        templates: digests of the letters of known templates, which are shown where there is nothing else.
    """
    return tuple(shown_post(post) for post in _worth_showing(posts, templates))


def shown_post(post: PostRecord) -> Post:
    """A post as the world may see it: no control characters, bounded length."""
    return Post(
        id=printable(post.id, 256),
        excerpt=excerpt(post.text),
        platform=printable(post.platform, 64),
        event_time=moment(post.event_time),
        lang=None if post.lang is None else printable(post.lang, 35),
        author=None if post.author is None else printable(post.author, 256),
        followers=post.followers,
        reach=post.reach,
        url=None if post.url is None else printable(post.url, URL_CHARACTERS),
    )


def _worth_showing(posts: Sequence[PostRecord], templates: Collection[bytes]) -> list[PostRecord]:
    """Posts of which none is a copy of one before it; a repost without words says nothing beside others."""
    telling = [
        post
        for post in posts
        if (post.text or not post.is_repost) and fingerprint(letters_of(post.text)) not in templates
    ] or posts[:1]
    return [telling[place] for place in distinct([post.text for post in telling], KEPT_POSTS)]


def _shown_story(story: Story) -> ShownStory:
    return ShownStory(
        id=printable(story.id, 256),
        excerpt=excerpt(without_mark(story.text)) if _has_words(story) else NO_WORDS,
        mentions=story.mentions,
        copies=max(story.copied - 1, 0),
        reposts=story.reposts + story.marked,
        authors=round(story.people()),
        reach=story.reach,
        first_seen=moment(story.first_seen),
        estimated=story.unread > 0,
    )


def _has_words(story: Story) -> bool:
    """Whether the story's text is surely what its first post says, be it nothing."""
    return story.words == OWN or (story.words == TOLD and bool(story.text))


def within_bytes(evidence: Evidence, most: int = EVIDENCE_BYTES) -> Evidence:
    """The evidence without so many of its last posts that it is at most so many bytes long."""
    for name, least in (*_SPARED, *((name, 0) for name, _ in _SPARED)):
        while len(msgspec.json.encode(evidence)) > most and len(getattr(evidence, name)) > least:
            evidence = msgspec.structs.replace(evidence, **{name: getattr(evidence, name)[:-1]})
    return evidence


def within_alert(alert: Alert) -> Alert:
    """The alert with as much of its evidence as there is room for beside the rest: MAX_ALERT_BYTES in all."""
    surplus = len(msgspec.json.encode(alert)) - MAX_ALERT_BYTES
    if surplus <= 0:
        return alert
    room = len(msgspec.json.encode(alert.evidence)) - surplus
    return msgspec.structs.replace(alert, evidence=within_bytes(alert.evidence, room))


def excerpt(text: str) -> str:
    """The beginning of a text as it may be shown, or words that say that there is none."""
    return printable(readable(text), EXCERPT_CHARACTERS) or NO_TEXT
