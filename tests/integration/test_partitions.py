"""Keys on other partitions than theirs: by another partitioner, or because the topic was grown. On a real broker."""

from __future__ import annotations

import random
import time
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.model import Config, ConfigFile, WorkerConfig
from pipeline.config.settings import Settings
from pipeline.engine.encoding import activity_record, alert_record
from pipeline.engine.engine import Engine
from pipeline.engine.placement import home_of
from pipeline.engine.records import REROUTED_HEADER, Record
from pipeline.errors import TocsinError
from pipeline.kafka.clients import admin, producer, topic_name
from pipeline.migration import run as migration
from pipeline.migration.drain import Drain, Unread
from pipeline.migration.run import migrate
from pipeline.migration.split import Targets, split
from schemas.alert import decode_alert
from schemas.catalogue import topics
from schemas.partitioning import partition_of
from tests.integration.worker_process import (
    QUICK,
    Outcome,
    WorkerProcess,
    committed,
    difference,
    oracle,
    outcome,
    publish,
    read,
    settle,
    wait_until,
)
from tests.pipeline.mention_streams import mention
from tests.pipeline.migration.grown import MIDDLE, stream
from tests.pipeline.worker.installed import install_until_the_test_ends

pytestmark = pytest.mark.integration


def by_two_producers(settings: Settings, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Every other mention by a client whose default partitioner is librdkafka's."""
    topic = topic_name(settings, "mentions")
    with producer(settings, linger_ms=5) as client:
        for number, (key, value) in enumerate(records):
            partition = zlib.crc32(key) % 4 if number % 2 else partition_of(key, 4)
            client.send(topic, value, key, partition=partition)


def settled(settings: Settings, worker: WorkerProcess) -> None:
    """Until all is committed, and nothing that was rerouted is still to come."""

    def done() -> bool:
        assert worker.is_running, worker.said[-2000:]
        ends = {number: records[-1].offset + 1 for number, records in read(settings, "mentions").items() if records}
        return committed(settings) == ends

    wait_until(done, 60, "all of mentions committed")


def test_a_brand_on_two_partitions_is_told_of_and_its_alerts_have_different_ids(settings, launch):
    worker = launch()
    worker.await_ready(4)
    by_two_producers(settings, stream(7, brands=4))
    settle(settings, [worker])
    said = worker.events(
        "mentions lie on another partition than their key's, so that a brand may be judged in two halves"
    )
    assert said
    assert all("partitioner=murmur2_random" in line["producer"] for line in said)
    text = worker.answer("/metrics")[1]
    shown = [line for line in text.splitlines() if line.startswith("tocsin_brands_misplaced{")]
    assert sum(float(line.split()[-1]) for line in shown) > 0
    assert 'tocsin_mentions_misplaced_total{outcome="counted"}' in text
    worker.stop()
    assert not difference(outcome(settings), oracle(settings))
    alerts = [decode_alert(value or b"") for found in outcome(settings).alerts.values() for _, value, _ in found]
    places = Counter((alert.brand, alert.kind, alert.transition, alert.detected_time) for alert in alerts)
    assert len({alert.id for alert in alerts}) == len(alerts)
    assert len({alert.episode_id for alert in alerts if alert.transition == "opened"}) == sum(
        alert.transition == "opened" for alert in alerts
    )
    assert places


def _as_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kafka_bootstrap", "topic_prefix", "group"):
        monkeypatch.setenv(f"TOCSIN_{name.upper()}", getattr(settings, name))


def test_check_names_the_setting_of_the_producer(settings, monkeypatch):
    _as_environment(settings, monkeypatch)
    publish(settings, [Record(0, 0, key, value) for key, value in stream(7, hours=1)])
    well = CliRunner().invoke(tocsin, ["check", "--broker"])
    assert well.exit_code == 0, well.output
    assert "lie where their keys belong" in well.output
    by_two_producers(settings, stream(7, hours=4))
    ill = CliRunner().invoke(tocsin, ["check", "--broker"])
    assert ill.exit_code == 0
    assert "partitioner=murmur2_random" in ill.output
    assert "consistent_random" in ill.output


def test_rerouted_mentions_count_once_on_the_right_partition_through_kills(settings, launch):
    config = Config(ConfigFile(worker=WorkerConfig(misplaced="reroute")))
    worker = launch(config=QUICK + 'misplaced = "reroute"\n')
    records = stream(8, hours=52, brands=6)
    dice = random.Random(3)
    for part in range(4):
        by_two_producers(settings, records[part * len(records) // 4 : (part + 1) * len(records) // 4])
        time.sleep(dice.uniform(0.4, 1.2))
        worker.kill()
        worker.start()
    settled(settings, worker)
    worker.stop()
    log = read(settings, "mentions")
    origins = Counter(dict(one.headers)[REROUTED_HEADER] for own in log.values() for one in own if one.headers)
    wrong = [
        f"{number}@{one.offset}".encode()
        for number, own in log.items()
        for one in own
        if partition_of(one.key, 4) != number
    ]
    assert origins == Counter(wrong)
    assert len(wrong) > 500
    for own in log.values():
        came = [dict(one.headers)[REROUTED_HEADER].split(b"@") for one in own if one.headers]
        for source in {number for number, _ in came}:
            offsets = [int(offset) for number, offset in came if number == source]
            assert offsets == sorted(offsets)
    want = oracle(settings, config, log)
    assert want.alert_count
    assert not difference(outcome(settings), want)
    consumed = sum(_engine(number, own, config).stats.consumed for number, own in log.items())
    assert consumed == len(records)


def _engine(number: int, records: list[Any], config: Config) -> Engine:
    engine = Engine(number, config, partitions=4)
    engine.process(records)
    return engine


def test_a_topic_that_grows_ends_the_worker_within_a_minute_with_one_line(settings, launch):
    worker = launch()
    worker.await_ready(4)
    publish(settings, [Record(0, 0, b"acme", mention())])
    settle(settings, [worker])
    _grow(settings, "mentions", 8)
    assert worker.await_end(60) == 1
    (error,) = worker.errors
    assert "expected 4 partitions, for which the state was made" in error
    assert "`tocsin migrate partitions`" in error
    again = launch()
    assert again.await_end(30) == 1
    (error,) = again.errors
    assert "`tocsin migrate partitions`" in error


def test_topics_that_were_all_grown_are_refused_by_the_state(settings, launch):
    worker = launch()
    worker.await_ready(4)
    publish(settings, [Record(0, 0, key, value) for key, value in stream(7, hours=1)])
    settle(settings, [worker])
    worker.stop()
    for name in topics():
        _grow(settings, name, 8)
    again = launch()
    assert again.await_end(30) == 1
    (error,) = again.errors
    assert "expected 4 partitions, for which the state was made, got 8" in error


def _grow(settings: Settings, name: str, partitions: int) -> None:
    with admin(settings) as client:
        client.create_partitions({topic_name(settings, name): partitions})
        topic = topic_name(settings, name)
        wait_until(lambda: len(client.describe_topics([topic])[0]["partitions"]) == partitions, 10, "grown")


def _write(settings: Settings, records: Iterable[tuple[bytes, bytes]], partitions: int) -> None:
    topic = topic_name(settings, "mentions")
    with producer(settings) as client:
        for key, value in records:
            # One after the other: the order of the broker's clock is the order of the stream.
            client.send(topic, value, key, partition=home_of(Config(), key.decode(), partitions)).get(10)


def _says_what_it_would_do(settings: Settings, monkeypatch: pytest.MonkeyPatch, after: int, before: Outcome) -> None:
    would = migrate(settings, Config())
    assert would.plan is not None
    assert (would.applied, would.plan.before, would.plan.after) == (False, 4, after)
    assert would.plan.unread == 401
    with monkeypatch.context() as patched:
        _as_environment(settings, patched)
        said = CliRunner().invoke(tocsin, ["migrate", "partitions"])
    assert said.exit_code == 0, said.output
    assert f"4 -> {after}" in said.output
    assert "nothing was changed; --apply does it" in said.output
    assert outcome(settings) == before


def _dies_in_the_middle(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two partitions written, in the third one's turn."""
    write = migration._Migration._write
    left = [3]

    async def dying(self: Any, *args: Any, **options: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise RuntimeError("killed")
        await write(self, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(migration._Migration, "_write", dying)
        with pytest.raises(RuntimeError, match="killed"):
            migrate(settings, Config(), apply=True)


@pytest.mark.parametrize("after", [6, pytest.param(8, marks=pytest.mark.slow)])
def test_what_was_learned_moves_along_and_every_mention_counts_once(settings, launch, monkeypatch, after):
    install_until_the_test_ends(monkeypatch)
    monkeypatch.setattr(migration, "STATE_RECORDS", 2)
    records = stream(9, brands=7)
    cut = next(n for n, (_, value) in enumerate(records) if MIDDLE in value)
    publish(settings, [Record(0, 0, key, value) for key, value in records[: cut - 200]])
    worker = launch()
    settle(settings, [worker])
    with pytest.raises(TocsinError, match="expected no worker, got 1 active worker"):
        migrate(settings, Config(), to=after, apply=True)
    worker.stop()
    before = outcome(settings)
    read_to = dict(before.committed)

    _write(settings, records[cut - 200 : cut], 4)
    _grow(settings, "mentions", after)
    _write(settings, [*records[cut : cut + 200], (b"acme", b"garbage")], after)
    log = read(settings, "mentions")

    _says_what_it_would_do(settings, monkeypatch, after, before)

    _dies_in_the_middle(settings, monkeypatch)
    assert launch(state_generation=2).await_end(30) == 1
    done = migrate(settings, Config(), apply=True)
    assert (done.applied, done.resumed, done.mentions, done.dead_letters) == (True, True, 400, 1)
    assert migrate(settings, Config(), apply=True).resumed

    stale = launch()
    assert stale.await_end(30) == 1
    new = settings.model_copy(update={"state_generation": 2})
    ends = [len(log[number]) for number in range(after)]
    want = _continued(before, log, read_to, ends, after)
    got = outcome(new)
    assert _listed(got) == _listed(want)
    assert got.state == want.state

    _write(settings, records[cut + 200 :], after)
    worker = launch(state_generation=2)
    worker.await_ready(after)
    settle(new, [worker])
    worker.stop()
    log = read(settings, "mentions")
    for number in range(after):
        engine = Engine(number, Config(), partitions=after, topic=topic_name(settings, "mentions"))
        engine.restore(want.state[number].items())
        outputs = engine.process(log[number])
        want.alerts[number] += [_message(alert_record(alert)) for alert in outputs.alerts]
        want.activity[number] += [_message(activity_record(one)) for one in outputs.activity]
        want.state[number] |= {key: value for key, value in engine.snapshot() if value is not None}
    got = outcome(new)
    assert _listed(got) == _listed(want)
    told = [decode_alert(value or b"") for own in got.alerts.values() for _, value, _ in own]
    assert len({alert.id for alert in told}) == len(told)
    moved = {
        alert.brand for alert in told if home_of(Config(), alert.brand, after) != home_of(Config(), alert.brand, 4)
    }
    assert moved


def _continued(
    before: Outcome, log: dict[int, list[Any]], read_to: dict[int, int], ends: list[int], after: int
) -> Outcome:
    """What the pure parts of the migration make of the old state and the log."""
    topic = next(own[0].topic for own in log.values() if own)
    drain = Drain(Config(), [before.state.get(number, {}) for number in range(4)], after, topic)
    unread = [Unread(n, one) for n, own in log.items() for one in own if one.offset >= read_to.get(n, 0)]
    drain.take(sorted(unread, key=lambda one: (one.record.timestamp, one.partition, one.record.offset)))
    drained = drain.finish()
    targets = Targets(Config(), drained.states, after)
    states = split(drained.states, targets, ends)
    alerts = {number: list(before.alerts.get(number, [])) for number in range(after)}
    for number, own in enumerate(drained.alerts):
        for alert in own:
            alerts[targets.of(number, alert.brand.encode())].append(_message(alert_record(alert)))
    activity = {number: list(before.activity.get(number, [])) for number in range(after)}
    for number, seen in enumerate(drained.activity):
        for one in seen:
            activity[targets.of(number, one.brand.encode())].append(_message(activity_record(one)))
    return Outcome(alerts, {}, dict(enumerate(states)), {}, activity)


def _message(record: Any) -> tuple[Any, ...]:
    return record.key, record.value, tuple((name, bytes(value)) for name, value in record.headers)


def _listed(found: Outcome) -> list[dict[int, list[Any]]]:
    return [{number: own for number, own in kind.items() if own} for kind in (found.alerts, found.activity)]
