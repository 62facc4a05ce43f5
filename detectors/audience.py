"""How rare a negative post of such an audience is for a brand: one post, or a few, far beyond what it is used to.

A brand with a few mentions a day has its crisis in one to three posts, which no count can find. What is learned is how
many posts a brand has per day whose audience is at least so great, by powers of two: the counts themselves where there
are any, beyond them half as many for every doubling (a Pareto tail of index 1, about that of followers; heavier than
most), and what is believed of a brand of which nothing is known (a Gamma prior, Gelman et al. 2013, "Bayesian Data
Analysis"). Times the share of negatives that is a rate of negative posts, and by a negative binomial, because posts
come in threads, a probability of so many of them in a day. A year of such days is what a knob in alerts per year can
be held against.

Everything is decided by posts and their buckets, at most a few per bucket and brand. A brand without a post of
MIN_AUDIENCE has no state.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from detectors.brand.threshold import rarity
from detectors.news import News
from schemas.observation import BUCKETS_PER_DAY

MIN_AUDIENCE: Final = 10_000
"""People; what reaches fewer is no high reach for anybody, and is not kept."""
WARM_DAYS: Final = 7.0
"""Days for which a brand must have been watched before anything opens; silence before its first mention counts."""
HALF_LIFE_DAYS: Final = 180.0
MOST_DAYS: Final = HALF_LIFE_DAYS / math.log(2.0)
"""The weight in days of an endless past."""
WINDOW: Final = BUCKETS_PER_DAY
MOST_RECENT: Final = 16
"""Posts of the window that are told apart, those of the greatest audience; the others are learned at once."""
AUDIENCE_UNIT: Final = "3.78 - 0.44 log2(times that so many negative posts of such reach are expected in a year)"

_PRIOR_DAYS: Final = 7.0
_PRIOR_POSTS: Final = 1.0
"""In _PRIOR_DAYS of a brand of which nothing is known, with an audience of at least 2 ** _PRIOR_LEVEL; a doubling of it
makes them fewer by 2 ** _PRIOR_SLOPE."""
_PRIOR_LEVEL: Final = 20
_PRIOR_SLOPE: Final = 0.25
_SOCIAL_LEVEL: Final = 10
"""Half of the posts on social media, or so, reach a thousand people; of these a thousandth reach a million."""
_LISTED_POSTS: Final = 2.0
"""Mentions without great audience that make it as likely as not that a brand is one of social media."""
_SHARE_POSTS: Final = 8.0
"""Posts that the brand's usual negative share is worth beside the share among those of great audience."""
_SHAPE: Final = 0.3
"""Of the negative binomial: one post in a thread is followed by others on the same day."""
_OCCASIONS: Final = 365.0
_TELLING: Final = 3
"""Posts whose audience is known well enough to reckon from it what is beyond."""
_MIN_RATE: Final = 1e-6


