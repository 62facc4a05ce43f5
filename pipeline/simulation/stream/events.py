"""Kinds of events in a simulated stream, as values: crises, benign bursts, changes of the volume or its reading.

Times are Unix seconds, lengths are seconds. `excess(time)` is the additional volume as a multiple of the volume that
the brand would have without the event: 0 outside the event, peak_ratio - 1 at its peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pipeline.simulation.stream.population import Brand

Shape = Literal["sudden", "slow"]
BenignKind = Literal["launch", "praise", "giveaway", "match_day", "meme"]

MINUTE: Final = 60.0
HOUR: Final = 3600.0


def _curve(elapsed: float, rise: float, hold: float, half_life: float) -> float:
    """Linear rise to 1, a plateau, an exponential decay; 0 before the start."""
    if elapsed <= 0.0:
        return 0.0
    if elapsed < rise:
        return elapsed / rise
    if elapsed <= rise + hold:
        return 1.0
    return float(0.5 ** ((elapsed - rise - hold) / half_life))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crisis:
    """A crisis: volume and negative share rise together, after a trigger post.

    Attributes:
        brand: slug.
        cause: one of phrases.CAUSES.
        trigger_time: time of the trigger post.
        lag: time from the trigger post to the beginning of the rise.
        shape: sudden (minutes) or slow (hours); sets `rise` where that is 0.
        peak_ratio: volume at the peak, as a multiple of the brand's normal.
        peak_negative_share: share of negative mentions among all mentions at the peak.
        rise, hold, decay: length of the rise, of the plateau, and half-life of the decay.
        duration: time from the beginning of the rise to its end, where the volume is normal again.
        followers: followers of the author of the trigger post.
        spread_after, news_after: time from the beginning of the rise to the first posts elsewhere, and to news.
        flare_up_after: time from the beginning of the rise to a second wave, 0: none; flare_up is its height in peaks.
        product: index of the product that it is about.
        category: set where the move is common to the brands of a category; such a move is no crisis of the brand.
    """

    brand: str
    cause: str
    trigger_time: float
    lag: float = 20 * MINUTE
    shape: Shape = "sudden"
    peak_ratio: float = 8.0
    peak_negative_share: float = 0.68
    rise: float = 0.0
    hold: float = 90 * MINUTE
    decay: float = 2.5 * HOUR
    duration: float = 18 * HOUR
    followers: int = 45_000
    spread_after: float = 40 * MINUTE
    news_after: float = 100 * MINUTE
    flare_up_after: float = 0.0
    flare_up: float = 0.7
    product: int = 0
    category: str = ""

    @property
    def start(self) -> float:
        """The beginning of the rise."""
        return self.trigger_time + self.lag

    @property
    def end(self) -> float:
        """The time from which the volume is normal again."""
        return self.start + self.duration

    @property
    def topic(self) -> str:
        """The section of the phrasebook."""
        return self.cause

    @property
    def kind(self) -> str:
        """The kind on the label."""
        return "industry" if self.category else "crisis"

    def excess(self, time: float) -> float:
        """Additional volume, as a multiple of the brand's normal."""
        if time >= self.end:
            return 0.0
        rise = self.rise or (30 * MINUTE if self.shape == "sudden" else 8 * HOUR)
        level = _curve(time - self.start, rise, self.hold, self.decay)
        if self.flare_up_after:
            level = max(level, self.flare_up * _curve(time - self.start - self.flare_up_after, rise, 0.0, self.decay))
        return (self.peak_ratio - 1.0) * level

    def tones(self, brand: Brand) -> tuple[float, float]:
        """Negative and positive share among the additional mentions, such that the whole has the wanted share."""
        negative = (self.peak_ratio * self.peak_negative_share - brand.negative_share) / (self.peak_ratio - 1.0)
        negative = min(max(negative, 0.0), 0.98)
        return negative, (1.0 - negative) * 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Benign:
    """A benign burst, volume without negativity: a launch, praise for a good deed, a giveaway, a match day, a meme.

    Attributes:
        brand: slug.
        kind: what it is; also the section of the phrasebook.
        start: time of the first post, at which the volume begins to rise.
        peak_ratio: volume at the peak, as a multiple of the brand's normal.
        rise, hold, decay: length of the rise, of the plateau, and half-life of the decay.
        duration: time from the start to the end, where the volume is normal again.
        followers: followers of the author of the first post (the brand itself).
        spread_after, news_after: as for a crisis.
        product: index of the product that it is about.
    """

    brand: str
    start: float
    kind: BenignKind = "praise"
    peak_ratio: float = 8.0
    rise: float = 30 * MINUTE
    hold: float = 90 * MINUTE
    decay: float = 2.5 * HOUR
    duration: float = 18 * HOUR
    followers: int = 80_000
    spread_after: float = 20 * MINUTE
    news_after: float = 100 * MINUTE
    product: int = 0

    @property
    def trigger_time(self) -> float:
        """The time of the first post."""
        return self.start

    @property
    def end(self) -> float:
        """The time from which the volume is normal again."""
        return self.start + self.duration

    @property
    def topic(self) -> str:
        """The section of the phrasebook."""
        return self.kind

    def excess(self, time: float) -> float:
        """Additional volume, as a multiple of the brand's normal."""
        if time >= self.end:
            return 0.0
        return (self.peak_ratio - 1.0) * _curve(time - self.start, self.rise, self.hold, self.decay)

    def tones(self, brand: Brand) -> tuple[float, float]:
        """Negative and positive share among the additional mentions: never more negative than the brand's normal."""
        positive = {"launch": 0.5, "praise": 0.72, "giveaway": 0.25, "match_day": 0.6, "meme": 0.4}[self.kind]
        return brand.negative_share * (0.4 if self.kind == "praise" else 0.7), positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A silence: a gap in the feed, or a brand that is not known yet. Without brands it holds for all of them."""

    start: float
    end: float
    brands: tuple[str, ...] = ()

    def factor(self, time: float) -> float:
        """The factor by which the volume is multiplied."""
        return 0.0 if self.start <= time < self.end else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShift:
    """A lasting change: from `start` on the brands have `ratio` times as many mentions, in their usual tone."""

    start: float
    ratio: float
    brands: tuple[str, ...]

    def factor(self, time: float) -> float:
        """The factor by which the volume is multiplied."""
        return self.ratio if time >= self.start else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A holiday: a day on which the brands have fewer, or more, mentions, in their usual tone."""

    start: float
    end: float
    ratio: float
    brands: tuple[str, ...]

    def factor(self, time: float) -> float:
        """The factor by which the volume is multiplied."""
        return self.ratio if self.start <= time < self.end else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierDrift:
    """A drift of the classifier behind trusted sentiments: it grows worse, evenly from `start` to `end`, and stays so.

    Texts keep the tone they are meant in. What becomes wrong is `sentiment`, and with it the count of negatives.

    Attributes:
        start, end: beginning and end of the decline.
        missed: share of the negative mentions that are classified as neutral in the end.
        invented: share of the other mentions that are classified as negative in the end.
    """

    start: float
    end: float
    missed: float
    invented: float

    def errors(self, time: float) -> tuple[float, float]:
        """The shares of missed and of invented negatives at a time."""
        part = min(max((time - self.start) / (self.end - self.start), 0.0), 1.0)
        return self.missed * part, self.invented * part

    def seen_share(self, share: float) -> float:
        """The negative share that is seen in the end, for a true one."""
        return share * (1.0 - self.missed) + (1.0 - share) * self.invented


Surge = Crisis | Benign
Scaling = Silence | LevelShift | Holiday
Event = Surge | Scaling | ClassifierDrift
