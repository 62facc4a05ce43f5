"""The AsyncAPI document says what the catalogue, the records and the code say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest

from pipeline.engine.encoding import KEPT_BYTES, SHA256_HEADER, SIZE_HEADER, dead_letter_record
from pipeline.engine.records import TICK_HEADER, DeadLetter, Record
from schemas.alert import alert_headers, decode_alert
from schemas.catalogue import topics
from schemas.documents import published
from schemas.rejection import Reason
from tests.schemas.contracts import SCHEMAS, examples

DOCUMENT = msgspec.yaml.decode((SCHEMAS / "asyncapi.yaml").read_bytes())
MESSAGES = DOCUMENT["components"]["messages"]

# Required and allowed keys of the AsyncAPI 3.0.0 objects that the document uses.
OBJECTS = {
    "root": ({"asyncapi", "info"}, {"id", "servers", "defaultContentType", "channels", "operations", "components"}),
    "info": ({"title", "version"}, {"description", "termsOfService", "contact", "license", "tags", "externalDocs"}),
    "server": (
        {"host", "protocol"},
        {"protocolVersion", "pathname", "description", "title", "summary", "variables", "security", "tags", "bindings"},
    ),
    "channel": (
        set(),
        {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "bindings"},
    ),
    "operation": (
        {"action", "channel"},
        {"title", "summary", "description", "security", "tags", "bindings", "traits", "messages", "reply"},
    ),
    "message": (
        set(),
        {"headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description", "tags"}
        | {"externalDocs", "bindings", "examples", "traits"},
    ),
    "kafka channel binding": (
        set(),
        {"topic", "partitions", "replicas", "topicConfiguration", "bindingVersion"},
    ),
    "kafka message binding": (
        set(),
        {"key", "schemaIdLocation", "schemaIdPayloadEncoding", "schemaLookupStrategy", "bindingVersion"},
    ),
}


def objects() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every object of the document that OBJECTS has a rule for: its kind, where it is, what it is."""
    yield "root", "", DOCUMENT
    yield "info", "info", DOCUMENT["info"]
    for kind, items in {
        "server": DOCUMENT["servers"],
        "channel": DOCUMENT["channels"],
        "operation": DOCUMENT["operations"],
        "message": MESSAGES,
    }.items():
        for key, item in items.items():
            yield kind, key, item
            if "bindings" in item:
                yield f"kafka {kind} binding", key, item["bindings"]["kafka"]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            assert set(node) == {"$ref"}, "siblings of $ref are ignored by readers"
            yield node["$ref"]
        for item in node.values():
            yield from references(item)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def resolve(reference: str) -> Any:
    """What a reference inside the document points to."""
    target: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return resolve(target["$ref"]) if "$ref" in target else target


def test_every_object_has_the_keys_of_asyncapi_3():
    for kind, where, item in objects():
        required, optional = OBJECTS[kind]
        assert required <= set(item) <= required | optional, (kind, where)


def test_the_document_is_asyncapi_3_0():
    assert DOCUMENT["asyncapi"] == "3.0.0"


def test_every_reference_resolves():
    for reference in references(DOCUMENT):
        if reference.startswith("#/"):
            assert resolve(reference) is not None
        else:
            assert (SCHEMAS / reference).is_file(), reference


def test_operations_use_messages_of_their_own_channel_and_every_channel_has_an_operation():
    used = set()
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        used.add(operation["channel"]["$ref"])
        assert operation["messages"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
    assert used == {f"#/channels/{channel}" for channel in DOCUMENT["channels"]}


def test_every_message_is_used_by_a_channel():
    used = {message["$ref"] for channel in DOCUMENT["channels"].values() for message in channel["messages"].values()}
    assert used == {f"#/components/messages/{message}" for message in MESSAGES}


def test_the_channels_are_the_topics_of_the_catalogue_as_they_are_configured():
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == set(topics())
    for channel in DOCUMENT["channels"].values():
        topic = topics()[channel["address"]]
        binding = channel["bindings"]["kafka"]
        assert binding["topic"] == topic.name
        assert binding["partitions"] == topic.partitions
        for key, value in binding["topicConfiguration"].items():
            expected = topic.config[key]
            assert value == ([expected] if key == "cleanup.policy" else int(expected)), (topic.name, key)


def test_the_payloads_are_the_documents_that_the_catalogue_names():
    for topic in topics().values():
        channel = next(item for item in DOCUMENT["channels"].values() if item["address"] == topic.name)
        referenced = {
            reference
            for message in channel["messages"].values()
            for reference in references(resolve(message["$ref"]))
            if not reference.startswith("#/")
        }
        assert referenced == ({f"./json/{topic.schema}.v{topic.version}.schema.json"} if topic.schema else set())


def test_every_published_document_is_a_payload_or_the_observation_that_replay_reads_from_files():
    referenced = {reference for reference in references(DOCUMENT) if not reference.startswith("#/")}
    assert referenced == {f"./json/{path.name}" for (record, _), path in published().items() if record != "observation"}


def test_the_headers_of_every_alert_are_those_of_the_document():
    schema = MESSAGES["alert"]["headers"]
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    for path in examples("alert", "valid"):
        headers = {key: value.decode() for key, value in alert_headers(decode_alert(path.read_bytes()))}
        jsonschema.Draft202012Validator(schema, format_checker=checker).validate(headers)
        assert list(headers) == schema["required"] == list(schema["properties"]), path.stem


def test_the_headers_of_a_dead_letter_name_every_reason_and_where_the_record_came_from():
    headers = MESSAGES["deadLetter"]["headers"]
    where = ["tocsin-reason", "tocsin-error", "tocsin-topic", "tocsin-partition", "tocsin-offset", "tocsin-timestamp"]
    assert headers["required"] == where
    assert list(headers["properties"]) == [*where, SIZE_HEADER, SHA256_HEADER]
    assert headers["properties"]["tocsin-reason"]["enum"] == [str(reason) for reason in Reason]


@pytest.mark.parametrize("size", [3, KEPT_BYTES + 1])
def test_the_headers_of_a_dead_letter_are_those_of_the_document(size):
    record = Record(7, 1, b"k", b"x" * size)
    letter = dead_letter_record(DeadLetter(record, "mentions", 2, Reason.TOO_LARGE, "too\nlarge"))
    headers = {name: value.decode() for name, value in letter.headers}
    schema = MESSAGES["deadLetter"]["headers"]
    jsonschema.Draft202012Validator(schema).validate(headers)
    assert set(headers) == set(schema["properties"] if size > KEPT_BYTES else schema["required"])


def test_a_tick_is_known_by_the_header_that_the_code_uses():
    assert MESSAGES["tick"]["headers"]["required"] == [TICK_HEADER]


def test_the_keys_of_mentions_alerts_and_activity_are_brands():
    for message in ("mention", "alert", "activity"):
        key = MESSAGES[message]["bindings"]["kafka"]["key"]["$ref"]
        brand = msgspec.json.decode((SCHEMAS / f"json/{message}.v1.schema.json").read_bytes())["properties"]["brand"]
        assert resolve(key)["pattern"] == brand["pattern"]
