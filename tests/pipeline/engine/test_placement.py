"""Mentions on another partition than their key's: counted apart, refused or sent home, and never with equal ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import BrandSection, Config, ConfigFile, EngineConfig, Misplaced, WorkerConfig
from pipeline.engine.encoding import dead_letter_record, rerouted_record
from pipeline.engine.engine import Engine
from pipeline.engine.placement import home_of
from pipeline.engine.records import REROUTED_HEADER, Record
from schemas.partitioning import partition_of
from tests.pipeline.engine.engine_runs import undisturbed, with_crashes
from tests.pipeline.mention_streams import START, mention, record, tick, troubled_stream

PARTITIONS = 4
HOME = partition_of(b"acme", PARTITIONS)
AWAY = (HOME + 1) % PARTITIONS


def configured(misplaced: Misplaced, max_brands: int = 200_000, dead_letter_run_limit: int = 1000) -> Config:
    engine = EngineConfig(max_brands=max_brands, dead_letter_run_limit=dead_letter_run_limit)
    return Config(ConfigFile(engine=engine, worker=WorkerConfig(misplaced=misplaced)))


def engine_at(partition: int, config: Config | None = None) -> Engine:
    return Engine(partition, config or Config(), partitions=PARTITIONS)


@cache
def storm(share: int, of: int) -> list[Record]:
    """One part of two days of mentions of one brand that end in a storm: what one of so many producers has sent."""
    records: list[Record] = []
    times = [START + n * 120 for n in range(48 * 30)] + [START + 48 * 3600 + n * 5 for n in range(2000)]
    for n, at in enumerate(times):
        if n % of == share:
            bad = at >= START + 48 * 3600 and n % 5 > 0
            value = mention(id=str(n), at=at, sentiment=-0.9 if bad else 0.5, text=f"post {n}")
            records.append(record(len(records), value))
    return [*records, tick(len(records), START + 60 * 3600)]


def test_a_brand_on_two_partitions_opens_two_crises_with_different_ids() -> None:
    """No id stands for two contents; on its own partition the ids are those that no placement was known for."""
    outputs = [engine_at(partition).process(storm(share, 2)) for share, partition in enumerate((HOME, AWAY))]
    ids = [{alert.id for alert in found.alerts} for found in outputs]
    episodes = [{alert.episode_id for alert in found.alerts} for found in outputs]
    assert all(ids)
    assert ids[0].isdisjoint(ids[1])
    assert episodes[0].isdisjoint(episodes[1])
    assert undisturbed(storm(0, 2)).outputs == outputs[0]


def test_every_partition_gives_ids_of_its_own() -> None:
    """Two wrong partitions differ from each other too."""
    found = [engine_at(partition).process(storm(0, 2)).alerts for partition in range(PARTITIONS)]
    assert all(found)
    assert len({alert.id for alerts in found for alert in alerts}) == sum(map(len, found))


def test_a_category_on_two_partitions_has_two_identities() -> None:
    """Its own episodes are kept apart as those of brands are; no brand can have the name of either."""
    config = Config(ConfigFile(brands={"acme": BrandSection(category="airlines")}))
    names = {engine_at(p, config)._state.placement.identity_of_category("airlines") for p in range(PARTITIONS)}
    assert len(names) == PARTITIONS
    assert "category/airlines" in names
    assert home_of(config, "acme", PARTITIONS) == partition_of(b"airlines", PARTITIONS)


def test_misplaced_mentions_count_where_they_are_and_are_told_of() -> None:
    """The default: nothing is lost, and the figures say it."""
    engine = engine_at(AWAY)
    outputs = engine.process([record(n, mention(id=str(n))) for n in range(20)])
    assert (outputs.dead_letters, outputs.rerouted) == ([], [])
    assert engine.stats.misplaced == {"counted": 20, "refused": 0, "rerouted": 0}
    assert dict(engine.misplaced) == {"acme": HOME}
    at_home = engine_at(HOME)
    at_home.process([record(0, mention())])
    assert not at_home.misplaced
    assert not any(at_home.stats.misplaced.values())


def test_without_the_number_of_partitions_nothing_is_misplaced() -> None:
    """A file of counts, or an evaluation, stands for no topic."""
    engine = Engine(7, configured("dead_letter"))
    engine.process([record(0, mention())])
    assert not engine.misplaced
    assert engine.stats.consumed == 1


def test_a_misplaced_mention_is_refused_with_its_bytes_where_that_is_wanted() -> None:
    """The reason says where it belongs; a partition of nothing else does not stop the worker."""
    engine = engine_at(AWAY, configured("dead_letter", dead_letter_run_limit=3))
    records = [record(n, mention(id=str(n))) for n in range(40)]
    letters = list(map(dead_letter_record, engine.process(records).dead_letters))
    assert [letter.value for letter in letters] == [one.value for one in records]
    headers = dict(letters[0].headers)
    assert headers["tocsin-reason"] == b"misplaced"
    assert f"partition {HOME} of {PARTITIONS}".encode() in headers["tocsin-error"]
    assert engine.stats.misplaced["refused"] == 40
    assert engine.brands == 0


def test_a_brand_that_was_known_before_the_setting_is_refused_too() -> None:
    """What the state remembers of it does not let its mentions pass."""
    before = engine_at(AWAY)
    before.process([record(n, mention(id=str(n))) for n in range(20)])
    engine = engine_at(AWAY, configured("dead_letter"))
    engine.restore(before.snapshot())
    one_by_one = engine.process([record(20, mention(id="20"))])
    at_once = engine.process([record(n, mention(id=str(n))) for n in range(21, 60)])
    assert len(one_by_one.dead_letters) + len(at_once.dead_letters) == 40


def forwarded(rerouted: Sequence[Any], offset: int) -> list[Record]:
    """The rerouted mentions as they lie on the partition where they belong."""
    out = map(rerouted_record, rerouted)
    far = (START + 400 * 86_400) * 1000
    return [Record(offset + n, far, one.key, one.value, tuple(one.headers)) for n, one in enumerate(out)]


def test_a_rerouted_mention_keeps_its_bytes_and_says_whence_it_came() -> None:
    """Its own headers come along behind the two that tell of its origin."""
    engine = engine_at(AWAY, configured("reroute"))
    own = ("trace", b"7")
    source = Record(41, START * 1000 + 5, b"acme", mention(), (own,))
    (rerouted,) = engine.process([source]).rerouted
    assert rerouted.home == HOME
    out = rerouted_record(rerouted)
    assert (out.key, out.value) == (source.key, source.value)
    assert out.headers == [
        (REROUTED_HEADER, f"{AWAY}@41".encode()),
        ("tocsin-timestamp", str(source.timestamp).encode()),
        own,
    ]


def test_headers_that_would_make_a_rerouted_mention_too_large_stay_behind() -> None:
    """A record that the topic only just took must not stop the worker on its second way in."""
    engine = engine_at(AWAY, configured("reroute"))
    source = Record(0, START * 1000, b"acme", mention(), (("huge", b"x" * 900_000),))
    (rerouted,) = engine.process([source]).rerouted
    assert sum(len(value) for _, value in rerouted_record(rerouted).headers) < 100


def test_a_rerouted_mention_counts_once_and_is_never_sent_on() -> None:
    """Not even by a partition that thinks it belongs on a third one."""
    config = configured("reroute")
    away, home, third = engine_at(AWAY, config), engine_at(HOME, config), engine_at((AWAY + 1) % PARTITIONS, config)
    rerouted = away.process([record(n, mention(id=str(n))) for n in range(20)]).rerouted
    assert away.stats.misplaced["rerouted"] == 20
    assert away.brands == 0
    assert home.process(forwarded(rerouted, 0)).rerouted == []
    assert home.stats.consumed == 20
    assert third.process(forwarded(rerouted, 0)).rerouted == []
    assert third.stats.misplaced["counted"] == 20


def number_of(one: Record) -> int:
    """Which mention of the storm it is."""
    return int((one.value or b"").split(b'"id": "')[1].split(b'"')[0])


def test_with_rerouting_two_producers_give_the_alerts_of_one() -> None:
    """Half of a storm on the wrong partition and sent home is the storm on the right one."""
    config = configured("reroute")
    away, home = engine_at(AWAY, config), engine_at(HOME, config)
    rerouted = away.process(storm(1, 2)).rerouted
    own = [one for one in storm(0, 2) if one.value is not None]
    merged = sorted([*own, *forwarded(rerouted, 0)], key=number_of)
    end = tick(len(merged), START + 60 * 3600)
    told = [Record(n, one.timestamp, one.key, one.value, one.headers) for n, one in enumerate(merged)]
    whole = engine_at(HOME, config).process(storm(0, 1))
    assert home.process([*told, end]).alerts == whole.alerts
    assert any(alert.kind == "crisis" for alert in whole.alerts)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 1000),
    mode=st.sampled_from(("warn", "dead_letter", "reroute")),
    rhythm=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3), st.booleans()), min_size=1, max_size=4),
)
def test_crashes_change_nothing_of_what_is_counted_refused_or_rerouted(
    seed: int, mode: Misplaced, rhythm: list[tuple[int, int, bool]]
) -> None:
    """The same outputs and the same state, wherever the worker died."""
    records, config = troubled_stream(seed, hours=8, crisis_at=5), configured(mode)
    whole = undisturbed(records, config, partitions=PARTITIONS)
    broken = with_crashes(records, rhythm, config, partitions=PARTITIONS)
    assert broken.outputs == whole.outputs
    assert broken.state == whole.state


def test_the_setting_takes_part_in_the_hash_only_where_it_is_not_the_default() -> None:
    """Hashes of before stay; a hash tells apart what gives other alerts."""
    hashes = [configured(mode).brand("acme").config_hash for mode in ("warn", "dead_letter", "reroute")]
    assert hashes[0] == Config().brand("acme").config_hash
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("mode", ["dead_letter", "reroute"])
def test_a_mention_that_cannot_be_one_is_refused_before_it_is_sent_on(mode: Misplaced) -> None:
    """Only mentions are rerouted."""
    engine = engine_at(AWAY, configured(mode))
    outputs = engine.process([record(0, b"{}"), record(1, mention(at=START + 61), timestamp=START * 1000)])
    assert [str(letter.reason) for letter in outputs.dead_letters] == ["missing_field", "event_time_in_future"]
    assert outputs.rerouted == []
