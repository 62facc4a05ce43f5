"""What a closed bucket does to the episodes of a brand and of its category, and the alerts about it."""

from __future__ import annotations

from functools import partial

import msgspec

from detectors.aftermath import NOTHING_LEFT, Evidence, Smoulder
from pipeline.config.model import BrandConfig
from pipeline.engine.alerts.brand_alert import ClosedBucket, brand_alert, take_suppressed
from pipeline.engine.alerts.category_alert import category_alert
from pipeline.engine.alerts.earlier import past_episode
from pipeline.engine.alerts.surge_evidence import last_told
from pipeline.engine.brands.brand import Brand
from pipeline.engine.brands.gathering import GATHERED_FROM, begin, gather, let_go
from pipeline.engine.brands.readings import evidence_of, evidence_of_last_hours, opening, smoulder
from pipeline.engine.buckets.told import UPDATE_BUCKETS, changed
from pipeline.engine.categories import Category
from pipeline.engine.episodes.before import UNUSUAL_SCORE, followed
from pipeline.engine.episodes.episode import (
    FLARE_UP_BUCKETS,
    EpisodeTransition,
    Rule,
    SuppressedOpening,
    step,
    transition,
)
from pipeline.engine.episodes.facets import Told, end_facets, fold, related
from pipeline.engine.episodes.kinds import KIND_SPECS, KindSpec
from pipeline.engine.episodes.past import remembered
from pipeline.engine.episodes.response import Echo, after_telling, due
from pipeline.engine.episodes.rules import rules
from pipeline.engine.episodes.voices import Voices, enough_voices, never_critical
from pipeline.engine.partition_state import PartitionState
from schemas.alert import Change, Kind
from schemas.observation import BUCKETS_PER_HOUR


