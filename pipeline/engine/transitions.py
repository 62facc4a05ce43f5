"""What a closed bucket does to the episodes of a brand and of its category, and the alerts about it."""

from __future__ import annotations

from functools import partial

from pipeline.config.model import BrandConfig
from pipeline.engine.alerts.brand_alert import ClosedBucket, brand_alert, take_suppressed
from pipeline.engine.alerts.category_alert import category_alert
from pipeline.engine.brands.brand import Brand
from pipeline.engine.buckets.closed_counts import onset
from pipeline.engine.categories import Category
from pipeline.engine.episodes.episode import EpisodeTransition, Rule, SuppressedOpening, step
from pipeline.engine.episodes.kinds import KIND_SPECS, KindSpec
from pipeline.engine.episodes.rules import rules
from pipeline.engine.episodes.voices import Voices, enough_voices, never_critical
from pipeline.engine.partition_state import PartitionState
from schemas.alert import Kind
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR


class Transitions:
    """Steps the episodes of one partition, and puts their alerts among its outputs."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._rules: dict[str, tuple[tuple[KindSpec, Rule], ...]] = {}

    def follow_brand(self, closed: ClosedBucket) -> None:
        """Let a closed bucket act on the episodes of its brand, and of its category where the move is common."""
        brand, assessment = closed.brand, closed.assessment
        blocking: set[Kind] = set()
        for spec, rule in self._rules_of(closed.config):
            kind = spec.name
            episode = brand.episodes[kind]
            score = assessment.score(kind)
            if episode.stays_quiet(score, rule):
                episode.score = score
                continue
            if score >= rule.critical and rule.base_severity == "warning" and episode.severity != "critical":
                rule = rule if enough_voices(voices_of(closed, kind)) else never_critical(rule)  # noqa: PLW2901
            may_open = assessment.is_warm and blocking.isdisjoint(spec.blocked_by)
            would_open = may_open and not episode.is_open and score >= rule.threshold
            is_common = would_open and self._is_common(closed, spec, rule, score)
            transition = step(
                episode,
                rule,
                brand=brand.name,
                bucket=closed.index,
                score=score,
                onset=partial(first_of_excess, brand, spec, closed.index, assessment.base_rate),
                may_open=may_open,
                is_common=is_common,
            )
            if isinstance(transition, SuppressedOpening):
                self._state.stats.count_suppressed(kind, transition.reason)
            elif transition is not None:
                self._alert_of_brand(closed, spec, transition)
            if episode.is_open or is_common:
                blocking.add(kind)
        if brand.has_open_episode:
            self._state.with_episode.add(brand.name)
        else:
            self._state.with_episode.discard(brand.name)

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
                if category.episodes[spec.name].is_open:
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

    def _alert_of_brand(self, closed: ClosedBucket, spec: KindSpec, transition: EpisodeTransition) -> None:
        state, name = self._state, closed.config.category
        alert = brand_alert(
            closed,
            spec,
            transition,
            suppressed=take_suppressed(closed.brand.episodes),
            category_episode_id="" if name is None else state.categories[name].episodes[spec.name].id,
        )
        state.outputs.alerts.append(alert)
        state.stats.count_alert(spec.name, transition.severity, transition.name)

    def _step_category(
        self, category: Category, spec: KindSpec, index: int, now: dict[str, float] | None = None
    ) -> None:
        """Let the members' scores act on the category's episode of this kind."""
        state, kind = self._state, spec.name
        config = state.config.category(category.name)
        moved = category.step(kind, rules(config.detection)[kind], index, now)
        if isinstance(moved, SuppressedOpening):
            state.stats.count_suppressed(kind, moved.reason)
        elif moved is not None:
            suppressed = take_suppressed(category.episodes)
            state.outputs.alerts.append(category_alert(category, spec, moved, config=config, suppressed=suppressed))
            state.stats.count_alert(kind, moved.transition.severity, moved.transition.name)
        if category.is_open:
            state.open_categories.add(category.name)
        else:
            state.open_categories.discard(category.name)
        state.changes.categories[category.name] = None

    def _rules_of(self, config: BrandConfig) -> tuple[tuple[KindSpec, Rule], ...]:
        """The brand's rules, by hash: a configuration is expensive to compare."""
        found = self._rules.get(config.config_hash)
        if found is None:
            found = tuple((KIND_SPECS[kind], rule) for kind, rule in rules(config.detection).items())
            self._rules[config.config_hash] = found
        return found


def voices_of(closed: ClosedBucket, kind: Kind) -> Voices:
    """Who speaks in the window that gave the score of this kind, and at least in the last hour."""
    brand, end = closed.brand, closed.index + 1
    explanation = closed.assessment.explain(kind)
    first = end - max(explanation.window_buckets, BUCKETS_PER_HOUR)
    tables = brand.tables.total(first, end)
    return Voices(
        negatives=brand.recent.total(first, end).negatives,
        usual=sum(brand.model.expect(first, end)) * explanation.base_rate,
        silent=tables.silent,
        echoed=tables.echoed,
        people=brand.tables.people(first),
    )


def first_of_excess(brand: Brand, spec: KindSpec, index: int, base_rate: float) -> int:
    """First bucket of the excess: of mentions, of negatives, or of negatives against the mentions there were.

    Args:
        brand: whose.
        spec: says what is counted.
        index: the bucket at whose close the episode opens.
        base_rate: the brand's usual negative share.
    """
    first = index + 1 - BUCKETS_PER_DAY
    buckets = brand.recent.since(first)
    if spec.onset == "negative_share":
        expected = dict.fromkeys(range(first, index + 1), 0.0)
        expected |= {counts.bucket: counts.counted * base_rate for counts in buckets}
    else:
        share = base_rate if spec.onset == "negatives" else 1.0
        expected = dict(enumerate((value * share for value in brand.model.expect(first, index + 1)), first))
    by_mentions = spec.onset == "mentions"
    observed = {counts.bucket: counts.counted if by_mentions else counts.counted_negatives for counts in buckets}
    return onset(index, observed, expected)
