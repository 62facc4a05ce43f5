"""Recorded or simulated streams with labels, as the engine saw them: alarms, crises detected, delay."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TocsinError
from pipeline.evaluation.coverage import Spans, length, moved, returns, within, without
from pipeline.evaluation.labels import LabelledEvent
from pipeline.evaluation.scoring.onsets import Dated, OnsetErrors, dated_by, onset_errors
from pipeline.evaluation.scoring.outcomes import Estimate, Found, estimate, found
from schemas.alert import Alert
from schemas.mention import event_seconds, record_key
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY, BUCKETS_PER_HOUR, Observation

GRACE_BUCKETS: Final = 6 * BUCKETS_PER_HOUR
"""Buckets after the labelled end of an event in which an alarm is still about the event."""
SIZE_LIMITS: Final = (("S", 30.0), ("M", 600.0), ("L", math.inf))
"""Upper ends of small, medium and large brands, in mentions per hour."""
SECONDS_PER_YEAR: Final = 365.0 * 86_400.0
BUCKETS_PER_MONTH: Final = 30.0 * BUCKETS_PER_DAY
_NONE: Final = np.array([], np.int64)

Starts = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Recording:
    """Counts of every brand in every bucket, (buckets, brands), and when each brand is known.

    Attributes:
        since: bucket of a brand's first mention; without `coverage` it is known from there to the end.
        coverage: when each brand is covered, in buckets since 1970; None where it is not given.
        gaps: of the whole feed, in buckets since 1970.
    """

    brands: list[str]
    first_bucket: int
    mentions: NDArray[np.float32]
    negatives: NDArray[np.float32]
    since: NDArray[np.int64]
    coverage: dict[str, Spans] | None = None
    gaps: Spans = field(default_factory=list)

    def covered(self, place: int) -> Spans:
        """Buckets of the recording in which the brand was covered; what happened outside them is unknown."""
        buckets = len(self.mentions)
        if self.coverage is None:
            return [(int(self.since[place]), buckets)]
        return moved(self.coverage.get(self.brands[place], []), self.first_bucket, buckets)

    def own_gaps(self) -> Spans:
        """The gaps of the feed, in buckets of the recording."""
        return moved(self.gaps, self.first_bucket, len(self.mentions))

    def rate(self, place: int) -> float:
        """The brand's mean mentions per hour of coverage, gaps apart."""
        spans = without(self.covered(place), self.own_gaps())
        seen = sum(float(self.mentions[begin:end, place].sum(dtype=np.float64)) for begin, end in spans)
        return seen * BUCKETS_PER_HOUR / max(length(spans), 1)

    def size(self, place: int) -> str:
        """S, M or L by the brand's mean mentions per hour."""
        return next(name for name, limit in SIZE_LIMITS if self.rate(place) < limit)


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a detector on brands of one size: false alarms, and what it found by kind of event."""

    detector: str
    size: str
    brands: int
    threshold: str
    false_alarms: Estimate
    crises: dict[str, Found]
    others: dict[str, Estimate]


def counts_of(rows: Iterable[tuple[str, int, float, float]]) -> Recording:
    """A recording from (brand, bucket, mentions, negatives); rows of one bucket add up, a missing row is 0.

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


