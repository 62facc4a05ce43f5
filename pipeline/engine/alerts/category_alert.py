"""The alert about a move that the brands of a category have in common."""

from __future__ import annotations

import math
from typing import Final

from detectors.brand.model import SCORE_UNIT
from detectors.brand.window_lengths import SCALE, WINDOWS
from detectors.brand.window_state import rows_of
from detectors.registry import DETECTOR_VERSION
from pipeline.config.model import BrandConfig
from pipeline.engine.alerts.brand_alert import moment, playbook_of, shown_post
from pipeline.engine.buckets.open_bucket import KEPT_POSTS, by_audience
from pipeline.engine.categories import WINDOW, Category, Member, common_rule, posts_of
from pipeline.engine.episodes.episode import Rule, alert_id
from pipeline.engine.records import OutRecord
from schemas.alert import (
    KINDS,
    Alert,
    Evidence,
    Expected,
    Kind,
    Observed,
    ScoreReading,
    Suppressed,
    Transition,
    Window,
    alert_headers,
    encode_alert,
)
from schemas.alert import Member as ShownMember

SHOWN_MEMBERS: Final = 50


def category_alert_record(
    category: Category,
    kind: Kind,
    transition: Transition,
    index: int,
    rule: Rule,
    config: BrandConfig,
    suppressed: Suppressed | None,
) -> OutRecord:
    """The alert of a transition of a category's episode, encoded with its key and headers.

    Its score is what a quorum of its members reach or pass; its counts are sums over the members heard of lately.
    """
    place = KINDS.index(kind)
    episode = category.episodes[place]
    members = list(category.active(index))
    observed, expected = _counts(members)
    score = round(episode.score, 4)
    alert = Alert(
        version=1,
        id=alert_id(episode.id, transition, index),
        episode_id=episode.id,
        parent_episode_id=episode.parent_id or None,
        transition=transition,
        kind=kind,
        severity=episode.severity,
        brand=category.name,
        onset_time=moment(episode.onset),
        detected_time=moment(index + 1),
        window=Window(start=moment(index + 1 - WINDOWS[WINDOW]), end=moment(index + 1)),
        score=ScoreReading(
            value=score, threshold=round(episode.threshold or common_rule(rule).threshold, 4), unit=SCORE_UNIT
        ),
        observed=observed,
        expected=expected,
        contributions={"common_move": score},
        evidence=Evidence(
            posts=tuple(shown_post(post) for post in sorted(posts_of(members, kind), key=by_audience)[:KEPT_POSTS])
        ),
        playbook=playbook_of(config, episode),
        config_hash=config.config_hash,
        detector=DETECTOR_VERSION,
        scope="category",
        category=category.name,
        members=_members(category, place),
        suppressed=suppressed,
    )
    return OutRecord(category.name.encode(), encode_alert(alert), alert_headers(alert))


def _members(category: Category, place: int) -> tuple[ShownMember, ...]:
    own = {member.name: member.read_episodes()[place].id for member in category.members if member.is_watched}
    peaks = sorted(category.peaks[place].items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        ShownMember(brand=name, score=round(peak, 4), episode_id=own.get(name) or None)
        for name, peak in peaks[:SHOWN_MEMBERS]
    )


def _counts(members: list[Member]) -> tuple[Observed, Expected]:
    mentions = negatives = expected = variance = usual = 0.0
    for member in members:
        state = member.model.state
        row = list(rows_of(state.windows))[WINDOW]
        mean = row[1] * SCALE[WINDOW]
        mentions += row[0] * SCALE[WINDOW]
        negatives += row[2] * SCALE[WINDOW]
        expected += mean
        variance += mean * row[3]
        usual += mean * state.base_rate.value
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
