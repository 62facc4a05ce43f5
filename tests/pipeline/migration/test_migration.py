"""Growth in the middle of a stream: each mention counts once, and what was learned is where the keys now go."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import BrandSection, Config, ConfigFile, WorkerConfig
from pipeline.engine.engine import Engine
from pipeline.engine.placement import home_of
from pipeline.engine.records import TICK_HEADER
from pipeline.engine.state import CHECKPOINT_KEY, OPEN_SUFFIX, Checkpoint, decode_checkpoint, decode_open, encode
from pipeline.migration.drain import Drain, Drained
from pipeline.migration.split import Targets, split
from schemas.activity import encode_activity
from schemas.alert import Alert, encode_alert
from tests.pipeline.mention_streams import START, mention, tick
from tests.pipeline.migration.grown import MIDDLE, Topic, Workers, stream

BEFORE = 4
END = START + 52 * 3600


def grown(
    seed: int, after: int, config: Config | None = None
) -> tuple[Topic, Workers, Drained, list[dict[bytes, bytes]]]:
    """Two thirds written before the growth, of which the workers had read three quarters; all is written when drained.

    Cut in the middle of the storms. Returns the topic, the old workers, what the drain gave and the new states.
    """
    config = config or Config()
    records = stream(seed)
    cut = next(n for n, (_, value) in enumerate(records) if MIDDLE in value)
    topic, old = Topic(BEFORE, config), Workers(config, BEFORE)
    topic.write(records[: cut - 300])
    ends = topic.ends
    topic.write(records[cut - 300 : cut])
    old.read(topic, ends)
    topic.grow(after)
    topic.write(records[cut : cut + 500])
    drain = Drain(config, old.states, after, "mentions")
    drain.take(topic.unread(ends))
    drained = drain.finish()
    targets = Targets(config, drained.states, after)
    new = split(drained.states, targets, topic.ends)
    topic.write(records[cut + 500 :])
    return topic, old, drained, new


@cache
def grown_once(after: int) -> tuple[Topic, Workers, Drained, list[dict[bytes, bytes]]]:
    """One such growth, for tests that only look at it."""
    return grown(1, after)


@cache
def ungrown() -> Workers:
    """Workers of the same stream on a topic that was never grown, long after its end."""
    topic, workers = Topic(BEFORE), Workers(Config(), BEFORE)
    topic.write(stream(1))
    workers.read(topic)
    for number in range(BEFORE):
        workers.give(number, [tick(len(topic.partitions[number]), END)])
    return workers


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 50), after=st.sampled_from((8, 12)))
def test_the_drain_gives_what_workers_of_an_ungrown_topic_would_have_given(seed: int, after: int) -> None:
    """Alerts and state byte for byte, offsets aside, whatever partition a mention was written to."""
    records = stream(seed)
    cut = next(n for n, (_, value) in enumerate(records) if MIDDLE in value)
    _, old, drained, _ = grown(seed, after)
    topic, whole = Topic(BEFORE), Workers(Config(), BEFORE)
    topic.write(records[: cut + 500])
    whole.read(topic)
    told = [encode_alert(alert) for alert in old.outputs.alerts]
    told += [encode_alert(alert) for own in drained.alerts for alert in own]
    assert sorted(told) == sorted(map(encode_alert, whole.outputs.alerts))
    assert told
    seen = [*old.outputs.activity, *(one for own in drained.activity for one in own)]
    assert sorted(map(encode_activity, seen)) == sorted(map(encode_activity, whole.outputs.activity))
    for mine, theirs in zip(drained.states, whole.states, strict=True):
        assert mine.keys() == theirs.keys()
        differing = {key for key in mine if mine[key] != theirs[key]}
        assert {key for key in differing if not key.endswith(OPEN_SUFFIX)} <= {CHECKPOINT_KEY}


@pytest.mark.parametrize("after", [5, 6, 8, 12])
def test_every_brand_is_where_its_key_now_goes_and_nothing_of_it_has_changed(after: int) -> None:
    """Open buckets too, but for the numbers that say in which order they were opened."""
    _, _, drained, new = grown_once(after)
    seen: Counter[bytes] = Counter()
    for number, state in enumerate(new):
        checkpoint = decode_checkpoint(CHECKPOINT_KEY, state[CHECKPOINT_KEY])
        assert (checkpoint.partitions, list(state)[-1]) == (after, CHECKPOINT_KEY)
        for key, value in state.items():
            name = key.removesuffix(OPEN_SUFFIX)
            if key.startswith(b"#"):
                continue
            seen[key] += 1
            home = home_of(Config(), name.decode(), BEFORE)
            assert number == home_of(Config(), name.decode(), after)
            if key.endswith(OPEN_SUFFIX):
                assert all(bucket.first_offset < 0 for bucket in decode_open(key, value).buckets.values())
            else:
                assert value == drained.states[home][key]
    assert seen == Counter({key for state in drained.states for key in state if not key.startswith(b"#")})


@pytest.mark.parametrize("after", [5, 6, 8, 12])
def test_episodes_go_on_under_their_ids_and_no_mention_is_lost_or_counted_twice(after: int) -> None:
    """What is told over both generations has the openings and ends of a topic that was never grown."""
    topic, old, drained, new = grown_once(after)
    workers = Workers(Config(), after, new)
    workers.read(topic)
    for number in range(after):
        workers.give(number, [tick(len(topic.partitions[number]), END)])
    told = [*old.outputs.alerts, *(alert for own in drained.alerts for alert in own), *workers.outputs.alerts]
    whole = ungrown()
    counted = [sum(engine.stats.consumed for engine in one.engines) for one in (old, workers, whole)]
    assert counted[0] + drained.mentions + counted[1] == counted[2]
    assert not any(engine.stats.late or engine.stats.duplicates for engine in workers.engines)

    def ends(alerts: list[Alert]) -> set[tuple[str, str, str]]:
        return {
            (one.brand, one.transition, one.episode_id)
            for one in alerts
            if one.kind == "crisis" and one.transition not in {"escalated", "updated"}
        }

    assert ends(told) == ends(whole.outputs.alerts)
    assert {transition for _, transition, _ in ends(told)} == {"opened", "resolved"}
    assert len({alert.id for alert in told}) == len(told)


def test_a_mention_sent_again_after_the_growth_still_counts_once() -> None:
    """Its id went along in the open bucket, to another partition."""
    topic, _, _, new = grown(2, 8)
    moved = next(
        (number, key, bucket)
        for number, state in enumerate(new)
        for key, value in state.items()
        if key.endswith(OPEN_SUFFIX) and number >= BEFORE
        for bucket in decode_open(key, value).buckets.items()
    )
    number, key, (index, bucket) = moved
    brand = key.removesuffix(OPEN_SUFFIX)
    engine = Engine(number, Config(), partitions=8)
    engine.restore(new[number].items())
    again = mention(brand=brand.decode(), id=next(iter(bucket.ids)), at=index * 300 + 299)
    topic.put(number, brand, again)
    engine.process([topic.partitions[number][-1]])
    assert engine.stats.duplicates == 1


@pytest.mark.parametrize("after", [6, 8])
def test_a_crash_after_the_migration_changes_nothing(after: int) -> None:
    """The order in which buckets close is in the state, not in the memory of the process that moved it."""
    topic, _, _, new = grown_once(after)
    whole = Workers(Config(), after, new)
    whole.read(topic)
    broken = Workers(Config(), after, new)
    middle = [
        (decode_checkpoint(CHECKPOINT_KEY, state[CHECKPOINT_KEY]).next_offset + end) // 2
        for state, end in zip(new, topic.ends, strict=True)
    ]
    broken.read(topic, middle)
    again = Workers(Config(), after, broken.states)
    again.read(topic)
    assert again.states == whole.states
    assert [*broken.outputs.alerts, *again.outputs.alerts] or not whole.outputs.alerts
    assert sorted(map(encode_alert, [*broken.outputs.alerts, *again.outputs.alerts])) == sorted(
        map(encode_alert, whole.outputs.alerts)
    )


def test_feedback_is_not_read_again_from_the_beginning() -> None:
    states: list[dict[bytes, bytes]] = [{CHECKPOINT_KEY: encode(Checkpoint(2, feedback_offset=n))} for n in (7, 9)]
    new = split(states, Targets(Config(), states, 4), [0] * 4)
    assert [decode_checkpoint(CHECKPOINT_KEY, one[CHECKPOINT_KEY]).feedback_offset for one in new] == [7, 9, 0, 0]


def test_what_the_feed_usually_brings_is_shared_out() -> None:
    """Otherwise every ordinary pause of a partition with half of the brands would look like a gap."""
    _, _, drained, new = grown_once(8)

    def rate(states: list[dict[bytes, bytes]]) -> float:
        return sum(
            decode_checkpoint(CHECKPOINT_KEY, one[CHECKPOINT_KEY]).feed.rate for one in states if CHECKPOINT_KEY in one
        )

    assert rate(new) == pytest.approx(rate(drained.states))


def test_a_brand_that_lay_on_two_partitions_keeps_both_of_its_states() -> None:
    """That of the right partition goes to the right one; the other is never put in its place."""
    for after in (5, 6, 7, 8):
        topic, old = Topic(BEFORE), Workers(Config(), BEFORE)
        home = home_of(Config(), "acme", BEFORE)
        for number in range(BEFORE):
            topic.put(number, b"acme", mention(id=str(number), at=START + number))
            topic.put(number, b"acme", mention(id=f"{number}b", at=START + 3000))
        old.read(topic)
        drain = Drain(Config(), old.states, after, "mentions")
        drained = drain.finish()
        new = split(drained.states, Targets(Config(), drained.states, after), topic.ends + [0] * (after - BEFORE))
        holders = [number for number, state in enumerate(new) if b"acme" in state]
        assert len(holders) == BEFORE
        right = home_of(Config(), "acme", after)
        assert new[right][b"acme"] == drained.states[home][b"acme"]
        for number, state in enumerate(new):
            Engine(number, Config(), partitions=after).restore(state.items())


def test_brands_of_a_category_move_together_with_its_episodes() -> None:
    """The category's name decides, before and after."""
    names = [f"house-{number}" for number in range(9)]
    config = Config(ConfigFile(brands={name: BrandSection(category="fleet") for name in names}))
    _, _, drained, new = grown(6, 8, config)
    home = home_of(config, "house-0", 8)
    assert {number for number, state in enumerate(new) for key in state if key.startswith(b"house-")} == {home}
    categories = {key for state in drained.states for key in state if key.startswith(b"#category/")}
    assert {key for key in new[home] if key.startswith(b"#category/")} == categories


