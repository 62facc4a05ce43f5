"""Scenarios: what happens in a stream, chosen from the population that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pipeline.simulation.events import HOUR, MINUTE, Benign, Crisis, Event
from pipeline.simulation.phrases import Language
from pipeline.simulation.population import Brand


@dataclass(frozen=True, slots=True)
class Scenario:
    """One named course of events.

    Attributes:
        description: one sentence for the command line.
        events: what happens, given the brands and the time (Unix seconds) at which the quiet history ends.
    """

    description: str
    events: Callable[[tuple[Brand, ...], float], tuple[Event, ...]]


def nearest(brands: Iterable[Brand], rate: float, languages: tuple[Language, ...], taken: set[str]) -> Brand:
    """The brand whose size is nearest to `rate`, of these languages and not taken; of any language if none is left."""
    free = [brand for brand in brands if brand.slug not in taken]
    wanted = [brand for brand in free if brand.language in languages] or free
    return min(wanted, key=lambda brand: (abs(brand.rate - rate), brand.slug))


def _quiet(brands: tuple[Brand, ...], history_end: float) -> tuple[Event, ...]:  # noqa: ARG001 (a scenario's signature)
    return ()


def _demo(brands: tuple[Brand, ...], history_end: float) -> tuple[Event, ...]:
    trigger = history_end + 2 * HOUR
    # Americans are awake then; the size is medium, so the crisis can be seen within the hour.
    awake = [brand for brand in brands if -8.0 <= brand.utc_offset <= -5.0]
    burning = nearest(awake or brands, 55.0, ("en",), set())
    slow = nearest(brands, 40.0, ("zh", "ja"), {burning.slug})
    praised = nearest(brands, burning.rate, ("en", "ja", "zh"), {burning.slug, slow.slug})
    crisis = Crisis(brand=burning.slug, cause="product_failure", trigger_time=trigger)
    return (
        crisis,
        Crisis(
            brand=slow.slug,
            cause="false_claim",
            trigger_time=history_end + HOUR,
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
        ),
        # As loud at its peak as the crisis, in the same hours.
        Benign(
            brand=praised.slug,
            start=trigger + 10 * MINUTE,
            peak_ratio=round(max(2.0, crisis.peak_ratio * burning.rate / praised.rate), 2),
            product=2,
        ),
    )


SCENARIOS: Final[dict[str, Scenario]] = {
    "demo": Scenario("One crisis breaks out, one burns slowly, one brand is praised.", _demo),
    "quiet": Scenario("Nothing happens.", _quiet),
}
