"""The posts kept as evidence: of the greatest audience, one of each text."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.mention import Mention
from schemas.text import readable

KEPT_CHARACTERS: Final = 400
URL_CHARACTERS: Final = 512
KEPT_POSTS: Final = 3
POST_BUCKETS: Final = 12
"""Posts are kept as evidence for an hour."""


class PostRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A post kept as evidence: its text readable, but cut. Most are never shown, so an alert makes it printable.

    `weight` is its audience; `is_own` is 1 where the brand itself wrote it; `kind` is that of its author.
    """

    weight: int
    bucket: int
    id: str
    text: str
    platform: str
    event_time: float
    lang: str | None
    author: str | None
    followers: int | None
    reach: int | None
    url: str | None
    is_repost: int = 0
    is_own: int = 0
    kind: str = "unknown"


def is_own(mention: Mention) -> bool:
    """Whether the brand itself wrote it."""
    return mention.author is not None and mention.author.kind == "brand"


def earlier(item: PostRecord | None, other: PostRecord | None) -> PostRecord | None:
    """The one that was written first, the lesser id where both were at once; None where there is neither."""
    if item is None or other is None:
        return item or other
    return min(item, other, key=by_time)


def is_before(mention: Mention, event_time: float, item: PostRecord | None) -> bool:
    """Whether it was written before the post, or at once and has the lesser id; anything is before None."""
    return item is None or (event_time, mention.id) < by_time(item)


def is_news(mention: Mention) -> bool:
    """Whether it is an item in the news that others wrote about the brand."""
    return mention.channel == "news" and not is_own(mention)


def post_of(mention: Mention, event_time: float, bucket: int) -> PostRecord:
    """What is kept of a mention (times in Unix seconds)."""
    return _post(mention, event_time, bucket, audience_size(mention))


def audience_size(mention: Mention) -> int:
    """Followers of its author or reach, whichever is more; 0 where neither is known."""
    followers = mention.author.followers if mention.author is not None else None
    return max(mention.reach or 0, followers or 0)


def keep_post(kept: list[PostRecord], mention: Mention, event_time: float, bucket: int, weight: int) -> None:
    """Put a post among those of the greatest audience, one of each text; the earliest wins a tie.

    A post without text is one of its own, but not a repost without words.

    Args:
        kept: in order, changed in place.
        mention: the post; its audience is greater than that of the last one kept, or there is room.
        event_time: of the post, Unix seconds.
        bucket: its bucket.
        weight: its audience: followers of its author or reach, whichever is more.
    """
    text = mention.text[:KEPT_CHARACTERS]
    is_repost = mention.repost_of is not None
    for number, post in enumerate(kept):
        if post.text == text and (text or (is_repost and post.is_repost)):
            if post.weight >= weight:
                return
            del kept[number]
            break
    place = len(kept)
    while place and kept[place - 1].weight < weight:
        place -= 1
    kept.insert(place, _post(mention, event_time, bucket, weight))
    if place and kept[place - 1].weight == weight:
        kept.sort(key=by_audience)
    del kept[KEPT_POSTS:]


def keep_if_greatest(kept: list[PostRecord], mention: Mention, event_time: float, bucket: int) -> None:
    """`keep_post` of any post: where its audience is not great enough, nothing changes."""
    weight = audience_size(mention)
    if len(kept) < KEPT_POSTS or weight > kept[-1].weight:
        keep_post(kept, mention, event_time, bucket, weight)


def by_audience(post: PostRecord) -> tuple[int, float, str]:
    return (-post.weight, post.event_time, post.id)


def by_time(post: PostRecord) -> tuple[float, str]:
    return post.event_time, post.id


def _post(mention: Mention, event_time: float, bucket: int, weight: int) -> PostRecord:
    author = mention.author
    return PostRecord(
        weight,
        bucket,
        mention.id,
        readable(mention.text)[:KEPT_CHARACTERS],
        mention.platform,
        event_time,
        mention.lang,
        None if author is None else author.id,
        None if author is None else author.followers,
        mention.reach,
        None if mention.url is None else mention.url[:URL_CHARACTERS],
        int(mention.repost_of is not None),
        int(is_own(mention)),
        "unknown" if author is None else author.kind,
    )