class Seen(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """A post of great audience: its bucket, the power of two that its audience reaches, and whether it is negative."""

    bucket: int
    level: int
    negative: bool


class AudienceReading(NamedTuple):
    """What a bucket says of the audience of negative posts.

    Attributes:
        score: rarity, on the scale of the crisis threshold; 0 without a negative post of great audience, or too soon.
        first: bucket of the first of the posts that give it; -1 without.
        posts: how many these are.
        per_year: how often as many of such reach are expected in a year; infinite without.
        news: what a first negative news item puts on top of what the audience gives; part of `score`.
    """

    score: float = 0.0
    first: int = -1
    posts: int = 0
    per_year: float = math.inf
    news: float = 0.0

    @property
    def parts(self) -> dict[str, float]:
        """What gives the score, as alerts carry it: to four digits, the sum is the score."""
        score = round(self.score, 4)
        if not self.news:
            return {"audience": score}
        audience = round(self.score - self.news, 4)
        return {"audience": audience, "news": round(score - audience, 4)}


NO_AUDIENCE: Final = AudienceReading()


class AudienceState(msgspec.Struct, array_like=True, gc=False):
    """What is known of the posts of great audience about one brand.

    Attributes:
        bucket: as of which the rest is.
        days: decayed, for which it was watched.
        posts: decayed number by level, older than the window or of a lesser audience than those in it.
        negatives: decayed number of negative ones among them.
        recent: posts of the window, in order of time.
        others: decayed number of mentions that had no great audience.
        news: negative news items; None before the first.
    """

    bucket: int
    days: float = 0.0
    posts: dict[int, float] = msgspec.field(default_factory=dict)
    negatives: float = 0.0
    recent: list[Seen] = msgspec.field(default_factory=list)
    others: float = 0.0
    news: News | None = None

    def pass_to(self, bucket: int) -> None:
        """Let time pass; what leaves the window is learned."""
        days = (bucket - self.bucket) / BUCKETS_PER_DAY
        if days > 0.0:
            keep = math.exp2(-days / HALF_LIFE_DAYS)
            self.days = self.days * keep + MOST_DAYS * (1.0 - keep)
            self.posts = {level: count * keep for level, count in self.posts.items()}
            self.negatives *= keep
            self.others *= keep
            if self.news is not None:
                self.news.pass_to(bucket, keep)
            self.bucket = bucket
        if self.recent and self.recent[0].bucket <= bucket - WINDOW:
            self._learn([post for post in self.recent if post.bucket <= bucket - WINDOW])
            self.recent = [post for post in self.recent if post.bucket > bucket - WINDOW]

    def read(self, fresh: Iterable[Seen], usual_share: float, others: int = 0) -> AudienceReading:
        """Take the posts of the bucket that was passed to last, and say how rare they and those of the day are.

        Args:
            fresh: its posts of great audience, in any order.
            usual_share: negative share among all mentions of the brand.
            others: mentions of the bucket that had no great audience.
        """
        own = sorted(fresh)
        self.others += others
        self.recent += own
        if len(self.recent) > MOST_RECENT:
            kept = sorted(self.recent, key=_by_audience)[:MOST_RECENT]
            rest = sorted(self.recent, key=_by_audience)[MOST_RECENT:]
            self._learn(rest)
            self.recent = sorted(kept)
        strongest = max((post.level for post in own if post.negative), default=0)
        if not strongest or self.days < WARM_DAYS:
            return NO_AUDIENCE
        return self._rarest(strongest, self.negative_share(usual_share))

    def read_news(self, reading: AudienceReading, crisis_score: float) -> AudienceReading:
        """The reading of the bucket that was passed to last, with what its first negative news item adds."""
        news = self.news
        if news is None or self.days < WARM_DAYS:
            return reading
        score = news.score(crisis_score, self.days)
        if score <= reading.score:
            return reading
        first = news.first if reading.first < 0 else min(reading.first, news.first)
        rate = news.per_year(crisis_score, self.days)
        return AudienceReading(score, first, reading.posts, rate, score - reading.score)

    def forget_recent(self) -> None:
        """Leave out the posts of the window: they are part of something that was told."""
        self.recent = []
        if self.news is not None:
            self.news.forget_first()

    def negative_share(self, usual_share: float) -> float:
        """The usual negative share of the posts of great audience."""
        count = sum(self.posts.values())
        return (self.negatives + _SHARE_POSTS * usual_share) / (count + _SHARE_POSTS)

    def per_day(self, level: int) -> float:
        """Posts per day of an audience that reaches this power of two, by what was learned and believed before."""
        posts = max(self._known(level), self._beyond(level)) + self._believed(level)
        return posts / (self.days + _PRIOR_DAYS)

    def _believed(self, level: int) -> float:
        """Posts that are believed in beside those that were seen, in the time watched.

        Of a brand of which little is known, as many as on a list that only great things are on. The more mentions it
        has that are not of great audience, the more it is like any brand on social media.
        """
        listed = _PRIOR_POSTS * math.exp2(_PRIOR_SLOPE * (_PRIOR_LEVEL - level))
        social = self.others * math.exp2(_SOCIAL_LEVEL - level)
        is_listed = _LISTED_POSTS / (_LISTED_POSTS + self.others)
        return listed * is_listed + social / (1.0 + self._known(0))

    def _known(self, level: int) -> float:
        return sum(count for own, count in self.posts.items() if own >= level)

    def _beyond(self, level: int) -> float:
        """Posts reckoned from the greatest audience that is known well."""
        top, count = 0, 0.0
        for own in sorted(self.posts, reverse=True):
            top, count = own, count + self.posts[own]
            if count >= _TELLING:
                break
        return count * math.exp2(top - level) if level > top else 0.0

    def _rarest(self, strongest: int, share: float) -> AudienceReading:
        """The number of the greatest negative posts of the window that is expected least often, the fresh one in it."""
        negatives = sorted((post for post in self.recent if post.negative), key=_by_audience)
        found = NO_AUDIENCE
        for number, weakest in enumerate(negatives, 1):
            if weakest.level > strongest:
                continue
            alike = sum(post.level >= weakest.level for post in self.recent)
            if number > 1 and number < share * alike:
                continue  # No more than its usual share of posts that are many for another reason.
            mean = max(self.per_day(weakest.level) * share, _MIN_RATE)
            per_year = _OCCASIONS * at_least(number, mean)
            if per_year < found.per_year:
                first = min(post.bucket for post in negatives[:number])
                found = AudienceReading(rarity(per_year), first, number, per_year)
        return found

    def _learn(self, posts: Sequence[Seen]) -> None:
        for post in posts:
            self.posts[post.level] = self.posts.get(post.level, 0.0) + 1.0
            self.negatives += post.negative


def level_of(audience: int) -> int:
    """The power of two that an audience reaches; 0 for one that is not great."""
    return audience.bit_length() - 1 if audience >= MIN_AUDIENCE else 0


def at_least(number: int, mean: float) -> float:
    """P(N >= number) of a negative binomial of this mean and of the shape _SHAPE."""
    odds = mean / (mean + _SHAPE)
    term = below = math.pow(1.0 - odds, _SHAPE)
    for place in range(1, number):
        term *= odds * (place - 1 + _SHAPE) / place
        below += term
    if 1.0 - below > 1e-6:
        return 1.0 - below
    # What is left is too small for the difference: the first term stands for the rest of a falling series.
    return max(term * odds * (number - 1 + _SHAPE) / number / (1.0 - odds), 1e-12)


def _by_audience(post: Seen) -> tuple[int, int, bool]:
    return (-post.level, post.bucket, not post.negative)
