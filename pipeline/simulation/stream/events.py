"""What can happen in a simulated stream, as values: crises, benign bursts, and what changes the volume or its reading.

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
    """Volume and negative share rise together, after a trigger post.

    Attributes:
        brand: slug.
        cause: one of phrases.CAUSES.
        trigger_time: when the trigger post appears.
        lag: from the trigger post to the beginning of the rise.
        shape: sudden (minutes) or slow (hours); sets `rise` where that is 0.
        peak_ratio: volume at the peak, as a multiple of the brand's normal.
        peak_negative_share: share of negative mentions among all mentions at the peak.
        rise, hold, decay: length of the rise, of the plateau, and half-life of the decay.
        duration: after trigger_time + lag + duration nothing of it is left.
        followers: of the author of the trigger post.
        spread_after, news_after: from the beginning of the rise to the first posts on other platforms, and news.
        flare_up_after: from the beginning of the rise to a second wave, 0 for none; flare_up is its height in peaks.
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
        """Beginning of the rise."""
        return self.trigger_time + self.lag

    @property
    def end(self) -> float:
        """From here on the volume is normal again."""
        return self.start + self.duration

    @property
    def topic(self) -> str:
        """Section of the phrasebook."""
        return self.cause

    @property
    def kind(self) -> str:
        """Kind on the label."""
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
        """Negative and positive share among the additional mentions, so that the whole has the share asked for."""
        negative = (self.peak_ratio * self.peak_negative_share - brand.negative_share) / (self.peak_ratio - 1.0)
        negative = min(max(negative, 0.0), 0.98)
        return negative, (1.0 - negative) * 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Benign:
    """Volume without negativity: a launch, praise for a good deed, a giveaway, a match day, a meme.

    Attributes:
        brand: slug.
        kind: what it is; also the section of the phrasebook.
        start: when the first post appears and the volume begins to rise.
        peak_ratio: volume at the peak, as a multiple of the brand's normal.
        rise, hold, decay: length of the rise, of the plateau, and half-life of the decay.
        duration: after start + duration nothing of it is left.
        followers: of the author of the first post (the brand itself).
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
        """When the first post appears."""
        return self.start

    @property
    def end(self) -> float:
        """From here on the volume is normal again."""
        return self.start + self.duration

    @property
    def topic(self) -> str:
        """Section of the phrasebook."""
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
    """Nothing arrives: a hole in the feed, or a brand that is not known yet. No brands means all of them."""

    start: float
    end: float
    brands: tuple[str, ...] = ()

    def factor(self, time: float) -> float:
        """What remains of the volume."""
        return 0.0 if self.start <= time < self.end else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShift:
    """From `start` on the brands are talked about `ratio` times as much, in their usual tone."""

    start: float
    ratio: float
    brands: tuple[str, ...]

    def factor(self, time: float) -> float:
        """By how much the volume is multiplied."""
        return self.ratio if time >= self.start else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A day on which people talk less, or more, about the brands, in their usual tone."""

    start: float
    end: float
    ratio: float
    brands: tuple[str, ...]

    def factor(self, time: float) -> float:
        """By how much the volume is multiplied."""
        return self.ratio if self.start <= time < self.end else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierDrift:
    """The classifier that gives trusted sentiments grows worse, evenly from `start` to `end`, and stays so.

    People write as ever: texts keep the tone they are meant in. What is wrong is `sentiment`, and what is counted as
    negative.

    Attributes:
        start, end: of the decline.
        missed: share of the negative mentions that it takes for neutral in the end.
        invented: share of the other mentions that it takes for negative in the end.
    """

    start: float
    end: float
    missed: float
    invented: float

    def errors(self, time: float) -> tuple[float, float]:
        """Shares of missed and of invented negatives at a time."""
        part = min(max((time - self.start) / (self.end - self.start), 0.0), 1.0)
        return self.missed * part, self.invented * part

    def seen_share(self, share: float) -> float:
        """What becomes of a true negative share in the end."""
        return share * (1.0 - self.missed) + (1.0 - share) * self.invented


Surge = Crisis | Benign
Scaling = Silence | LevelShift | Holiday
Event = Surge | Scaling | ClassifierDrift