class Transitions:
    """Steps the episodes of one partition, and puts their alerts among its outputs."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._rules: dict[str, tuple[tuple[KindSpec, Rule, float], ...]] = {}

    def follow_brand(self, closed: ClosedBucket) -> None:
        """Let a closed bucket act on the episodes of its brand, and of its category where the move is common."""
        brand = closed.brand
        assessment, reach = closed.assessment, closed.audience.score
        watched: list[tuple[KindSpec, Rule, float]] = []
        is_unusual, begins = False, reach > 0.0
        # One loop with branches: of the cost of a quiet brand-bucket several would be a tenth.
        for spec, rule, gathered_from in self._rules_of(closed.config):
            score = reach
            if spec.counts:
                score = assessment.score(spec.name)
                is_unusual |= score > UNUSUAL_SCORE
                begins |= score >= gathered_from
            watched.append((spec, rule, score))
        if is_unusual or brand.before is not None:
            brand.before = followed(
                brand.before,
                closed.index,
                is_unusual=is_unusual,
                has_episode=brand.has_open_episode,
                normal=brand.model.normal,
            )
        gather(brand, closed.bucket, closed.index, begins=begins and brand.surge is None)
        is_quiet = True
        blocking: set[Kind] = set()
        for spec, rule, score in watched:
            episode = brand.episodes[spec.name]
            if episode.stays_quiet(score, rule):
                episode.score = score
            else:
                is_quiet = False
                self._follow_kind(closed, spec, rule, score, blocking)
        if not is_quiet:  # else none is open
            self._tell_changes(closed)
        if not is_quiet and brand.has_open_episode:
            self._tell_response(closed)
            self._state.with_episode.add(brand.name)
        else:
            self._state.with_episode.discard(brand.name)
        let_go(brand, closed.index)

    def _follow_kind(self, closed: ClosedBucket, spec: KindSpec, rule: Rule, score: float, blocking: set[Kind]) -> None:
        """Let a closed bucket act on the brand's episode of one kind; one that is open, or opens, joins `blocking`."""
        brand, kind = closed.brand, spec.name
        episode = brand.episodes[kind]
        is_blocked = not blocking.isdisjoint(spec.blocked_by)
        if is_blocked and episode.is_open:
            episode.score = score  # A facet: it ends with the one that blocks it.
            return
        if spec.counts:
            since, evidence = self._evidence(closed, spec, rule, score)
            score = score if evidence is None else evidence.score
        else:
            since, evidence, rule = closed.audience.first, None, never_critical(rule)
        if score >= rule.critical and rule.base_severity == "warning" and episode.severity != "critical":
            rule = rule if enough_voices(voices_of(closed, kind)) else never_critical(rule)
        may_open = (closed.assessment.is_warm or not spec.counts) and not is_blocked
        would_open = may_open and not episode.is_open and score >= rule.threshold
        is_common = would_open and spec.counts and self._is_common(closed, spec, rule, score)
        its = step(
            episode,
            rule,
            brand=self._state.placement.identity_of_brand(brand.name),
            bucket=closed.index,
            score=score,
            opening=partial(
                opening,
                brand,
                spec,
                closed.index,
                since=since,
                is_unobserved=closed.feed.is_unobserved,
            ),
            may_open=may_open,
            is_common=is_common,
        )
        if isinstance(its, SuppressedOpening):
            self._state.stats.count_suppressed(kind, its.reason)
        elif its is not None:
            if its.name == "resolved" and spec.flares_up:
                episode.smoulder = smoulder(brand, closed.assessment)
            self._tell(closed, spec, its, evidence)
        if episode.is_open or is_common:
            blocking.add(kind)

    def _evidence(self, closed: ClosedBucket, spec: KindSpec, rule: Rule, score: float) -> tuple[int, Evidence | None]:
        """The end of an earlier episode that must not count again, or -1; what speaks instead of the windows."""
        if score < rule.release:
            return -1, None
        brand = closed.brand
        since, left = self._end_before(closed, spec)
        evidence = evidence_of(brand, spec, closed.assessment, since, left)
        now = score if evidence is None else evidence.score
        if brand.episodes[spec.name].is_open and now >= rule.release and spec.onset != "mentions":
            recent = evidence_of_last_hours(brand, spec, closed.assessment, since)
            if recent is not None and recent.score < rule.release:
                evidence = recent
        return since, evidence

    def _tell(self, closed: ClosedBucket, spec: KindSpec, its: EpisodeTransition, evidence: Evidence | None) -> None:
        """Make the alerts of a transition: of the episode, and of the facets that begin or end with it."""
        episodes, kind = closed.brand.episodes, spec.name
        if its.name == "opened" and (kind == "crisis" or closed.brand.surge_since < 0):
            begin(closed.brand, its.onset, closed.index)
        its = msgspec.structs.replace(its, related=related(episodes, kind, closed.index))
        self._alert_of_brand(closed, spec, its, evidence)
        told: Told = []
        if its.name == "opened":
            told = fold(episodes, kind, closed.index)
        elif its.name == "resolved":
            told = end_facets(episodes, kind, closed.index)
        for facet, one in told:
            self._alert_of_brand(closed, KIND_SPECS[facet], one, None, ("joined",) if one.name == "updated" else ())

    def _tell_changes(self, closed: ClosedBucket) -> None:
        """Update the episode that leads the others, where something has changed since the last alert of the brand."""
        brand, index = closed.brand, closed.index
        surge = brand.surge
        last = None if surge is None else surge.due(index)
        if surge is None or last is None:
            return
        kind = next((kind for kind in KIND_SPECS if brand.episodes[kind].is_open), None)
        if kind is None:
            return
        surge.looked = index
        changes = changed(last, last_told(closed.said_in_surge().evidence, brand, index))
        if changes:
            its = transition(brand.episodes[kind], "updated", index, related(brand.episodes, kind, index))
            self._alert_of_brand(closed, KIND_SPECS[kind], its, None, changes)

    def _tell_response(self, closed: ClosedBucket) -> None:
        """Tell that nobody acted in time, that the brand has answered, or that the answer fed the fire."""
        brand, index = closed.brand, closed.index
        for kind, spec in KIND_SPECS.items():
            episode = brand.episodes[kind]
            # A facet is told of by the episode that it is part of; what needs no answer is not waited for.
            if not episode.is_open or spec.base_severity == "info":
                continue
            if any(brand.episodes[blocking].is_open for blocking in spec.blocked_by):
                continue
            cause = "" if brand.surge is None or brand.surge.told is None else brand.surge.told.cause
            playbook = closed.config.playbook_for(episode.severity, cause)
            minutes = None if playbook is None else playbook.respond_within_minutes
            # Where nobody who acts can be heard, silence says nothing.
            minutes = minutes if self._state.config.worker.relays_feedback else None
            change = due(episode.response, episode.opened, index, minutes, partial(_echo, closed))
            if change is None:
                continue
            its = transition(
                episode,
                "escalated" if change == "unanswered" else "updated",
                index,
                related(brand.episodes, kind, index),
            )
            if its.name == "updated" and _was_told(brand, index):
                continue
            if any(alert.id == its.alert_id for alert in self._state.outputs.alerts):
                continue  # One alert of a name in a bucket: this one waits for the next.
            episode.response = after_telling(episode.response, change)
            self._alert_of_brand(closed, spec, its, None, (change,))

    def _end_before(self, closed: ClosedBucket, spec: KindSpec) -> tuple[int, Smoulder]:
        """Bucket in which an episode ended that has told what the windows still hold, -1 without one; what it had left.

        Of the brand or its category: an earlier one of a kind that flares up, or one of a kind that blocks this one.
        """
        kinds = (*spec.blocked_by, spec.name) if spec.flares_up else spec.blocked_by
        name = closed.config.category
        owners = [closed.brand.episodes]
        if name is not None:
            owners.append(self._state.categories[name].episodes)
        told = [episodes[kind] for episodes in owners for kind in kinds if episodes[kind].last_id]
        last = max(told, key=lambda episode: episode.ended, default=None)
        if last is None or last.ended < closed.index - FLARE_UP_BUCKETS:
            return -1, NOTHING_LEFT
        return last.ended, last.smoulder or NOTHING_LEFT

    def follow_categories(self, index: int) -> None:
        """Let a whole bucket act on the open episodes of categories, after its brands were closed."""
        state = self._state
        for name in sorted(state.open_categories):
            state.cache.evict()
            category = state.categories[name]
            state.changes.categories[name] = None
            state.changes.any = True
            if state.at.feed.is_unobserved(index):
                category.pass_unobserved()
                continue
            for spec in KIND_SPECS.values():
                if category.episodes[spec.name].is_open and not category.is_facet(spec):
                    self._step_category(category, spec, index)

    def _is_common(self, closed: ClosedBucket, spec: KindSpec, rule: Rule, score: float) -> bool:
        """Whether the whole category moves as the brand does; if so, the category's own episode is stepped."""
        name = closed.config.category
        if name is None:
            return False
        category = self._state.categories[name]
        if not category.is_common(closed.brand, spec.name, rule, closed.assessment):
            return False
        self._step_category(category, spec, closed.index, {closed.brand.name: score})
        return True

    def _alert_of_brand(
        self,
        closed: ClosedBucket,
        spec: KindSpec,
        its: EpisodeTransition,
        evidence: Evidence | None,
        changes: tuple[Change, ...] = (),
    ) -> None:
        state, brand, name = self._state, closed.brand, closed.config.category
        category = None if name is None else state.categories[name]
        alert = brand_alert(
            closed,
            spec,
            its,
            evidence=evidence,
            suppressed=take_suppressed(brand.episodes),
            category_episode_id="" if category is None else category.episodes[spec.name].id,
            changes=changes,
            past=brand.past if category is None else (*brand.past, *category.past),
        )
        if brand.surge is not None:
            brand.surge.told = last_told(alert.evidence, brand, closed.index)
        if its.name == "resolved" and spec.base_severity != "info":
            ended = past_episode(alert)
            brand.past = remembered(brand.past, ended)
            if category is not None:
                category.past = remembered(category.past, ended)
                state.changes.categories[category.name] = None
        state.outputs.alerts.append(alert)
        state.stats.count_alert(spec.name, its.severity, its.name)

    def _step_category(
        self, category: Category, spec: KindSpec, index: int, now: dict[str, float] | None = None
    ) -> None:
        """Let the members' scores act on the category's episode of this kind."""
        state = self._state
        config = state.config.category(category.name)
        for kind, moved in category.step(
            spec.name,
            rules(config.detection)[spec.name],
            index,
            now,
            identity=state.placement.identity_of_category(category.name),
        ):
            if isinstance(moved, SuppressedOpening):
                state.stats.count_suppressed(kind, moved.reason)
                continue
            suppressed = take_suppressed(category.episodes)
            called = [name for member in category.members for name in state.config.brand(member.name).names.values()]
            alert = category_alert(
                category, KIND_SPECS[kind], moved, config=config, suppressed=suppressed, names=called
            )
            state.outputs.alerts.append(alert)
            state.stats.count_alert(kind, moved.transition.severity, moved.transition.name)
        if category.is_open:
            state.open_categories.add(category.name)
        else:
            state.open_categories.discard(category.name)
        state.changes.categories[category.name] = None

    def _rules_of(self, config: BrandConfig) -> tuple[tuple[KindSpec, Rule, float], ...]:
        """The brand's rules, each with the score from which on it is gathered what is said.

        By hash: a configuration is expensive to compare.
        """
        found = self._rules.get(config.config_hash)
        if found is None:
            found = tuple(
                (KIND_SPECS[kind], rule, GATHERED_FROM * rule.threshold)
                for kind, rule in rules(config.detection).items()
            )
            self._rules[config.config_hash] = found
        return found


