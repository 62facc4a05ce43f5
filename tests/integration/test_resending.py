"""`tocsin dead-letters --replay`: refused records once more onto the topic, each once, whoever asks and how often."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.engine.encoding import KEPT_BYTES, dead_letter_record
from pipeline.engine.records import DeadLetter, Record
from pipeline.errors import BrokerError
from pipeline.kafka import resending
from pipeline.kafka.clients import producer, topic_name
from pipeline.kafka.partitioning import partition_of
from schemas.rejection import Reason
from tests.integration.worker_process import outcome, publish, read, settle, working
from tests.pipeline.mention_streams import mention, record

pytestmark = pytest.mark.integration


def refuse(settings: Settings, letters: list[tuple[bytes | None, bytes | None, Reason]]) -> None:
    """Dead letters as the worker writes them, over all partitions."""
    with producer(settings, max_request_size=4 << 20) as client:
        for offset, (key, value, reason) in enumerate(letters):
            letter = dead_letter_record(
                DeadLetter(Record(offset, 1_700_000_000_000, key, value), "m", 0, reason, "why")
            )
            topic = topic_name(settings, "mentions-dlq")
            client.send(topic, letter.value, letter.key or b"", headers=letter.headers, partition=offset % 4).get(10)


def ids(settings: Settings) -> list[str]:
    """Ids of the mentions on the topic."""
    records = [one for found in read(settings, "mentions").values() for one in found]
    return sorted(json.loads(one.value)["id"] for one in records)


def some(count: int, reason: Reason = Reason.TOO_MANY_BRANDS) -> list[tuple[bytes | None, bytes | None, Reason]]:
    return [(b"acme", mention(id=f"{number:03}"), reason) for number in range(count)]


@pytest.fixture
def run(cluster_settings):
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }

    def replay(*arguments: str) -> dict[str, Any]:
        command = ["dead-letters", "--replay", "--json", *arguments]
        result = CliRunner().invoke(tocsin, command, env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return replay


def test_nothing_is_sent_unless_it_is_asked_for(cluster_settings, run):
    refuse(cluster_settings, some(3))
    assert run()["sent"] == {"too_many_brands": 3}
    assert ids(cluster_settings) == []


def test_each_is_sent_once_and_a_second_run_sends_nothing(cluster_settings, run):
    refuse(cluster_settings, some(1201))
    assert run("--apply")["sent"] == {"too_many_brands": 1201}
    assert run("--apply") == {"applied": True, "sent": {}, "refused": {}, "incomplete": {}, "before": 1201, "late": 0}
    assert ids(cluster_settings) == sorted(f"{number:03}" for number in range(1201))
    refuse(cluster_settings, [(b"acme", mention(id="new"), Reason.TOO_MANY_BRANDS)])
    assert run("--yes")["sent"] == {"too_many_brands": 1}


def test_a_reason_and_a_limit_choose(cluster_settings, run):
    refuse(cluster_settings, [*some(4), *some(3, Reason.OUT_OF_RANGE)])
    assert run("--apply", "--reason", "out_of_range", "--limit", "2")["sent"] == {"out_of_range": 2}
    assert run("--apply", "--reason", "out_of_range")["sent"] == {"out_of_range": 1}
    assert run("--apply")["sent"] == {"too_many_brands": 4}


def test_an_interrupted_run_goes_on_without_loss_or_double(cluster_settings, run, monkeypatch):
    """It ends inside a transaction, after the records were acknowledged and before the commit."""
    refuse(cluster_settings, some(60))
    monkeypatch.setattr(resending, "_BATCH_RECORDS", 25)
    commits = []

    def commit(client: Any, seconds: float) -> None:
        commits.append(client)
        if len(commits) == 2:
            raise KeyboardInterrupt
        client.commit_transaction()

    monkeypatch.setattr(resending, "commit_transaction", commit)
    with pytest.raises(KeyboardInterrupt):
        resending.resend(cluster_settings, (), apply=True)
    assert len(ids(cluster_settings)) == 25
    assert run("--apply")["before"] == 25
    assert ids(cluster_settings) == [f"{number:03}" for number in range(60)]


def test_of_two_at_once_the_first_gives_up_and_nothing_is_sent_twice(cluster_settings, run, monkeypatch):
    refuse(cluster_settings, some(40))
    monkeypatch.setattr(resending, "_BATCH_RECORDS", 10)
    taken: list[int] = []

    def meddle(_: int) -> None:
        if not taken:
            taken.append(resending.resend(cluster_settings, (), apply=True).sent.total())

    with pytest.raises(BrokerError, match="another one has begun"):
        resending.resend(cluster_settings, (), apply=True, on_progress=meddle)
    assert taken == [30]
    assert ids(cluster_settings) == [f"{number:03}" for number in range(40)]


def test_what_would_be_refused_again_stays_unless_it_is_forced(cluster_settings, run):
    refuse(cluster_settings, [(b"acme", b"{", Reason.MALFORMED_JSON), *some(1)])
    assert run("--apply")["refused"] == {"malformed_json": 1}
    assert run("--apply", "--force")["sent"] == {"malformed_json": 1}
    assert run("--apply", "--force")["before"] == 2


def test_what_the_topic_does_not_hold_whole_stays(cluster_settings, run):
    batch = bytes(8) + (92).to_bytes(4, "big") + bytes(4) + b"\x02" + bytes(87)
    refuse(
        cluster_settings,
        [
            (None, None, Reason.TOMBSTONE),
            (b"acme", b"x" * (KEPT_BYTES + 9), Reason.TOO_LARGE),
            (None, batch, Reason.UNREADABLE_BATCH),
        ],
    )
    found = run("--apply", "--force")
    assert found["incomplete"] == {"tombstone": 1, "too_large": 1, "unreadable_batch": 1}
    assert found["sent"] == {}


def test_it_is_keyed_by_the_brand_that_it_names_and_says_where_it_comes_from(cluster_settings, run):
    value = mention(brand="zeta", id="z")
    refuse(cluster_settings, [(b"somebody", value, Reason.BRAND_KEY_MISMATCH)])
    assert run("--apply")["sent"] == {"brand_key_mismatch": 1}
    log = read(cluster_settings, "mentions")
    (sent,) = log[partition_of(b"zeta", 4)]
    assert (sent.key, sent.value) == (b"zeta", value)
    assert dict(sent.headers)["tocsin-dead-letter"].endswith(b"mentions-dlq[0]@0")


def test_the_list_of_dead_letters_does_not_show_the_notes(cluster_settings, run):
    refuse(cluster_settings, some(2))
    run("--apply")
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    assert CliRunner().invoke(tocsin, ["dead-letters"], env=environment).stderr == "2 too_many_brands\n"


def test_the_worker_takes_what_is_sent_again(cluster_settings, run, tmp_path):
    """A record that came without a key was refused; its brand stands in it."""
    with working(cluster_settings, tmp_path) as worker:
        worker.await_ready(4)
        publish(cluster_settings, [record(0, mention(id="x"), None)])
        settle(cluster_settings, [worker])
        assert outcome(cluster_settings).dead_letter_count == 1
        assert run("--apply")["sent"] == {"missing_key": 1}
        settle(cluster_settings, [worker])
        worker.stop()
    assert run("--apply")["sent"] == {}
    found = outcome(cluster_settings)
    assert any(b"acme#open" in state for state in found.state.values())


def test_options_of_the_replay_need_it_and_exclude_following(cluster_settings):
    for arguments in (["--apply"], ["--force"], ["--replay", "--follow"], ["--replay", "--new"]):
        assert CliRunner().invoke(tocsin, ["dead-letters", *arguments]).exit_code == 2
