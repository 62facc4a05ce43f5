"""The permissions that docs/security.md lists are enough for each command, and none of them can be left out.

The table of the document is read, its ACLs are given to a user that has no others, and the command is run; then each
operation in turn is held back.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.config.settings import Settings
from pipeline.engine.encoding import dead_letter_record
from pipeline.engine.records import DeadLetter, Record
from pipeline.kafka.clients import admin, producer, topic_name
from pipeline.kafka.topics import apply_topics
from schemas.alert import decode_alert
from schemas.catalogue import topics
from schemas.rejection import Reason
from tests.integration.hub_process import HubProcess
from tests.integration.secured_broker import PASSWORD, Permission, Secured, name_of, run
from tests.integration.worker_process import WorkerProcess, outcome, publish, settle, wait_until, working
from tests.pipeline.mention_streams import mention, troubled_stream

pytestmark = pytest.mark.integration

DOCUMENT = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
UNVERIFIED = "no permission DescribeConfigs: whether these topics are kept as the catalogue says is not verified"
MENTION = b'{"brand":"acme"}\n'


def table() -> dict[str, list[Permission]]:
    """The ACLs of each command as the document lists them."""
    found: dict[str, list[Permission]] = {}
    (rows,) = re.findall(r"<!-- acl: begin -->\n(.*?)<!-- acl: end -->", DOCUMENT, re.DOTALL)
    for row in rows.splitlines()[2:]:
        command, resource, name, pattern, operations = (
            cell.strip() for cell in row.replace("`", "").strip("|").split("|")
        )
        for topic, operation in itertools.product(name.split(","), operations.split(",")):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation.strip())
            found.setdefault(command, []).append(Permission(resource, topic.strip(), pattern, words))
    return found


TABLE = table()
RUNNING = {"worker", "hub"}
"""They do not end by themselves."""
LEAVING_OUT = [
    pytest.param(command, permission, id=f"{command} without {permission.operation} on {permission.name}")
    for command, permissions in TABLE.items()
    # Of operations that are the same on several topics, on one.
    for permission in {permission.operation: permission for permission in permissions}.values()
    if command not in RUNNING
]


OPENED = (
    Path(__file__).parents[2] / "schemas" / "examples" / "alert" / "v1" / "valid" / "crisis-opened.json"
).read_bytes()
ARGUMENTS = {
    "record": ["--out", "recorded.jsonl"],
    "explain": ["acme", "--at", "now"],
    "report": [decode_alert(OPENED).episode_id, "--format", "markdown"],
    "ack": [decode_alert(OPENED).episode_id, "--as", "duty"],
}
"""What a command needs beside its name."""


def command_line(command: str, folder: Path) -> tuple[list[str], bytes]:
    arguments = command.partition(",")[0].split()
    arguments += [str(folder / part) if part.endswith(".jsonl") else part for part in ARGUMENTS.get(command, [])]
    return ([*arguments, "-"], MENTION) if command == "publish" else (arguments, b"")


def prepared(secured: Secured, command: str) -> Settings:
    """A user of its own, on topics that are there; for `topics apply` either none or other ones."""
    settings = secured.restricted(kafka_timeout_seconds=6)
    mine = secured.settings("PLAINTEXT", topic_prefix=settings.topic_prefix)
    if command == "topics apply, changes":
        counts = {name: 1 if name == "mentions-dlq" else 4 for name in topics()}
        orders = {
            topic_name(settings, name): {"num_partitions": count, "replication_factor": 1}
            for name, count in counts.items()
        }
        with admin(mine) as client:
            client.create_topics(orders)
            client.wait_for_topics(list(orders))
    elif command != "topics apply, new topics":
        apply_topics(mine)
    if command in {"record", "explain", "dead-letters --replay --apply"}:
        send_one(mine)
    if command in {"ack", "episodes", "hub", "report"}:
        with producer(mine) as client:
            client.send(topic_name(mine, "alerts"), OPENED, b"acme")
    return settings


def send_one(settings: Settings) -> None:
    """A mention on the topic, and one that was refused for its key."""
    value = mention()
    refused = DeadLetter(Record(0, 0, None, value), "mentions", 0, Reason.MISSING_KEY, "why")
    letter = dead_letter_record(refused)
    with producer(settings) as client:
        client.send(topic_name(settings, "mentions"), value, b"acme")
        client.send(topic_name(settings, "mentions-dlq"), letter.value, letter.key, headers=letter.headers)


@pytest.mark.parametrize("command", [command for command in TABLE if command not in RUNNING])
def test_the_permissions_of_the_document_are_enough(secured, command, tmp_path):
    settings = prepared(secured, command)
    secured.permit(settings, TABLE[command])
    arguments, given = command_line(command, tmp_path)
    done = run(settings, *arguments, given=given)
    assert done.code == 0, done


@pytest.mark.parametrize(("command", "left_out"), LEAVING_OUT)
def test_without_one_of_them_a_command_says_who_lacks_it(secured, command, left_out, tmp_path):
    settings = prepared(secured, command)
    secured.permit(settings, [permission for permission in TABLE[command] if permission != left_out])
    arguments, given = command_line(command, tmp_path)
    error = run(settings, *arguments, given=given).error
    assert f"the user {settings.kafka_sasl_username!r} has no permission" in error
    assert left_out.name.replace("PREFIX", settings.topic_prefix) in error


def test_the_permissions_of_the_document_are_enough_for_the_worker(secured, tmp_path):
    """Alerts, dead letters, state and ticks included."""
    settings = prepared(secured, "worker")
    secured.permit(settings, TABLE["worker"])
    mine = secured.settings("PLAINTEXT", topic_prefix=settings.topic_prefix, group=settings.group)
    publish(mine, [record for record in troubled_stream(3) if record.key and record.value])
    with working(settings, tmp_path) as worker:
        settle(mine, [worker])
        wait_until(lambda: ticked(worker), 20, "a tick")
        found = outcome(mine)
        assert found.alert_count
        assert found.dead_letter_count
        assert any(found.state.values())
        (warning,) = worker.events(UNVERIFIED)
        assert set(warning["topics"]) == {topic_name(settings, name) for name in topics() if name != "alert-deliveries"}
        said = [worker.said, worker.answer("/metrics")[1], worker.answer("/healthz")[1], worker.answer("/readyz")[1]]
        said.append(Path(f"/proc/{worker.process.pid}/cmdline").read_text())
        worker.stop()
    assert not [text for text in said if PASSWORD in text]


def test_with_leave_to_read_settings_the_worker_and_check_refuse_wrong_ones(secured, tmp_path):
    settings = prepared(secured, "worker")
    more = [Permission("Topic", f"PREFIX{name}", "literal", "DESCRIBE_CONFIGS") for name in topics()]
    secured.permit(settings, TABLE["worker"] + more)
    alerts = topic_name(settings, "alerts")
    with admin(secured.settings("PLAINTEXT")) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, alerts, {"retention.ms": "1000"})])
    wrong = f"{alerts}: expected retention.ms 7776000000 or more, got 1000"
    assert wrong in run(settings, "check", "--broker").error
    with working(settings, tmp_path) as worker:
        assert worker.await_end(40) == 1
        (line,) = worker.errors
    assert wrong in line


def test_check_says_which_settings_it_may_not_read_and_passes(secured):
    settings = prepared(secured, "check --broker")
    secured.permit(settings, TABLE["check --broker"])
    done = run(settings, "check", "--broker")
    assert done.code == 0
    assert f"warning: no permission DescribeConfigs on {settings.topic_prefix}mentions, " in done.err


@pytest.fixture
def hub_of(tmp_path: Path) -> Iterator[Callable[[Settings], HubProcess]]:
    """Start hubs; none outlives the test."""
    started: list[HubProcess] = []

    def start(settings: Settings) -> HubProcess:
        started.append(HubProcess(settings, tmp_path))
        started[-1].start()
        return started[-1]

    yield start
    for hub in started:
        hub.close()


def test_the_permissions_of_the_document_are_enough_for_the_hub_and_without_write_it_reads_on(secured, hub_of):
    episode = decode_alert(OPENED).episode_id
    settings = prepared(secured, "hub")
    secured.permit(settings, TABLE["hub"])
    hub = hub_of(settings)
    wait_until(lambda: hub.get(f"api/episodes/{episode}"), 30, "the episode")
    assert hub.say(episode, kind="acknowledged", author="Kim")[0] == 200
    (write,) = [permission for permission in TABLE["hub"] if permission.operation == "Write"]
    secured.revoke(settings, write)
    status, page = hub.say(episode, kind="note", author="Kim", note="more")
    assert status == 503
    assert "has no permission" in page
    assert hub.get(f"api/episodes/{episode}")["standing"]["acknowledged"]["author"] == "Kim"


@pytest.mark.parametrize("topic", ["alerts", "brand-activity", "alert-feedback", "alert-deliveries"])
def test_without_one_of_its_topics_the_hub_ends_at_its_start_and_says_which(secured, hub_of, tmp_path, topic):
    settings = prepared(secured, "hub")
    secured.permit(settings, [permission for permission in TABLE["hub"] if permission.name != f"PREFIX{topic}"])
    hub = hub_of(settings)
    assert hub.process is not None
    hub.process.communicate(timeout=40)
    assert (hub.process.returncode, hub.address) == (1, "")
    assert topic_name(settings, topic) in (tmp_path / "hub.log").read_text()


def ticked(worker: WorkerProcess) -> bool:
    metrics = re.findall(r"^tocsin_ticks_total(?:{[^}]*})? (\S+)$", worker.answer("/metrics")[1], re.MULTILINE)
    return sum(map(float, metrics)) > 0


@pytest.mark.parametrize("left_out", TABLE["worker"], ids=lambda one: f"{one.operation} on {one.name}")
def test_without_one_of_them_the_worker_ends_at_its_start_and_says_who_lacks_it(secured, tmp_path, left_out):
    settings = prepared(secured, "worker")
    secured.permit(settings, [permission for permission in TABLE["worker"] if permission != left_out])
    with working(settings, tmp_path) as worker:
        assert worker.await_end(40) == 1
    (error,) = worker.errors
    assert f"the user {settings.kafka_sasl_username!r} has no permission" in error
    # Where nothing else is allowed on a topic, Kafka does not even say that it is there.
    assert name_of(left_out, settings) in error
    assert PASSWORD not in worker.said
    assert "Traceback" not in worker.said


def test_the_worker_s_password_from_a_file_is_in_no_part_of_its_process(secured, tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    changes: dict[str, Any] = {"kafka_sasl_password": None, "kafka_sasl_password_file": path}
    settings = secured.settings("SASL_SSL", topic_prefix="from-file-", group="from-file", **changes)
    apply_topics(settings, 1)
    with working(settings, tmp_path) as worker:
        worker.await_ready(1)
        process = Path(f"/proc/{worker.process.pid}")
        assert not [name for name in ("cmdline", "environ") if PASSWORD in (process / name).read_text()]
        worker.stop()
    assert PASSWORD not in worker.said