def voices_of(closed: ClosedBucket, kind: Kind) -> Voices:
    """Who speaks in the window that gave the score of this kind, and at least in the last hour."""
    brand, end = closed.brand, closed.index + 1
    explanation = closed.assessment.explain(kind)
    first = end - max(explanation.window_buckets, BUCKETS_PER_HOUR)
    tables, recent = brand.tables.total(first, end), brand.recent.total(first, end)
    return Voices(
        negatives=recent.negatives,
        counted=recent.counted_negatives,
        usual=sum(brand.model.expect(first, end)) * explanation.base_rate,
        silent=tables.silent,
        echoed=tables.echoed,
        people=brand.tables.people(first),
    )


def _was_told(brand: Brand, index: int) -> bool:
    """Whether an alert has told of the brand so lately that an update waits."""
    told = None if brand.surge is None else brand.surge.told
    return told is not None and index - told.bucket < UPDATE_BUCKETS


def _echo(closed: ClosedBucket, answered: int) -> Echo:
    """The negative mentions of the hours around an answer."""
    brand, hour = closed.brand, BUCKETS_PER_HOUR
    normal = brand.normal_of_episode or brand.model.normal()
    end = answered + hour
    earlier, before, after = (
        brand.recent.total(start - hour, start).negatives + brand.late.total(start - hour, start).negatives
        for start in (answered - hour, answered, end)
    )
    usual = sum(normal.expect(answered, end)) * normal.base_rate
    return Echo(earlier, before, after, usual, max(normal.dispersion(hour), 1.0))
