"""Scenarios: named courses of events, whose brands are chosen from a given population."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.simulation.stream.events import (
    HOUR,
    MINUTE,
    Benign,
    BenignKind,
    ClassifierDrift,
    Crisis,
    Event,
    Holiday,
    LevelShift,
    Silence,
)
from pipeline.simulation.stream.phrases import CAUSES, LANGUAGES, Language
from pipeline.simulation.stream.population import Brand


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of events.

    Attributes:
        description: one sentence for the command line.
        events: the events, given a choice of brands and the time (Unix seconds) at which the quiet history ends.
        min_brands: minimum number of brands.
    """

    description: str
    events: Callable[[Choice, float], tuple[Event, ...]]
    min_brands: int = 3


class Choice:
    """A choice of brands for events, each brand once."""

    def __init__(self, brands: Sequence[Brand]) -> None:
        """Start with every brand free."""
        self.brands = tuple(brands)
        self._free = {brand.slug: brand for brand in brands}

    def take(
        self, rate: float, languages: tuple[Language, ...] = LANGUAGES, offsets: tuple[float, float] = (-12.0, 14.0)
    ) -> Brand:
        """The free brand that fits best: in language before place, in place before size within a factor of two.

        Args:
            rate: wanted mentions per hour.
            languages: wanted home languages.
            offsets: hours between which the brand's UTC offset should lie.

        Raises:
            ValueError: no brand is free.
        """

        def misfit(brand: Brand) -> tuple[float, str]:
            distance = abs(math.log(brand.rate / rate))
            distance += 0.0 if offsets[0] <= brand.utc_offset <= offsets[1] else math.log(2.0)
            return distance + (0.0 if brand.language in languages else math.log(8.0)), brand.slug

        chosen = min(self._free.values(), key=misfit)
        del self._free[chosen.slug]
        return chosen


_MEDIUM: Final = 55.0
_SIZES: Final = (_MEDIUM, 20.0, 120.0, 8.0, 35.0)


def _quiet(_choice: Choice, _history_end: float) -> tuple[Event, ...]:
    return ()


def _demo(choice: Choice, history_end: float) -> tuple[Event, ...]:
    trigger = history_end + 2 * HOUR
    # Americans are awake then, and a brand of medium size shows a crisis within the hour.
    burning = choice.take(_MEDIUM, ("en",), (-8.0, -5.0))
    slow = choice.take(40.0, ("zh", "ja"))
    praised = choice.take(burning.rate, ("en",), (-8.0, -5.0))
    crisis = Crisis(brand=burning.slug, cause="product_failure", trigger_time=trigger)
    return (
        crisis,
        _slow(slow.slug, "false_claim", history_end + HOUR),
        # As many mentions at its peak as the crisis has, in the same hours.
        Benign(
            brand=praised.slug,
            start=trigger + 10 * MINUTE,
            peak_ratio=round(max(2.0, crisis.peak_ratio * burning.rate / praised.rate), 2),
            product=2,
        ),
    )


def _slow(brand: str, cause: str, trigger_time: float) -> Crisis:
    return Crisis(
        brand=brand,
        cause=cause,
        trigger_time=trigger_time,
        shape="slow",
        peak_ratio=5.0,
        peak_negative_share=0.6,
        hold=3 * HOUR,
        decay=4 * HOUR,
        duration=23 * HOUR,
        followers=9_000,
        spread_after=3 * HOUR,
        news_after=6 * HOUR,
        product=1,
    )


def _crises(choice: Choice, history_end: float) -> tuple[Event, ...]:
    events: list[Event] = []
    for place, cause in enumerate(CAUSES):
        time = history_end + (1 + place) * HOUR
        events.append(Crisis(brand=choice.take(_SIZES[place]).slug, cause=cause, trigger_time=time, product=place))
        events.append(_slow(choice.take(_SIZES[place]).slug, cause, time))
    return tuple(events)


def _benign(choice: Choice, history_end: float) -> tuple[Event, ...]:
    kinds: tuple[BenignKind, ...] = ("praise", "giveaway", "match_day", "meme", "launch")
    return tuple(
        Benign(brand=choice.take(_SIZES[place]).slug, kind=kind, start=history_end + (2 + place) * HOUR)
        for place, kind in enumerate(kinds)
    )