class MentionCounter:
    """Counts mentions by brand and bucket as their lines pass by; lines that the engine will refuse do not count."""

    def __init__(self) -> None:
        """Start with no counts."""
        self._counts: Counter[tuple[str, int]] = Counter()

    def see(self, line: bytes) -> bytes:
        """Count the mention in the line, and return the line."""
        key, seconds = record_key(line), event_seconds(line)
        if key is not None and seconds is not None:  # else the engine makes a dead letter of it, with its reason
            self._counts[key.decode("utf-8", "replace"), int(seconds) // BUCKET_SECONDS] += 1
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


def episode_starts(alerts: Iterable[Alert], recording: Recording, kind: str = "crisis") -> Starts:
    """Buckets of the recording in which episodes of one kind opened, by brand."""
    found_starts: defaultdict[str, list[int]] = defaultdict(list)
    for alert in alerts:
        if (alert.scope, alert.kind, alert.transition) == ("brand", kind, "opened"):
            bucket = int(alert.detected_time.timestamp()) // BUCKET_SECONDS - 1
            found_starts[alert.brand].append(bucket - recording.first_bucket)
    return {brand: np.array(sorted(starts), np.int64) for brand, starts in found_starts.items()}


def dated_crises(alerts: Iterable[Alert], events: Iterable[LabelledEvent]) -> dict[str, OnsetErrors]:
    """How well the alerts of labelled crises date their onset, by kind of crisis; only of those that were found."""
    opened: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if (alert.scope, alert.kind, alert.transition) == ("brand", "crisis", "opened"):
            opened[alert.brand].append(alert)
    dated: defaultdict[str, list[Dated]] = defaultdict(list)
    for event in events:
        last = event.onset + event.horizon_hours * 3600.0
        about = (one for one in opened[event.brand] if event.begin <= one.detected_time.timestamp() <= last)
        first = min(about, key=lambda alert: alert.detected_time, default=None)
        if event.is_crisis and first is not None:
            dated[event.kind].append(dated_by(first, event.onset))
    return {kind: errors for kind, own in sorted(dated.items()) if (errors := onset_errors(own)) is not None}


class EpisodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """The episodes of one kind that opened on brands of one size, labelled or not.

    Attributes:
        kind: one of schemas.alert.KINDS.
        size: range of mentions per hour, in words.
        brands: number of brands of this size.
        per_month: episodes per brand and 30 covered days.
    """

    kind: str
    size: str
    brands: int
    per_month: Estimate


class GapRow(msgspec.Struct, frozen=True, kw_only=True):
    """The episodes of one kind that opened in a gap in the feed, or on the return from one.

    Attributes:
        opened: episodes in all covered time.
        in_gap, on_return: how many of them opened there.
        by_chance: how many would have opened on returns if a return were a time like any other outside gaps.
    """

    kind: str
    opened: int
    in_gap: int
    on_return: int
    by_chance: float


def episode_rows(recording: Recording, kind: str, starts: Starts) -> list[EpisodeRow]:
    """Episodes per brand and month by decade of size, and for all brands."""
    rates = [recording.rate(place) for place in range(len(recording.brands))]
    decades = [math.floor(math.log10(rate)) if rate > 0.0 else -9 for rate in rates]
    groups: dict[str, list[int]] = {}
    for decade in sorted(set(decades)):
        name = f"{10.0**decade:,g} to {10.0 ** (decade + 1):,g} an hour"
        groups[name] = [place for place, own in enumerate(decades) if own == decade]
    groups["all"] = list(range(len(rates)))
    gaps = recording.own_gaps()
    rows = []
    for name, places in groups.items():
        months = [length(without(recording.covered(place), gaps)) / BUCKETS_PER_MONTH for place in places]
        opened = [
            len(_inside(starts.get(recording.brands[place], _NONE), recording.covered(place))) for place in places
        ]
        if sum(months) > 0.0:
            rows.append(EpisodeRow(kind=kind, size=name, brands=len(places), per_month=estimate(opened, months)))
    return rows


def gap_row(recording: Recording, kind: str, starts: Starts) -> GapRow:
    """The episodes that opened in gaps and on the return from them."""
    gaps = recording.own_gaps()
    after = moved(returns(gaps), 0, len(recording.mentions))
    opened = in_gap = on_return = fed_time = return_time = 0
    for place, brand in enumerate(recording.brands):
        covered = recording.covered(place)
        alarms = [int(alarm) for alarm in _inside(starts.get(brand, _NONE), covered)]
        opened += len(alarms)
        in_gap += sum(within(gaps, alarm) for alarm in alarms)
        on_return += sum(within(after, alarm) for alarm in alarms)
        fed = without(covered, gaps)
        fed_time += length(fed)
        return_time += length(fed) - length(without(fed, after))
    chance = (opened - in_gap) * return_time / max(fed_time, 1)
    return GapRow(kind=kind, opened=opened, in_gap=in_gap, on_return=on_return, by_chance=chance)


def outcome(
    detector: str, threshold: str, recording: Recording, events: Sequence[LabelledEvent], starts: Starts
) -> list[OutcomeRow]:
    """One row for each size of brand, and one for all brands."""
    sizes = [recording.size(place) for place in range(len(recording.brands))]
    groups = {name: [place for place, size in enumerate(sizes) if size == name] for name, _ in SIZE_LIMITS}
    groups["all"] = list(range(len(sizes)))
    return [
        _row(detector, threshold, name, recording, places, events, starts) for name, places in groups.items() if places
    ]


def _row(
    detector: str,
    threshold: str,
    size: str,
    recording: Recording,
    places: list[int],
    events: Sequence[LabelledEvent],
    starts: Starts,
) -> OutcomeRow:
    by_brand: defaultdict[str, list[LabelledEvent]] = defaultdict(list)
    for event in events:
        by_brand[event.brand].append(event)
    delays: defaultdict[str, list[list[float]]] = defaultdict(list)
    fired: defaultdict[str, list[list[float]]] = defaultdict(list)
    false, years = [], []
    gaps = recording.own_gaps()
    for place in places:
        brand = recording.brands[place]
        alarms = starts.get(brand, np.array([], np.int64))
        covered = recording.covered(place)
        alarms = _inside(alarms, covered)
        own = [event for event in by_brand[brand] if _is_inside(recording, event, covered)]
        unexplained, counted = np.ones(len(alarms), bool), without(covered, gaps)
        of_kind: defaultdict[str, list[float]] = defaultdict(list)
        other_kinds: defaultdict[str, list[float]] = defaultdict(list)
        for event in own:
            begin, end = _bucket(recording, event.begin), _bucket(recording, event.end)
            during = (alarms >= begin) & (alarms <= end + GRACE_BUCKETS)
            if event.is_crisis or event.is_excused:
                unexplained &= ~during
                counted = without(counted, [(begin, end + GRACE_BUCKETS + 1)])
            if event.is_crisis:
                of_kind[event.kind].append(_delay(recording, event, alarms))
            else:
                other_kinds[event.kind].append(float(during.any()))
        for kind, values in of_kind.items():
            delays[kind].append(values)
        for kind, values in other_kinds.items():
            fired[kind].append(values)
        false.append(float(unexplained.sum()))
        years.append(length(counted) * BUCKET_SECONDS / SECONDS_PER_YEAR)
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
        others={
            kind: estimate([sum(own) for own in values], [len(own) for own in values], is_share=True)
            for kind, values in sorted(fired.items())
        },
    )


def _bucket(recording: Recording, seconds: float) -> int:
    return int(seconds // BUCKET_SECONDS) - recording.first_bucket


def _is_inside(recording: Recording, event: LabelledEvent, covered: Spans) -> bool:
    bucket = _bucket(recording, event.onset)
    if recording.coverage is None:
        return 0 <= bucket < len(recording.mentions)
    return within(covered, bucket)


def _inside(alarms: NDArray[np.int64], covered: Spans) -> NDArray[np.int64]:
    inside: NDArray[np.int64] = alarms[np.array([within(covered, int(alarm)) for alarm in alarms], bool)]
    return inside


def _delay(recording: Recording, event: LabelledEvent, alarms: NDArray[np.int64]) -> float:
    """Minutes from the onset to the end of the bucket whose alarm fired; negative between begin and onset."""
    begin = _bucket(recording, event.begin)
    last = _bucket(recording, event.onset + event.horizon_hours * 3600.0)
    counting = alarms[(alarms >= begin) & (alarms < last)]
    if not counting.size:
        return math.inf
    return ((int(counting[0]) + 1 + recording.first_bucket) * BUCKET_SECONDS - event.onset) / 60.0
