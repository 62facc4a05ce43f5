"""The report of a stream with labels: the engine's alarms beside those of other detectors and of controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.config.model import DetectionConfig
from pipeline.engine.episodes.kinds import KIND_SPECS
from pipeline.evaluation.labels import LabelledEvent
from pipeline.evaluation.peers.baselines import PEERS, Counts, Signal, candidate_thresholds
from pipeline.evaluation.recorded import (
    SIZE_LIMITS,
    OutcomeRow,
    Recording,
    Starts,
    dated_crises,
    episode_rows,
    episode_starts,
    gap_row,
    outcome,
)
from pipeline.evaluation.reports.plots import Panel, Timeline
from pipeline.evaluation.reports.report import Report, Table, show_found, show_onset, show_rate
from pipeline.evaluation.scoring.alarms import AlarmRule, episodes
from pipeline.evaluation.scoring.controls import always_on, never_on, random_at
from pipeline.evaluation.simulated import alarm_rule
from pipeline.evaluation.vectorised.model import FleetModel
from schemas.alert import Alert
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY

PLOTTED_BRANDS: Final = 12
KINDS: Final = ("crisis", "sentiment_shift", "volume_surge", "high_reach_post")
PAGING: Final = ("crisis", "high_reach_post")
"""Kinds that are to wake somebody: found, or false."""
_SMALL, _MEDIUM = (limit for _, limit in SIZE_LIMITS[:2])
SIZES_NOTE: Final = f"Size S is below {_SMALL:g} mentions an hour, M below {_MEDIUM:g}, L from there."
NOTE: Final = (
    "An alarm is a crisis episode that opens; in the rows of high_reach_post one of that kind, by itself or beside the "
    "crises. They are there where mentions are read: counts have no single posts. A crisis is "
    "detected by an alarm from its beginning to 12 h (sudden) or 24 h after its onset; delay counts from the onset and "
    "is negative where the alarm came before it. False are alarms that no labelled crisis explains (up to 6 h after "
    "its end), per brand-year outside crises; alarms in other labelled events count as false and are listed by kind. "
    "Peers fire at the lowest threshold that kept the tolerated rate of false alarms on the other half of the brands. "
    + SIZES_NOTE
)


ONSET_NOTE: Final = (
    "Quartiles of the absolute error of the alert's onset_time against the label's, in minutes; median error in "
    "brackets (below 0: too early); share of the onset_intervals that hold the label's, and their median length."
)


def recorded_report(
    name: str,
    recording: Recording,
    events: Sequence[LabelledEvent],
    alerts: Sequence[Alert],
    detection: DetectionConfig,
    *,
    signal: Signal,
    peers: bool = False,
    on_peer: Callable[[str], None] = lambda _: None,
) -> Report:
    """Tables, plots and data of one stream.

    Args:
        name: name of the evaluation.
        recording: counts, for sizes, peers and plots.
        events: labelled events.
        alerts: alerts of the engine.
        detection: the configuration that the engine ran with.
        signal: counts that peers score.
        peers: whether to run them.
        on_peer: called with each peer's name before it runs.
    """
    rule = alarm_rule(detection, "crisis")
    starts = episode_starts(alerts, recording)
    rows = outcome("Tocsin, as shipped", f"{rule.threshold:.2f}", recording, events, starts)
    if signal == "mentions":
        rows += _rows_of_posts(alerts, recording, events, detection, rule)
    if peers and len(recording.brands) > 1:
        rate = detection.false_alarms_per_brand_year
        for peer, make in PEERS.items():
            on_peer(peer)
            scores = make(len(recording.brands), signal).run(recording.mentions, recording.negatives)
            rows += _peer_rows(peer, scores, rule, rate, recording, events)
    rows += _controls(recording, events, rule, starts)
    facts = {
        "brands": len(recording.brands),
        "days": round(len(recording.mentions) / BUCKETS_PER_DAY, 2),
        "labels": len(events),
        "false_alarms_per_brand_year": detection.false_alarms_per_brand_year,
    }
    report = Report(name, f"Crisis alarms on {name}", facts)
    kinds = list(dict.fromkeys(kind for row in rows for kind in row.crises))
    report.tables.append(
        Table(
            "Crises and false alarms",
            ("detector", "threshold", "brands", "n", "false alarms / brand-year", *kinds),
            [
                (
                    row.detector,
                    row.threshold,
                    row.size,
                    str(row.brands),
                    show_rate(row.false_alarms),
                    *(show_found(row.crises.get(kind)) for kind in kinds),
                )
                for row in rows
            ],
            NOTE,
        )
    )
    others = list(dict.fromkeys(kind for row in rows for kind in row.others))
    if others:
        report.tables.append(
            Table(
                "Other labelled events in which a crisis alarm fired",
                ("detector", "brands", *others),
                [
                    (row.detector, row.size, *(show_rate(row.others[k]) if k in row.others else "-" for k in others))
                    for row in rows
                ],
                "Share of events, with 95 % intervals over brands.",
            )
        )
    dated = dated_crises(alerts, events)
    if dated:
        report.tables.append(
            Table(
                "Onset of the crises that were found",
                ("kind", "crises", "onset error", "in interval"),
                [(kind, str(errors.crises), *show_onset(errors)) for kind, errors in dated.items()],
                ONSET_NOTE,
            )
        )
    opened = {kind: episode_starts(alerts, recording, kind) for kind in KINDS}
    episodes_of = [row for kind, own in opened.items() for row in episode_rows(recording, kind, own)]
    sizes = list(dict.fromkeys(row.size for row in episodes_of))
    by_place = {(row.kind, row.size): row for row in episodes_of}
    report.tables.append(
        Table(
            "Episodes that opened, per brand and month",
            ("mentions", "brands", *KINDS),
            [
                (
                    size,
                    str(by_place[KINDS[0], size].brands),
                    *(
                        f"{show_rate(row.per_month)}, {row.per_month.events:.0f}"
                        for row in (by_place[k, size] for k in KINDS)
                    ),
                )
                for size in sizes
            ],
            "Per brand and 30 covered days, with 95 % intervals over brands, and their number; labelled or not.",
        )
    )
    gaps = [gap_row(recording, kind, own) for kind, own in opened.items()] if recording.gaps else []
    if gaps:
        report.tables.append(
            Table(
                "Episodes at gaps in the feed",
                ("kind", "opened", "in a gap", "on the return", "by chance"),
                [
                    (row.kind, str(row.opened), str(row.in_gap), str(row.on_return), f"{row.by_chance:.1f}")
                    for row in gaps
                ],
                "The return lasts as long as the gap did, a day at most. By chance: as many as in any other time.",
            )
        )
    report.plots = _plots(recording, events, starts, rule, signal)
    report.data = {
        "outcomes": rows,
        "onsets": dated,
        "episodes": episodes_of,
        "gaps": gaps,
        "alarms": {brand: _times(recording, own) for brand, own in starts.items()},
        "high_reach_posts": {brand: _times(recording, own) for brand, own in opened["high_reach_post"].items()},
    }
    return report


def _rows_of_posts(
    alerts: Sequence[Alert],
    recording: Recording,
    events: Sequence[LabelledEvent],
    detection: DetectionConfig,
    rule: AlarmRule,
) -> list[OutcomeRow]:
    """What the other kind that pages finds and gets wrong, beside the crises and by itself."""
    posts = f"{KIND_SPECS['high_reach_post'].threshold(detection):.2f}"
    either, alone = (opened_of(alerts, recording, kinds) for kinds in (PAGING, PAGING[1:]))
    return [
        *outcome("with high_reach_post", f"{rule.threshold:.2f} / {posts}", recording, events, either),
        *outcome("high_reach_post alone", posts, recording, events, alone),
    ]


def opened_of(alerts: Sequence[Alert], recording: Recording, kinds: Sequence[str]) -> Starts:
    """Buckets of the recording in which episodes of any of these kinds opened, by brand."""
    found: Starts = {}
    for kind in kinds:
        for brand, starts in episode_starts(alerts, recording, kind).items():
            found[brand] = np.union1d(found.get(brand, np.array([], np.int64)), starts)
    return found


def _peer_rows(
    name: str,
    scores: Counts,
    rule: AlarmRule,
    rate: float,
    recording: Recording,
    events: Sequence[LabelledEvent],
) -> list[OutcomeRow]:
    """Alarms of both halves of the brands, each at the threshold of the other."""
    places = range(len(recording.brands))
    halves = [[place for place in places if place % 2 == half] for half in (0, 1)]
    starts: Starts = {}
    chosen = []
    for half in (0, 1):
        threshold = _choose(scores, rule, rate, recording, events, halves[1 - half])
        chosen.append(threshold)
        starts |= _starts(scores, rule.at(threshold), recording, halves[half])
    return outcome(name, " / ".join(f"{threshold:.3g}" for threshold in chosen), recording, events, starts)


def _choose(
    scores: Counts,
    rule: AlarmRule,
    rate: float,
    recording: Recording,
    events: Sequence[LabelledEvent],
    places: list[int],
) -> float:
    """The lowest threshold that keeps the rate of false alarms on these brands."""
    part = replace(
        recording,
        brands=[recording.brands[place] for place in places],
        mentions=recording.mentions[:, places],
        negatives=recording.negatives[:, places],
        since=recording.since[places],
    )
    own = scores[:, places]
    chosen = float(own.max()) * (1.0 + 1e-6) + 1e-9
    for threshold in candidate_thresholds(own, 40) if len(own) >= BUCKETS_PER_DAY else []:
        alarms = _starts(own, rule.at(threshold), part, list(range(len(places))))
        if outcome("", "", part, events, alarms)[-1].false_alarms.value > rate:
            break
        chosen = threshold
    return chosen


def _starts(scores: Counts, rule: AlarmRule, recording: Recording, places: list[int]) -> Starts:
    return {
        recording.brands[place]: np.array([span.start for span in episodes(scores[:, place], rule)], np.int64)
        for place in places
    }


def _controls(recording: Recording, events: Sequence[LabelledEvent], rule: AlarmRule, ours: Starts) -> list[OutcomeRow]:
    brands, buckets = len(recording.brands), len(recording.mentions)
    spacing = rule.quiet_buckets + rule.cool_down_buckets
    rate = max(sum(len(starts) for starts in ours.values()), 1) / (brands * buckets)
    controls = {
        "always on": always_on(brands, buckets, spacing),
        "random, as often": random_at(rate, brands, buckets, spacing, seed=1),
        "never on": never_on(brands),
    }
    return [
        outcome(name, "-", recording, events, dict(zip(recording.brands, starts, strict=True)))[-1]
        for name, starts in controls.items()
    ]


def _plots(
    recording: Recording, events: Sequence[LabelledEvent], starts: Starts, rule: AlarmRule, signal: Signal
) -> list[Timeline]:
    """Timelines of brands with a crisis, then of brands with alarms; with a score where negatives are known."""
    with_crisis = [event.brand for event in events if event.is_crisis]
    order = [brand for brand in dict.fromkeys((*with_crisis, *starts)) if brand in recording.brands][:PLOTTED_BRANDS]
    places = [recording.brands.index(brand) for brand in order]
    if not places:
        return []
    scores = _fleet_scores(recording, places) if signal == "negatives" else None
    first, last = recording.first_bucket, recording.first_bucket + len(recording.mentions)
    plots = []
    for at, (brand, place) in enumerate(zip(order, places, strict=True)):
        panels = [Panel("mentions in 5 minutes", recording.mentions[:, place], "#3a6ea5")]
        if scores is not None:
            panels.append(Panel("negatives in 5 minutes", recording.negatives[:, place], "#b4541a"))
            panels.append(Panel("crisis score", np.maximum(scores[:, at], 0.0), "#1d2430", rule.threshold))
        spans = tuple(
            (
                max(int(event.onset // BUCKET_SECONDS) - first, 0),
                min(int(event.end // BUCKET_SECONDS) - first, len(recording.mentions) - 1),
                event.kind,
                event.is_crisis,
            )
            for event in events
            if event.brand == brand and first <= event.onset // BUCKET_SECONDS < last
        )
        marks = tuple(int(start) for start in starts.get(brand, ()))
        plots.append(Timeline(brand, _text(first), _text(last), tuple(panels), spans, marks))
    return plots


def _fleet_scores(recording: Recording, places: list[int]) -> NDArray[np.float32]:
    """Crisis scores of some brands, with every empty bucket given."""
    model = FleetModel(len(places))
    mentions, negatives = recording.mentions[:, places], recording.negatives[:, places]
    rows = zip(mentions, negatives, strict=True)
    return np.array(
        [model.step(recording.first_bucket + at, n, k).crisis for at, (n, k) in enumerate(rows)], np.float32
    )


def _times(recording: Recording, starts: NDArray[np.int64]) -> list[str]:
    return [_text(recording.first_bucket + int(start) + 1) for start in starts]


def _text(bucket: int) -> str:
    return moment(bucket * BUCKET_SECONDS).strftime("%Y-%m-%dT%H:%M:%SZ")