def _flare_up(choice: Choice, history_end: float) -> tuple[Event, ...]:
    return (
        Crisis(
            brand=choice.take(_MEDIUM).slug,
            cause="insensitive_post",
            trigger_time=history_end + HOUR,
            hold=HOUR,
            decay=HOUR,
            flare_up_after=9 * HOUR,
            flare_up=0.8,
        ),
    )


def _industry(choice: Choice, history_end: float) -> tuple[Event, ...]:
    sizes = Counter(brand.category for brand in choice.brands)
    category = min(sizes, key=lambda name: (-sizes[name], name))
    return tuple(
        Crisis(
            brand=brand.slug,
            cause="scandal",
            trigger_time=history_end + 2 * HOUR,
            peak_ratio=3.0,
            peak_negative_share=0.45,
            category=category,
        )
        for brand in choice.brands
        if brand.category == category
    )


def _feed_gap(_choice: Choice, history_end: float) -> tuple[Event, ...]:
    return (Silence(start=history_end + 4 * HOUR, end=history_end + 10 * HOUR),)


def _newcomer(choice: Choice, history_end: float) -> tuple[Event, ...]:
    brand, start = choice.take(_MEDIUM).slug, history_end + 3 * HOUR
    return (Silence(start=0.0, end=start, brands=(brand,)), Benign(brand=brand, start=start, kind="meme"))


def _level_shift(choice: Choice, history_end: float) -> tuple[Event, ...]:
    brands = tuple(choice.take(size).slug for size in _SIZES[:3])
    return (LevelShift(start=history_end + 2 * HOUR, ratio=3.0, brands=brands),)


def _holidays(choice: Choice, history_end: float) -> tuple[Event, ...]:
    """A day of the home country, from midnight to midnight there: fewer mentions in one language, more in the next."""
    events: list[Event] = []
    for ratio, language in zip((0.4, 2.5, 0.6), LANGUAGES, strict=True):
        offsets = sorted({brand.utc_offset for brand in choice.brands if brand.language == language})
        for offset in offsets:
            slugs = tuple(b.slug for b in choice.brands if b.language == language and b.utc_offset == offset)
            local_midnight = math.ceil((history_end / HOUR + offset) / 24.0) * 24.0 - offset
            events.append(
                Holiday(start=local_midnight * HOUR, end=(local_midnight + 24.0) * HOUR, ratio=ratio, brands=slugs)
            )
    return tuple(events)


def _classifier_drift(_choice: Choice, history_end: float) -> tuple[Event, ...]:
    return (ClassifierDrift(start=history_end, end=history_end + 18 * HOUR, missed=0.3, invented=0.12),)


def _mixed(choice: Choice, history_end: float) -> tuple[Event, ...]:
    parts = (_crises, _benign, _flare_up, _newcomer, _level_shift)
    return tuple(event for part in parts for event in part(choice, history_end))


SCENARIOS: Final[dict[str, Scenario]] = {
    "demo": Scenario("one crisis breaks out, one burns slowly, one brand is praised", _demo),
    "quiet": Scenario("nothing happens", _quiet),
    "crises": Scenario("each cause once suddenly and once slowly", _crises, 10),
    "benign": Scenario("praise, a giveaway, a match day, a meme and a launch", _benign, 5),
    "flare-up": Scenario("a crisis with a second wave", _flare_up),
    "industry": Scenario("every brand of one category moves alike", _industry),
    "feed-gap": Scenario("nothing arrives for six hours", _feed_gap),
    "newcomer": Scenario("a brand is first mentioned in a burst", _newcomer),
    "level-shift": Scenario("three brands are talked about three times as much from then on", _level_shift),
    "holidays": Scenario("a holiday in each home country, with fewer or more mentions", _holidays),
    "classifier-drift": Scenario(
        "the classifier behind trusted sentiments grows worse for all brands", _classifier_drift
    ),
    "mixed": Scenario("crises, benign, flare-up, newcomer and level-shift at once", _mixed, 20),
}
SCENARIO_ALIASES: Final = {"feed-hole": "feed-gap"}
"""Former names of scenarios, still accepted on the command line."""
