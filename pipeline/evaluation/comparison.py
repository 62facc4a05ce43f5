"""Other detectors and no detector on the same brands, with the same cool-down; thresholds chosen on other brands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.peers.baselines import PEERS, Peer, candidate_thresholds
from pipeline.evaluation.scoring.alarms import AlarmRule
from pipeline.evaluation.scoring.controls import always_on, never_on, random_at
from pipeline.evaluation.scoring.outcomes import Estimate, Found, estimate, false_alarms_per_year, first_delay, found
from pipeline.evaluation.simulated import WARM_UP_DAYS, Scores, WorldRun, crisis_rule, starts_of
from pipeline.simulation.worlds.ordinary import CRISES
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Starts = list[NDArray[np.int64]]


class PeerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a detector in one world and size; `thresholds` are those of the two halves of the brands."""

    world: str
    size: str
    detector: str
    brands: int
    thresholds: list[float]
    false_alarms: Estimate
    crises: dict[str, Found]


def compare(
    run: WorldRun, size: str, *, rate: float, brands: int, on_peer: Callable[[str], None] = lambda _: None
) -> list[PeerReport]:
    """Ours at the shipped threshold, peers at thresholds from the other half of the brands, and the controls.

    Args:
        run: a simulated world, scored.
        size: whose brands.
        rate: tolerated false alarms per brand-year: ours by calibration, the peers' by choice on the other half.
        brands: at most so many of this size, at least 2.
        on_peer: called with each peer's name before it runs.
    """
    places = np.flatnonzero(run.sizes == size)[:brands]
    rule = crisis_rule(rate)
    ours = [stage.scores[:, places] for stage in run.staged]
    rows = [_report(run, size, "Tocsin, as shipped", places, [(run.crisis[:, places], ours, rule, slice(None))])]
    for name, make in PEERS.items():
        on_peer(name)
        background, staged = _run_peer(run, places, make(len(places), "negatives"))
        parts = []
        for half in (0, 1):
            mine, others = slice(half, None, 2), slice(1 - half, None, 2)
            threshold = choose_threshold(background[:, others], rule, rate)
            parts.append((background, staged, rule.at(threshold), mine))
        rows.append(_report(run, size, name, places, parts))
    return rows + _controls(run, size, places, rule, rows[0].false_alarms)


def choose_threshold(background: Scores, rule: AlarmRule, rate: float) -> float:
    """The lowest threshold with at most `rate` alarms per brand-year here; else one just above all scores."""
    chosen = float(np.max(background)) * (1.0 + 1e-6) + 1e-9
    years = (len(background) - _first()) * background.shape[1] / (BUCKETS_PER_DAY * 365.0)
    for threshold in candidate_thresholds(background[_first() :]):
        alarms = sum(len(starts) for starts in starts_of(background, rule.at(threshold), _first()))
        if alarms > rate * years:
            break
        chosen = threshold
    return chosen


def _first() -> int:
    return WARM_UP_DAYS * BUCKETS_PER_DAY


def _run_peer(run: WorldRun, places: NDArray[np.int64], peer: Peer) -> tuple[Scores, list[Scores]]:
    """Scores of the run and of every stage; a stage is scored by a copy, so that the run never sees its crisis."""
    pieces, staged, at = [], [], 0
    for stage in run.staged:
        until = stage.day * BUCKETS_PER_DAY
        if until > at:
            pieces.append(peer.run(run.mentions[at:until, places], run.negatives[at:until, places]))
            at = until
        scores = peer.copy().run(stage.mentions[:, places], stage.negatives[:, places])
        staged.append(scores.astype(np.float32))
    pieces.append(peer.run(run.mentions[at:, places], run.negatives[at:, places]))
    return np.concatenate(pieces).astype(np.float32), staged


def _report(
    run: WorldRun,
    size: str,
    name: str,
    places: NDArray[np.int64],
    parts: Sequence[tuple[Scores, list[Scores], AlarmRule, slice]],
) -> PeerReport:
    """Join the parts of the brands, each at its own threshold."""
    alarms: Starts = []
    delays: dict[str, list[list[float]]] = {}
    for background, staged, rule, part in parts:
        alarms += starts_of(background[:, part], rule, _first())
        own: dict[str, list[list[float]]] = {}
        for stage, scores in zip(run.staged, staged, strict=True):
            horizon = int(CRISES[stage.kind].horizon * BUCKETS_PER_HOUR)
            onsets = stage.onset[places][part]
            per_brand = own.setdefault(stage.kind, [[] for _ in onsets])
            for delay, onset, starts in zip(per_brand, onsets, starts_of(scores[:, part], rule), strict=True):
                delay.append(first_delay(starts, int(onset), horizon))
        for kind, values in own.items():
            delays.setdefault(kind, []).extend(values)
    buckets = [float(run.days * BUCKETS_PER_DAY)] * len(alarms)
    return PeerReport(
        world=run.world,
        size=size,
        detector=name,
        brands=len(places),
        thresholds=[rule.threshold for _, _, rule, _ in parts],
        false_alarms=false_alarms_per_year(alarms, buckets),
        crises={kind: found(values) for kind, values in delays.items()},
    )


def _controls(run: WorldRun, size: str, places: NDArray[np.int64], rule: AlarmRule, ours: Estimate) -> list[PeerReport]:
    """The controls: always on, random as often as ours fires without a crisis, never on."""
    spacing, buckets = rule.quiet_buckets + rule.cool_down_buckets, run.days * BUCKETS_PER_DAY
    per_bucket = max(ours.events, 1.0) / (len(places) * buckets)
    makers: dict[str, Callable[[int, int], Starts]] = {
        "always on": lambda length, _: always_on(len(places), length, spacing),
        "random, as often": lambda length, seed: random_at(per_bucket, len(places), length, spacing, seed),
        "never on": lambda _, __: never_on(len(places)),
    }
    rows = []
    for name, make in makers.items():
        delays: dict[str, list[list[float]]] = {}
        for seed, stage in enumerate(run.staged, 1):
            horizon = int(CRISES[stage.kind].horizon * BUCKETS_PER_HOUR)
            per_brand = delays.setdefault(stage.kind, [[] for _ in places])
            starts = make(len(stage.scores), seed)
            for delay, onset, own in zip(per_brand, stage.onset[places], starts, strict=True):
                delay.append(first_delay(own, int(onset), horizon))
        alarms = make(buckets, 0)
        rows.append(
            PeerReport(
                world=run.world,
                size=size,
                detector=name,
                brands=len(places),
                thresholds=[],
                false_alarms=estimate([len(a) for a in alarms], [buckets / (BUCKETS_PER_DAY * 365.0)] * len(places)),
                crises={kind: found(values) for kind, values in delays.items()},
            )
        )
    return rows
