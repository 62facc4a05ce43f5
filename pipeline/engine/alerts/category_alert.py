"""The alert about a move that the brands of a category have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from detectors.base import SCORE_UNIT
from detectors.brand.window_lengths import SCALE, WINDOWS
from detectors.brand.window_state import rows_of
from detectors.category import comparable
from detectors.registry import DETECTOR_VERSION
from pipeline.config.model import BrandConfig
from pipeline.engine.alerts.brand_alert import needs_somebody, respond_by, start_of
from pipeline.engine.alerts.common_evidence import with_common_surge
from pipeline.engine.alerts.evidence import category_evidence, within_alert, within_bytes
from pipeline.engine.alerts.headline import headline
from pipeline.engine.alerts.links import links_of
from pipeline.engine.alerts.playbook import filled_drafts, playbook_of
from pipeline.engine.alerts.surge_evidence import sure_cause
from pipeline.engine.brands.brand import Brand
from pipeline.engine.categories import WINDOW, Category, CategoryTransition
from pipeline.engine.episodes.kinds import KindSpec
from schemas.alert import Alert, Expected, Kind, Member, Observed, ScoreReading, Suppressed, Window

SHOWN_MEMBERS: Final = 50


def category_alert(
    category: Category,
    spec: KindSpec,
    moved: CategoryTransition,
    *,
    config: BrandConfig,
    suppressed: Suppressed | None,
    names: Iterable[str] = (),
) -> Alert:
    """The alert of a transition of a category's episode.

    Its score is what a quorum of its members reach or pass; its counts are sums over the members mentioned lately.

    Args:
        category: whose.
        spec: the kind of the episode.
        moved: what happened to it.
        config: of the category.
        suppressed: openings suppressed before it, which this alert reports.
        names: what people call its brands.
    """
    transition = moved.transition
    end = transition.bucket + 1
    members = list(category.active(transition.bucket))
    observed, expected = _counts(members)
    score = round(transition.score, 4)
    called = (*(member.name for member in category.members), *names)
    shown, language = with_common_surge(category_evidence(members, spec, transition.bucket), members, called)
    needed = needs_somebody(transition)
    configured = config.playbook_for(transition.severity, sure_cause(shown), language) if needed else None
    playbook = playbook_of(configured, transition.severity, respond_by(configured, transition))
    alert = Alert(
        version=1,
        id=transition.alert_id,
        episode_id=transition.episode_id,
        parent_episode_id=transition.parent_id or None,
        incident_id=transition.incident_id,
        related_episode_ids=transition.related,
        transition=transition.name,
        kind=spec.name,
        severity=transition.severity,
        brand=category.name,
        onset_time=start_of(transition.onset),
        detected_time=start_of(end),
        window=Window(start=start_of(end - WINDOWS[WINDOW]), end=start_of(end)),
        score=ScoreReading(value=score, threshold=round(transition.threshold, 4), unit=SCORE_UNIT),
        observed=observed,
        expected=expected,
        contributions={"common_move": score},
        evidence=within_bytes(shown),
        playbook=playbook,
        config_hash=config.config_hash,
        detector=DETECTOR_VERSION,
        scope="category",
        category=category.name,
        members=_members(category, spec.name, moved.peaks),
        suppressed=suppressed,
    )
    if playbook is not None:
        playbook = msgspec.structs.replace(playbook, drafts=filled_drafts(alert, category.name))
    return within_alert(
        msgspec.structs.replace(
            alert,
            headline=headline(alert, "en"),  # one language for all alerts of it, whoever speaks loudest
            links=links_of(alert, config.links, category.name),
            playbook=playbook,
        )
    )


def _members(category: Category, kind: Kind, peaks: dict[str, float]) -> tuple[Member, ...]:
    own = {brand.name: brand.read_episodes()[kind].id for brand in category.members if brand.has_open_episode}
    highest = sorted(peaks.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_MEMBERS]
    return tuple(Member(brand=name, score=round(peak, 4), episode_id=own.get(name) or None) for name, peak in highest)


def _counts(members: list[Brand]) -> tuple[Observed, Expected]:
    mentions = negatives = expected = variance = usual = 0.0
    for member in members:
        state = comparable(member.model).state
        row = list(rows_of(state.windows))[WINDOW]
        normal = None if member.before is None else member.before.normal
        last = member.last_bucket
        mean = row[1] * SCALE[WINDOW] if normal is None else sum(normal.expect(last + 1 - WINDOWS[WINDOW], last + 1))
        mentions += row[0] * SCALE[WINDOW]
        negatives += row[2] * SCALE[WINDOW]
        expected += mean
        variance += mean * (row[3] if normal is None else normal.dispersion(WINDOWS[WINDOW]))
        usual += mean * (state.base_rate.value if normal is None else normal.base_rate)
    spread = 1.96 * math.sqrt(variance)
    return (
        Observed(
            mentions=round(mentions, 2),
            negatives=round(negatives, 2),
            negative_share=round(min(negatives / mentions, 1.0), 4) if mentions else 0.0,
        ),
        Expected(
            value=round(expected, 2),
            lower=round(max(expected - spread, 0.0), 2),
            upper=round(expected + spread, 2),
            negative_share=round(usual / expected, 4) if expected else 0.0,
        ),
    )