def test_ticks_of_added_partitions_and_refused_records_are_taken_as_they_must_be() -> None:
    """A tick says nothing about another partition; a dead letter names the place where its record lies."""
    topic, old = Topic(BEFORE), Workers(Config(), BEFORE)
    topic.write([(b"acme", mention())])
    old.read(topic)
    topic.grow(8)
    late = str((START + 30 * 86_400) * 1000).encode()
    topic.put(7, None, None, ((TICK_HEADER, late),))
    topic.put(6, b"acme", b"garbage")
    keyless = mention()
    topic.put(5, None, keyless)
    drain = Drain(Config(), old.states, 8, "mentions")
    drain.take(topic.unread([1 if own else 0 for own in old.states]))
    drained = drain.finish()
    places = [(str(one.reason), one.partition, one.record.offset, one.record.value) for one in drained.dead_letters]
    assert sorted(places) == [("malformed_json", 6, 0, b"garbage"), ("missing_key", 5, 0, keyless)]
    states = [decode_checkpoint(CHECKPOINT_KEY, one[CHECKPOINT_KEY]) for one in drained.states if CHECKPOINT_KEY in one]
    assert max(one.event_time for one in states) == START


@pytest.mark.parametrize(("mode", "counted"), [("warn", True), ("dead_letter", False), ("reroute", True)])
def test_unread_misplaced_mentions_are_treated_as_the_workers_would(mode: str, counted: bool) -> None:
    """Counted apart, refused, or counted where they belong."""
    config = Config(ConfigFile(worker=WorkerConfig(misplaced=mode)))  # type: ignore[arg-type]  # one of the words
    topic = Topic(8, config)
    right = {home_of(config, "acme", BEFORE), home_of(config, "acme", 8)}
    wrong = next(number for number in range(8) if number not in right and number % BEFORE not in right)
    topic.put(wrong, b"acme", mention())
    drain = Drain(config, [{} for _ in range(BEFORE)], 8, "mentions")
    drain.take(topic.unread([]))
    drained = drain.finish()
    assert drained.mentions == counted
    assert [str(one.reason) for one in drained.dead_letters] == ([] if counted else ["misplaced"])
    holders = [number for number, state in enumerate(drained.states) if b"acme#open" in state]
    expected = {"warn": [wrong % BEFORE], "dead_letter": [], "reroute": [home_of(config, "acme", BEFORE)]}
    assert holders == expected[mode]
