"""What the last bucket says of one kind of episode of a brand, and when that began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from detectors.aftermath import (
    NOTHING_LEFT,
    SMOULDER_BUCKETS,
    Counts,
    Evidence,
    Smoulder,
    evidence_since,
    smoulder_of,
)
from detectors.audience import MOST_DAYS, NO_AUDIENCE, AudienceReading, AudienceState, Seen, level_of
from detectors.base import Assessment
from detectors.brand.window_lengths import WINDOWS
from detectors.news import LEAST_NEGATIVES, News
from detectors.normal import Normal
from detectors.onset import Channel, likeliest_change
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.episodes.episode import FLARE_UP_BUCKETS, Opening
from pipeline.engine.episodes.facets import joined_incident
from pipeline.engine.episodes.kinds import KindSpec
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

BURNING_BUCKETS: Final = (2 * BUCKETS_PER_HOUR, 4 * BUCKETS_PER_HOUR)
"""An episode goes on while the counts of so many last buckets are above its release level, of the greater number as far
as the smaller one normally holds fewer than BURNING_MENTIONS. As a crisis teaches nothing, the window of a day would
hold one open for a day after its end."""
BURNING_MENTIONS: Final = 20.0


def audience_of(
    brand: Brand, bucket: OpenBucket | None, assessment: Assessment, days_silent: Callable[[int], float]
) -> AudienceReading:
    """What a closed bucket says of single negative posts, by their audience or in the news; the brand has learned it.

    What is said while a crisis is open is part of the crisis: it teaches nothing and is not read again after its end.
    What the brand says itself is left out.

    Args:
        brand: whose.
        bucket: what it held; None where no mention came.
        assessment: of the bucket.
        days_silent: days before a bucket for which a brand that is not known has surely been silent.
    """
    index = assessment.bucket
    posts: dict[str, Seen] = {}
    item, own = None, 0
    if bucket is not None:
        item = bucket.news
        for kept, negative in ((bucket.top_posts, False), (bucket.negative_posts, True)):
            for post in kept:
                if not post.is_own and (level := level_of(post.weight)):
                    posts[post.id] = Seen(index, level, negative=negative)
        own = len({post.id for post in bucket.top_posts if post.is_own and level_of(post.weight)})
    state = brand.audience
    if state is None:
        if not posts and item is None:
            return NO_AUDIENCE
        seen = max(brand.model.buckets_seen / BUCKETS_PER_DAY, days_silent(index))
        state = brand.episodes["high_reach_post"].audience = AudienceState(index, days=min(seen, MOST_DAYS))
        state.others = brand.model.normal().level * min(brand.model.buckets_seen, MOST_DAYS * BUCKETS_PER_DAY)
    state.pass_to(index)
    crisis = brand.episodes["crisis"]
    if item is not None:
        state.news = state.news or News()
        state.news.see(index, item.id, is_told=crisis.is_open)
    if crisis.is_open:
        state.forget_recent()
        return NO_AUDIENCE
    others = 0 if bucket is None else bucket.mentions - len(posts) - own
    reading = state.read(posts.values(), assessment.base_rate, others)
    return _with_news(brand, state, reading, assessment)


def _with_news(brand: Brand, state: AudienceState, reading: AudienceReading, assessment: Assessment) -> AudienceReading:
    """The reading, with a first negative news item that unusual negativity goes with."""
    if state.news is None or state.news.first < 0 or not assessment.is_warm:
        return reading
    crisis, index = brand.episodes["crisis"], assessment.bucket
    if crisis.last_id and index - crisis.ended < FLARE_UP_BUCKETS:
        return reading  # Of what the windows hold, some is of that crisis.
    if brand.recent.total(index + 1 - BUCKETS_PER_DAY, index + 1).negatives < LEAST_NEGATIVES:
        return reading
    return state.read_news(reading, assessment.score("crisis"))


def awaited_news(brand: Brand) -> str:
    """Id of the news item beside which unusual negativity is looked for; "" where there is none."""
    state = brand.audience
    return "" if state is None or state.news is None else state.news.id


def evidence_of(
    brand: Brand, spec: KindSpec, assessment: Assessment, since: int, smoulder: Smoulder = NOTHING_LEFT
) -> Evidence | None:
    """What speaks for an episode where the assessment must not be taken as it is; None where it may.

    Args:
        brand: whose bucket was assessed.
        spec: the kind.
        assessment: of the bucket.
        since: bucket in which an episode ended whose time must not count again; -1 without one.
        smoulder: what that episode had left.
    """
    if since < 0 and not _lacks_negatives(brand, spec, assessment):
        return None
    counts = _counts_since(brand, assessment.bucket + 1 - BUCKETS_PER_DAY)
    return evidence_since(brand.model, assessment, spec.name, counts, since + 1, smoulder)


def evidence_of_last_hours(brand: Brand, spec: KindSpec, assessment: Assessment, since: int) -> Evidence | None:
    """What the last hours by themselves say, without what long windows remember of the time before.

    Args:
        brand: whose bucket was assessed.
        spec: the kind.
        assessment: of the bucket.
        since: bucket in which an episode ended whose time must not count again; -1 without one.
    """
    least, most = BURNING_BUCKETS
    usual = sum(brand.model.expect(assessment.bucket + 1 - most, assessment.bucket + 1))
    buckets = min(max(round(most * BURNING_MENTIONS / usual), least), most)
    return evidence_of(brand, spec, assessment, max(since, assessment.bucket - buckets))


def smoulder(brand: Brand, assessment: Assessment) -> Smoulder:
    """What an episode of the brand that ends with this bucket has left."""
    counts = _counts_since(brand, assessment.bucket + 1 - SMOULDER_BUCKETS)
    return smoulder_of(brand.model, assessment.base_rate, counts, assessment.bucket)


def _counts_since(brand: Brand, first: int) -> list[Counts]:
    return [(counts.bucket, counts.counted, counts.counted_negatives) for counts in brand.recent.since(first)]


def _lacks_negatives(brand: Brand, spec: KindSpec, assessment: Assessment) -> bool:
    """Whether the window holds no negative mention, of a kind that is about them: sums forget slowly, people do not."""
    last = brand.recent.last_negative
    window = WINDOWS[assessment.window(spec.name)]
    return spec.onset != "mentions" and 0 <= last <= assessment.bucket - window


def opening(brand: Brand, spec: KindSpec, bucket: int, *, since: int, is_unobserved: Callable[[int], bool]) -> Opening:
    """What is known of an episode that opens.

    Args:
        brand: whose.
        spec: its kind.
        bucket: at whose close it opens.
        since: bucket before which it cannot have begun; -1 where any may be the first. Of a kind that is scored by
            single posts: the bucket of the first of them.
        is_unobserved: whether a bucket lies in a gap of the feed.
    """
    normal = brand.normal_before()
    incident = joined_incident(brand.episodes, spec.name, bucket)
    if spec.onset == "post":
        return Opening(since, since, since, normal, incident)
    first = max(bucket + 1 - BUCKETS_PER_DAY, since + 1)
    channels = _channels(brand, spec, normal, first, bucket + 1, is_unobserved)
    change = likeliest_change(channels, normal.noise(bucket), max(normal.dispersion(BUCKETS_PER_HOUR), 1.0))
    return Opening(first + change.first, first + change.earliest, first + change.latest, normal, incident)


def _channels(
    brand: Brand, spec: KindSpec, normal: Normal, first: int, end: int, is_unobserved: Callable[[int], bool]
) -> list[Channel]:
    """Counts of the buckets [first, end) by which a kind's onset is dated, with what is usual."""
    mentions, negatives = [0.0] * (end - first), [0.0] * (end - first)
    for counts in brand.recent.since(first):
        mentions[counts.bucket - first] = counts.counted
        negatives[counts.bucket - first] = counts.counted_negatives
    share = normal.base_rate
    if spec.onset == "negative_share":
        return [(negatives, [share * count for count in mentions])]
    expected = [0.0 if is_unobserved(first + place) else value for place, value in enumerate(normal.expect(first, end))]
    if spec.onset == "mentions":
        return [(mentions, expected)]
    others = [count - negative for count, negative in zip(mentions, negatives, strict=True)]
    return [
        (negatives, [share * value for value in expected]),
        (others, [(1.0 - share) * value for value in expected]),
    ]
