"""A move that a category has in common is one alert about the category; a brand far beyond it still rings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import BrandSection, CategorySection, Config, ConfigFile, TierSection
from pipeline.config.playbooks import PlaybookConfig
from pipeline.engine.categories import quorum
from pipeline.engine.engine import Engine
from pipeline.engine.state import CATEGORY_PREFIX
from pipeline.errors import ConfigError
from pipeline.kafka.partitioning import partition_of, partition_of_brand
from schemas.alert import Alert, encode_alert
from schemas.observation import Observation
from tests.pipeline.engine.engine_runs import StateLog, latest
from tests.pipeline.mention_streams import START, tick

BRANDS = tuple(f"brand-{number}" for number in range(8))
TOLD = Config(ConfigFile(brands={name: BrandSection(category="airlines") for name in BRANDS}))
SHOCK = 2 * 288
"""Bucket in which the category begins to move, after two days."""


def rows(*, moving: Iterable[str], burning: str = "", days: int = 3, seed: int = 1) -> list[Observation]:
    """Eight brands; from SHOCK on those that move have four times the mentions for three hours, half of them negative;
    the burning one has thirty times the mentions from an hour later, most of them negative."""
    r = np.random.default_rng(seed)
    moving = set(moving)
    found = []
    for bucket in range(days * 288):
        for place, name in enumerate(BRANDS):
            rate, share = 5.0 + 2.0 * place, 0.15
            if name in moving and SHOCK + place % 2 <= bucket < SHOCK + 36:
                rate, share = 4.0 * rate, 0.5
            if name == burning and SHOCK + 12 <= bucket < SHOCK + 40:
                rate, share = 30.0 * (5.0 + 2.0 * place), 0.8
            mentions = int(r.poisson(rate))
            negatives = int(r.binomial(mentions, share))
            if mentions:
                found.append(
                    Observation(brand=name, start=START + bucket * 300, mentions=mentions, negatives=float(negatives))
                )
    return found


def run(engine: Engine, observations: list[Observation], end: float = START + 4 * 86_400) -> list[Alert]:
    """Alerts of a recording, time passed to its end."""
    engine.ingest_observations(observations)
    engine.close_due()
    engine.ingest([tick(engine.next_offset, end)])
    engine.close_due()
    return list(engine.take_outputs().alerts)


@cache
def common_move() -> tuple[list[Alert], Engine]:
    """Alerts of a move of all brands of the category, and the engine that gave them."""
    engine = Engine(0, TOLD)
    return run(engine, rows(moving=BRANDS)), engine


def crises(alerts: list[Alert], scope: str, transition: str = "opened") -> list[Alert]:
    return [alert for alert in alerts if (alert.kind, alert.scope, alert.transition) == ("crisis", scope, transition)]


def test_a_common_move_is_one_alert_about_the_category_instead_of_one_of_every_brand() -> None:
    alone = crises(run(Engine(0, Config()), rows(moving=BRANDS)), "brand")
    alerts, engine = common_move()
    (common,) = crises(alerts, "category")
    assert len(alone) == len(BRANDS)
    assert len(crises(alerts, "brand")) <= quorum(len(BRANDS) - 1) + 1
    assert (common.brand, common.category) == ("airlines", "airlines")
    assert {member.brand for member in common.members} <= set(BRANDS)
    assert len(common.members) > quorum(len(BRANDS) - 1)
    assert engine.stats.suppressed["crisis", "category"] > 0
    assert sum(common.contributions.values()) == common.score.value >= common.score.threshold
    assert common.observed.mentions > common.expected.upper


def test_alerts_about_a_category_carry_its_playbook_and_those_of_its_brands_do_not() -> None:
    playbook = PlaybookConfig(owner="industry-desk", link="https://wiki.example/airlines", respond_within_minutes=30)
    brands = {name: BrandSection(category="airlines") for name in BRANDS}
    told = Config(ConfigFile(brands=brands, categories={"airlines": CategorySection(playbook=playbook)}))
    alerts = run(Engine(0, told), rows(moving=BRANDS))
    (common,) = crises(alerts, "category")
    assert common.playbook is not None
    assert (common.playbook.owner, common.playbook.link) == (playbook.owner, playbook.link)
    assert common.playbook.respond_by == common.detected_time + timedelta(minutes=30)
    rang = crises(alerts, "brand")
    assert rang
    assert not any(alert.playbook for alert in rang)
    assert told.category("airlines").config_hash != TOLD.category("airlines").config_hash
    assert told.brand("brand-0").config_hash == TOLD.brand("brand-0").config_hash


def test_brands_that_rang_before_it_was_known_to_be_common_are_linked_to_the_category() -> None:
    alerts, _ = common_move()
    (common,) = crises(alerts, "category")
    rang = {alert.brand: alert.episode_id for alert in crises(alerts, "brand")}
    assert rang
    linked = {member.brand: member.episode_id for member in common.members if member.episode_id}
    assert linked == rang
    later = [alert for alert in alerts if alert.scope == "brand" and alert.transition == "escalated"]
    assert all(alert.category == "airlines" for alert in later)


def test_a_brand_that_moves_far_beyond_its_category_still_rings() -> None:
    alerts = run(Engine(0, TOLD), rows(moving=BRANDS, burning="brand-7"))
    (common,) = crises(alerts, "category")
    burning = [alert for alert in crises(alerts, "brand") if alert.brand == "brand-7"]
    assert burning or "brand-7" in {member.brand for member in common.members if member.episode_id}
    quiet, _ = common_move()
    assert "brand-7" not in {alert.brand for alert in crises(quiet, "brand")}
    assert burning[0].category_episode_id == common.episode_id


@pytest.mark.parametrize("moving", [0, 1, 2])
def test_what_few_brands_do_is_not_common(moving: int) -> None:
    """Below the quorum every brand rings for itself, at the time and with the numbers that it has alone."""
    observations = rows(moving=BRANDS[:moving])
    told = run(Engine(0, TOLD), observations)
    alone = run(Engine(0, Config()), observations)
    assert not [alert for alert in told if alert.scope == "category"]
    assert [(a.id, a.score, a.observed) for a in told] == [(a.id, a.score, a.observed) for a in alone]


def test_the_category_is_resolved_once_its_brands_are_quiet_or_silent() -> None:
    alerts, _ = common_move()
    (resolved,) = crises(alerts, "category", "resolved")
    assert resolved.episode_id == crises(alerts, "category")[0].episode_id
    cut = [row for row in rows(moving=BRANDS) if row.start < START + (SHOCK + 24) * 300]
    engine = Engine(0, TOLD)
    assert len(crises(run(engine, cut), "category", "resolved")) == 1
    assert not engine.needs_time


def test_brands_of_other_categories_and_of_none_are_not_compared() -> None:
    half = {name: BrandSection(category="airlines" if place % 2 else "banks") for place, name in enumerate(BRANDS[:4])}
    alerts = run(Engine(0, Config(ConfigFile(brands=half))), rows(moving=BRANDS))
    assert not [alert for alert in alerts if alert.scope == "category"]
    assert len(crises(alerts, "brand")) == len(BRANDS)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(300, 3000), st.integers(0, 9)), min_size=1, max_size=6))
def test_neither_batches_nor_crashes_change_what_a_category_does(seed: int, rhythm: list[tuple[int, int]]) -> None:
    observations = rows(moving=BRANDS, burning="brand-3", seed=seed)
    whole = Engine(0, TOLD)
    whole.ingest_observations(observations)
    whole.close_due()
    expected = [encode_alert(record) for record in whole.take_outputs().alerts]
    final = latest(whole.snapshot())
    engine, position, turn = Engine(0, TOLD), 0, 0
    got: list[bytes | None] = []
    log = StateLog()
    while position < len(observations):
        size, closings = rhythm[turn % len(rhythm)]
        turn += 1
        # Rows of one bucket come together, as replay gives them.
        end = min(position + size, len(observations))
        while end < len(observations) and observations[end].start == observations[end - 1].start:
            end += 1
        engine.ingest_observations(observations[position:end])
        position = end
        for _ in range(closings):
            engine.close_due(7)
        got += [encode_alert(record) for record in engine.take_outputs().alerts]
        log += engine.snapshot()
        if turn % 2:
            engine = Engine(0, TOLD)
            engine.restore(latest(log).items())
    engine.close_due()
    got += [encode_alert(record) for record in engine.take_outputs().alerts]
    log += engine.snapshot()
    assert got == expected
    assert CATEGORY_PREFIX + b"airlines" in final
    assert latest(log) == final


def test_a_category_comes_from_the_brand_or_from_its_tier() -> None:
    config = Config(
        ConfigFile(
            tiers={"carriers": TierSection(category="airlines")},
            brands={
                "acme": BrandSection(tier="carriers"),
                "bolt": BrandSection(tier="carriers", category="banks"),
                "cora": BrandSection(),
            },
        )
    )
    assert [config.category_of(name) for name in ("acme", "bolt", "cora", "dune")] == ["airlines", "banks", None, None]
    assert config.members("airlines") == ("acme",)
    assert ("category", "airlines", "tiers.carriers") in config.explain("acme")
    assert ("category", "banks", "brands.bolt") in config.explain("bolt")


def test_a_categorys_members_take_part_in_the_hash_of_each() -> None:
    """Another member can change whether this brand rings."""
    one = Config(ConfigFile(brands={"acme": BrandSection(category="airlines")}))
    two = Config(ConfigFile(brands={name: BrandSection(category="airlines") for name in ("acme", "bolt")}))
    assert one.brand("acme").config_hash != two.brand("acme").config_hash
    assert one.brand("other").config_hash == Config().brand("other").config_hash


def test_replay_deals_the_brands_of_a_category_to_its_partition() -> None:
    assert {partition_of_brand(TOLD, name.encode(), 12) for name in BRANDS} == {partition_of(b"airlines", 12)}
    assert len({partition_of_brand(Config(), name.encode(), 12) for name in BRANDS}) > 1
    assert partition_of_brand(TOLD, None, 12) == 0


def test_a_category_must_not_have_the_name_of_a_brand() -> None:
    brands = {"acme": BrandSection(category="bolt"), "bolt": BrandSection()}
    with pytest.raises(ConfigError, match=r"brands\.acme\.category='bolt': must not be the name of a brand"):
        Config(ConfigFile(brands=brands))
