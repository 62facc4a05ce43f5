"""Recorded or simulated streams with labels through the very engine: what rang, what was found, how late."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.evaluation.outcomes import Estimate, Found, estimate, found
from detectors.windows import BUCKET_SECONDS, BUCKETS_PER_HOUR
from pipeline.errors import TocsinError
from pipeline.evaluation.labels import Happening
from pipeline.records import OutRecord
from schemas.alert import decode_alert
from schemas.observation import Observation

GRACE_BUCKETS: Final = 6 * BUCKETS_PER_HOUR
"""An alarm so soon after the labelled end is still about the event."""
SIZE_LIMITS: Final = (("S", 30.0), ("M", 600.0), ("L", math.inf))
"""Upper ends of small, medium and large brands, in mentions an hour."""
SECONDS_PER_YEAR: Final = 365.0 * 86_400.0

Starts = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Recording:
    """Counts of every brand in every bucket, (buckets, brands), and since when each brand is known."""

    brands: list[str]
    first_bucket: int
    mentions: NDArray[np.float32]
    negatives: NDArray[np.float32]
    since: NDArray[np.int64]

    def size(self, place: int) -> str:
        """S, M or L by the brand's mean mentions an hour since it is known."""
        seen = self.mentions[int(self.since[place]) :, place]
        rate = float(seen.mean()) * BUCKETS_PER_HOUR
        return next(name for name, limit in SIZE_LIMITS if rate < limit)


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector made of some brands."""

    detector: str
    size: str
    brands: int
    threshold: str
    false_alarms: Estimate
    crises: dict[str, Found]
    others: dict[str, Estimate]


def counts_of(rows: Iterable[tuple[str, int, float, float]]) -> Recording:
    """A recording from (brand, bucket, mentions, negatives); what is given twice adds up, what is not given is 0.

    Raises:
        TocsinError: there are no rows, or they span more than can be held (brands x buckets).
    """
    table: defaultdict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
    for brand, bucket, mentions, negatives in rows:
        n, k = table[brand].get(bucket, (0.0, 0.0))
        table[brand][bucket] = (n + mentions, k + negatives)
    if not table:
        raise TocsinError("expected mentions or observations to evaluate, got none")
    brands = sorted(table)
    first = min(min(buckets) for buckets in table.values())
    last = max(max(buckets) for buckets in table.values())
    if (last - first + 1) * len(brands) > 200_000_000:
        raise TocsinError(
            f"expected at most 200,000,000 brand-buckets, got {len(brands)} brands over {last - first + 1} buckets; "
            "evaluate fewer brands or a shorter time"
        )
    seen, bad = (np.zeros((last - first + 1, len(brands)), np.float32) for _ in range(2))
    since = np.empty(len(brands), np.int64)
    for place, brand in enumerate(brands):
        where = np.array(sorted(table[brand]), np.int64)
        values = np.array([table[brand][int(bucket)] for bucket in where], np.float32)
        seen[where - first, place], bad[where - first, place] = values[:, 0], values[:, 1]
        since[place] = where[0] - first
    return Recording(brands, first, seen, bad, since)


class _BrandAndTime(msgspec.Struct):
    brand: str
    event_time: datetime


class MentionCounter:
    """Counts mentions by brand and bucket as their lines pass by; lines that the engine will refuse do not count."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._decoder = msgspec.json.Decoder(_BrandAndTime)
        self._counts: Counter[tuple[str, int]] = Counter()

    def see(self, line: bytes) -> bytes:
        """Count the mention in the line; gives the line back."""
        try:
            mention = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return line  # the engine makes a dead letter of it, with its reason
        if mention.event_time.tzinfo is not None:
            self._counts[mention.brand, int(mention.event_time.timestamp()) // BUCKET_SECONDS] += 1
        return line

    def recording(self) -> Recording:
        """What was counted; the tone is not known here, so there are no negatives.

        Raises:
            TocsinError: as counts_of.
        """
        return counts_of((brand, bucket, float(count), 0.0) for (brand, bucket), count in self._counts.items())


def observation_counts(rows: Iterable[Observation]) -> Recording:
    """The recording of aggregated history."""
    return counts_of((row.brand, row.start // BUCKET_SECONDS, float(row.mentions), row.negatives) for row in rows)


def crisis_starts(alerts: Iterable[OutRecord], recording: Recording) -> Starts:
    """Buckets of the recording in which crisis episodes opened, by brand."""
    found_starts: defaultdict[str, list[int]] = defaultdict(list)
    for record in alerts:
        alert = decode_alert(record.value or b"")
        if alert.kind == "crisis" and alert.transition == "opened":
            bucket = int(alert.detected_time.timestamp()) // BUCKET_SECONDS - 1
            found_starts[alert.brand].append(bucket - recording.first_bucket)
    return {brand: np.array(sorted(starts), np.int64) for brand, starts in found_starts.items()}


def outcome(
    detector: str, threshold: str, recording: Recording, happenings: Sequence[Happening], starts: Starts
) -> list[OutcomeRow]:
    """Rows by size of brand, and one of all brands."""
    sizes = [recording.size(place) for place in range(len(recording.brands))]
    groups = {name: [place for place, size in enumerate(sizes) if size == name] for name, _ in SIZE_LIMITS}
    groups["all"] = list(range(len(sizes)))
    return [
        _row(detector, threshold, name, recording, places, happenings, starts)
        for name, places in groups.items()
        if places
    ]


def _row(
    detector: str,
    threshold: str,
    size: str,
    recording: Recording,
    places: list[int],
    happenings: Sequence[Happening],
    starts: Starts,
) -> OutcomeRow:
    by_brand: defaultdict[str, list[Happening]] = defaultdict(list)
    for happening in happenings:
        by_brand[happening.brand].append(happening)
    delays: defaultdict[str, list[list[float]]] = defaultdict(list)
    rang: defaultdict[str, list[float]] = defaultdict(list)
    false, years = [], []
    for place in places:
        brand = recording.brands[place]
        alarms = starts.get(brand, np.array([], np.int64))
        alarms = alarms[alarms >= recording.since[place]]
        own = [happening for happening in by_brand[brand] if _is_inside(recording, happening)]
        unexplained, watched = np.ones(len(alarms), bool), len(recording.mentions) - int(recording.since[place])
        of_kind: defaultdict[str, list[float]] = defaultdict(list)
        other_kinds: defaultdict[str, list[float]] = defaultdict(list)
        for happening in own:
            begin, end = _bucket(recording, happening.begin), _bucket(recording, happening.end)
            within = (alarms >= begin) & (alarms <= end + GRACE_BUCKETS)
            if happening.is_crisis:
                of_kind[happening.kind].append(_delay(recording, happening, alarms))
                unexplained &= ~within
                watched -= min(end + GRACE_BUCKETS, len(recording.mentions) - 1) - max(begin, 0) + 1
            else:
                other_kinds[happening.kind].append(float(within.any()))
        for kind, values in of_kind.items():
            delays[kind].append(values)
        for kind, values in other_kinds.items():
            rang[kind].append(sum(values) / len(values))
        false.append(float(unexplained.sum()))
        years.append(max(watched, 0) * BUCKET_SECONDS / SECONDS_PER_YEAR)
    crises = {kind: found(values) for kind, values in sorted(delays.items())}
    if len(crises) > 1:
        crises["all"] = found([brand for values in delays.values() for brand in values])
    return OutcomeRow(
        detector=detector,
        size=size,
        brands=len(places),
        threshold=threshold,
        false_alarms=estimate(false, years) if sum(years) > 0.0 else Estimate(0.0, 0.0, math.inf, 0.0, 0.0),
        crises=crises,
        others={kind: estimate(values, [1.0] * len(values), is_share=True) for kind, values in sorted(rang.items())},
    )


def _bucket(recording: Recording, seconds: float) -> int:
    return int(seconds // BUCKET_SECONDS) - recording.first_bucket


def _is_inside(recording: Recording, happening: Happening) -> bool:
    return 0 <= _bucket(recording, happening.onset) < len(recording.mentions)


def _delay(recording: Recording, happening: Happening, alarms: NDArray[np.int64]) -> float:
    """Minutes from the onset to the end of the bucket that rang; negative for an alarm between begin and onset."""
    begin = _bucket(recording, happening.begin)
    last = _bucket(recording, happening.onset + happening.horizon_hours * 3600.0)
    heard = alarms[(alarms >= begin) & (alarms < last)]
    if not heard.size:
        return math.inf
    return ((int(heard[0]) + 1 + recording.first_bucket) * BUCKET_SECONDS - happening.onset) / 60.0
