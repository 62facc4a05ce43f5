"""Labels of a simulated stream: which event happens to which brand, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

from pipeline.simulation.stream.events import (
    MINUTE,
    ClassifierDrift,
    Crisis,
    Event,
    Holiday,
    LevelShift,
    Scaling,
    Silence,
    Surge,
)
from pipeline.simulation.stream.population import Brand
from schemas.moments import moment

ONSET_RATIO: Final = 1.5
"""Volume over normal at which an event begins, and below which it is over."""


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of one brand.

    `kind` is crisis, industry, launch, praise, giveaway, match_day, meme, silence, level_shift, holiday or
    classifier_drift. `end_time` is at most the end of the stream; `onset_time` is left out where the volume never
    exceeds ONSET_RATIO before it. `peak_ratio` (volume over normal) and `peak_negative_share` are expectations at
    `peak_time`, without noise.
    """

    brand: str
    kind: str
    shape: str | None = None
    cause: str | None = None
    trigger_id: str | None = None
    trigger_time: datetime
    onset_time: datetime | None = None
    peak_time: datetime | None = None
    end_time: datetime
    base_rate: float
    peak_ratio: float
    base_negative_share: float
    peak_negative_share: float


class BrandFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One brand of the stream; `rate` is mentions per hour, averaged over a week without events."""

    brand: str
    name: str
    language: str
    category: str
    rate: float
    negative_share: float


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about a stream before it is written. The stream covers [start, end)."""

    version: Literal[1] = 1
    scenario: str
    seed: int
    start: datetime
    history_end: datetime
    end: datetime
    brands: tuple[BrandFacts, ...]
    labels: tuple[Label, ...]


def encode_labels(labels: Labels) -> bytes:
    """The labels as indented JSON with a line feed at the end."""
    return msgspec.json.format(msgspec.json.encode(labels), indent=1) + b"\n"


def decode_labels(value: bytes) -> Labels:
    """The labels in a file written by encode_labels.

    Raises:
        msgspec.DecodeError: not JSON; msgspec.ValidationError (a subclass): JSON, but not labels of version 1.
    """
    return msgspec.json.decode(value, type=Labels)


def instant(seconds: float) -> datetime:
    """The UTC datetime of a Unix time."""
    return moment(seconds)


def label_events(
    events: Iterable[Event], brands: Iterable[Brand], trigger_ids: dict[Surge, str], start: float, end: float
) -> tuple[Label, ...]:
    """The labels of a scenario's events, by brand and time.

    Args:
        events: events of the scenario.
        brands: the population.
        trigger_ids: id of the trigger post of each surge.
        start: start of the stream, Unix seconds.
        end: end of the stream, Unix seconds.
    """
    known = {brand.slug: brand for brand in brands}
    found = []
    for event in events:
        if isinstance(event, Scaling | ClassifierDrift):
            affected = () if isinstance(event, ClassifierDrift) else event.brands
            found += [_lasting_label(event, known[slug], start, end) for slug in affected or known]
        elif event.trigger_time < end:
            found.append(_surge_label(event, known[event.brand], trigger_ids[event], end))
    return tuple(sorted(found, key=lambda label: (label.trigger_time, label.brand, label.kind)))


def _lasting_label(event: Scaling | ClassifierDrift, brand: Brand, start: float, end: float) -> Label:
    share = brand.negative_share
    kinds = {Silence: "silence", LevelShift: "level_shift", Holiday: "holiday", ClassifierDrift: "classifier_drift"}
    drift = event if isinstance(event, ClassifierDrift) else None
    # A lower level and a worse classifier stay to the end of the stream.
    over = event.end if isinstance(event, Silence | Holiday) else end
    return Label(
        brand=brand.slug,
        kind=kinds[type(event)],
        trigger_time=instant(max(event.start, start)),
        end_time=instant(min(over, end)),
        base_rate=brand.rate,
        peak_ratio=event.ratio if isinstance(event, LevelShift | Holiday) else 1.0 if drift else 0.0,
        base_negative_share=share,
        peak_negative_share=round(drift.seen_share(share), 4) if drift else share,
    )


def _surge_label(event: Surge, brand: Brand, trigger_id: str, end: float) -> Label:
    times = [event.start + MINUTE * minute for minute in range(int((min(event.end, end) - event.start) // MINUTE) + 1)]
    above = [time for time in times if 1.0 + event.excess(time) > ONSET_RATIO]
    peak = max(times, key=event.excess, default=None)
    negative, _ = event.tones(brand)
    excess = 0.0 if peak is None else event.excess(peak)
    return Label(
        brand=event.brand,
        kind=event.kind,
        shape=event.shape if isinstance(event, Crisis) else None,
        cause=event.cause if isinstance(event, Crisis) else None,
        trigger_id=trigger_id,
        trigger_time=instant(event.trigger_time),
        onset_time=instant(above[0]) if above else None,
        peak_time=None if peak is None else instant(peak),
        end_time=instant(above[-1] if above else min(event.end, end)),
        base_rate=brand.rate,
        peak_ratio=round(1.0 + excess, 3),
        base_negative_share=brand.negative_share,
        peak_negative_share=round((brand.negative_share + excess * negative) / (1.0 + excess), 4),
    )
