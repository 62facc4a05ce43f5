"""Earlier episodes in an alert: how one is remembered when it ends, and those that a new one resembles."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.engine.alerts.surge_evidence import sure_cause
from pipeline.engine.episodes.past import KEPT_TERMS, PastEpisode, kept_term, most_similar
from schemas.alert import Alert, Kind
from schemas.evidence import Evidence, Similar
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS


def similar(past: Iterable[PastEpisode], evidence: Evidence, brand: str, kind: Kind, own: str) -> tuple[Similar, ...]:
    """The ended episodes that an alert with this evidence resembles, the most similar first.

    Args:
        past: of the brand and of its category.
        evidence: with what is known of the surge.
        brand: of the episode.
        kind: the same.
        own: its id.
    """
    terms = [term.text for term in evidence.terms]
    kept = {kept_term(term) for term in terms}
    others = (one for one in past if one.id != own)
    return tuple(
        Similar(
            episode_id=one.id,
            brand=one.brand,
            kind=one.kind,
            severity=one.severity,
            onset_time=moment(one.onset * BUCKET_SECONDS),
            resolved_time=moment((one.ended + 1) * BUCKET_SECONDS),
            duration_minutes=(one.ended + 1 - one.onset) * BUCKET_SECONDS // 60,
            cause=one.cause or None,
            terms=one.terms,
            shared_terms=tuple(term for term in one.terms if term in kept),
            mentions=one.mentions,
            peak_per_hour=one.peak_per_hour,
        )
        for one in most_similar(others, brand=brand, kind=kind, cause=sure_cause(evidence), terms=terms)
    )


def past_episode(alert: Alert) -> PastEpisode:
    """An episode as it is remembered, from the alert of its end."""
    counts = alert.since_onset
    return PastEpisode(
        alert.episode_id,
        alert.brand,
        alert.kind,
        alert.severity,
        int(alert.onset_time.timestamp()) // BUCKET_SECONDS,
        int(alert.detected_time.timestamp()) // BUCKET_SECONDS - 1,
        sure_cause(alert.evidence),
        tuple(kept_term(term.text) for term in alert.evidence.terms[:KEPT_TERMS]),
        0 if counts is None else counts.mentions,
        0 if counts is None else counts.peak_per_hour,
    )
