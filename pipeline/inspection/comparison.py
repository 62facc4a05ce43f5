"""Two configurations over one pass of the same input: which episodes differ, and what made the difference.

The reason is looked up where it lies: at the bucket in which one of the two opened, escalated or resolved, what the
other one scored there, against which threshold, and what held it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from pipeline.config.model import Config
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.inspection.lives import Life, lives, matched
from pipeline.inspection.reasons import Change, Reading, Reason, reading_of, why
from pipeline.inspection.verdicts import Sight, sight_of
from pipeline.replay import Inputs, Replay
from schemas.alert import Alert, Kind
from schemas.observation import BUCKET_SECONDS

Place = tuple[str, int]
"""A brand and a bucket."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One episode that is not the same in both, with what changed from `a` to `b` and why."""

    changes: tuple[Change, ...]
    a: Life | None
    b: Life | None
    reason: Reason


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Both runs.

    Attributes:
        brands_a, brands_b: that were known at the end.
        warming_up_a, warming_up_b: those of them whose scores did not mean anything yet, so that they had no episode.
        episodes_a, episodes_b: how many there were.
        same: how many are alike in both.
        differences: in order of time.
    """

    brands_a: int
    brands_b: int
    warming_up_a: int
    warming_up_b: int
    episodes_a: int
    episodes_b: int
    same: int
    differences: list[Difference]


def compare(
    inputs: Inputs,
    a: Config,
    b: Config,
    *,
    now: datetime,
    flush: bool,
    on_progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Run both configurations over the input.

    Args:
        inputs: read once.
        a: the configuration that is held against.
        b: the other one.
        now: as of `pipeline.replay.replay_mentions`.
        flush: the same.
        on_progress: called with the size of each batch.
    """
    sides = _Side(a, inputs.partitions, now), _Side(b, inputs.partitions, now)
    moments = _Moments(sides)
    for batch in inputs.batches:
        for side in sides:
            side.replay.take(batch)
        moments.note()
        if on_progress:
            on_progress(len(batch))
    reports = [side.replay.end(flush=flush) for side in sides]
    moments.note(is_last=True)
    found_a, found_b = (lives(report.alerts) for report in reports)
    a_end, b_end = reports
    pairs = matched(found_a, found_b)
    differences = [
        _difference(one, other, changes, moments) for one, other in pairs if (changes := _changes(one, other))
    ]
    differences.sort(key=lambda difference: (difference.reason.time, _subject(difference)))
    return Comparison(
        brands_a=a_end.brands_known,
        brands_b=b_end.brands_known,
        warming_up_a=a_end.brands_warming_up,
        warming_up_b=b_end.brands_warming_up,
        episodes_a=len(found_a),
        episodes_b=len(found_b),
        same=len(pairs) - len(differences),
        differences=differences,
    )


class _Side:
    """One configuration's run, with what it saw lately."""

    def __init__(self, config: Config, partitions: int, now: datetime) -> None:
        self.replay = Replay(config, partitions=partitions, now=now, observe=self._see)
        self._seen: dict[Place, Sight] = {}
        self._before: dict[Place, Sight] = {}
        self._told = 0

    def _see(self, closed: ClosedBucket) -> None:
        self._seen[closed.brand.name, closed.index] = sight_of(closed)

    def sight(self, place: Place) -> Sight | None:
        """What it saw at a place, in this batch or the one before."""
        return self._seen.get(place) or self._before.get(place)

    def fresh(self, *, whole: bool) -> Iterator[Alert]:
        """Alerts since the last time; all where their order has changed since."""
        alerts = self.replay.report.alerts
        yield from alerts[0 if whole else self._told :]
        self._told = len(alerts)

    def turn(self) -> None:
        """Forget what lies more than a batch back: a year of a thousand brands would not fit into memory."""
        self._before, self._seen = self._seen, {}


class _Moments:
    """What both runs saw at every bucket in which either changed an episode."""

    def __init__(self, sides: Sequence[_Side]) -> None:
        self._sides = sides
        self._found: tuple[dict[Place, Sight], dict[Place, Sight]] = ({}, {})
        self._wanted: dict[Place, None] = {}

    def note(self, *, is_last: bool = False) -> None:
        """Keep what was seen at the transitions of the last batch; one side may come to them a batch later."""
        for side in self._sides:
            fresh = [alert for alert in side.fresh(whole=is_last) if alert.scope == "brand"]
            self._wanted |= {(alert.brand, _bucket(alert.detected_time)): None for alert in fresh}
        for place in list(self._wanted):
            sights = [side.sight(place) for side in self._sides]
            for found, sight in zip(self._found, sights, strict=True):
                if sight is not None:
                    found[place] = sight
            if all(place in found for found in self._found):
                del self._wanted[place]
        for side in self._sides:
            side.turn()

    def readings(self, place: Place, kind: Kind) -> tuple[Reading | None, Reading | None]:
        """What either side said there."""
        a, b = (found.get(place) for found in self._found)
        return reading_of(a, kind), reading_of(b, kind)


def _bucket(detected: datetime) -> int:
    """The bucket at whose end something was detected."""
    return round(detected.timestamp()) // BUCKET_SECONDS - 1


def _changes(a: Life | None, b: Life | None) -> tuple[Change, ...]:
    if a is None or b is None:
        return ("gained",) if a is None else ("lost",)
    changes: list[Change] = []
    if a.opened != b.opened:
        changes.append("earlier" if b.opened < a.opened else "later")
    if a.severity != b.severity:
        changes.append("severity")
    if a.resolved != b.resolved:
        changes.append("end")
    return tuple(changes)


def _subject(difference: Difference) -> tuple[str, str]:
    life = difference.a or difference.b
    assert life is not None
    return life.brand, life.kind


def _difference(a: Life | None, b: Life | None, changes: tuple[Change, ...], moments: _Moments) -> Difference:
    """The difference with the reason for the first of its changes."""
    either = a or b
    assert either is not None
    moment, fired_first = _decisive(a, b, changes[0])
    if either.scope == "category":
        text = "the brands of the category move otherwise; see their rows, or explain one of them"
        return Difference(changes=changes, a=a, b=b, reason=Reason(causes=("category",), text=text, time=moment))
    readings = moments.readings((either.brand, _bucket(moment)), either.kind)
    fired, other = readings if fired_first else readings[::-1]
    names = ("A", "B") if fired_first else ("B", "A")
    causes, text = why(changes[0], fired, other, names)
    reason = Reason(causes=causes, text=text, time=moment, a=readings[0], b=readings[1])
    return Difference(changes=changes, a=a, b=b, reason=reason)


def _decisive(a: Life | None, b: Life | None, change: Change) -> tuple[datetime, bool]:
    """The moment that decides, and whether it was A that did something then: opened, became graver, or resolved."""
    if a is None or b is None:
        life = a or b
        assert life is not None
        return life.opened, a is not None
    match change:
        case "severity":
            is_a = a.severity == "critical"
            return (a if is_a else b).gravest_since, is_a
        case "end":
            is_a = a.resolved is not None and (b.resolved is None or a.resolved < b.resolved)
            moment = a.resolved if is_a else b.resolved
            assert moment is not None
            return moment, is_a
    return min(a.opened, b.opened), change == "later"
