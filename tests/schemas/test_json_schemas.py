"""The JSON Schema documents say what the records do: the same shape, the same verdict."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.documents import RECORDS, json_schema, latest_version, published
from schemas.mention import MAX_NESTING, read_mention
from tests.schemas.contracts import decode, document, examples, validator

DATE_TIME_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
WORDS_FOR_PEOPLE = {"title", "description", "examples", "$schema", "$id"}
REFINEMENTS = {"allOf"}  # what a record checks after decoding


def shape(node: Any) -> Any:
    """A schema without words and refinements: what is left must equal what msgspec reads from the record."""
    if isinstance(node, list | tuple):
        return [shape(item) for item in node]
    if not isinstance(node, dict):
        return node
    bare: dict[str, Any] = {
        key: {name: shape(item) for name, item in value.items()} if key in {"properties", "$defs"} else shape(value)
        for key, value in node.items()
        if key not in WORDS_FOR_PEOPLE | REFINEMENTS
    }
    if bare.get("format") == "date-time":
        assert bare.pop("pattern", DATE_TIME_SHAPE) == DATE_TIME_SHAPE
    if "pattern" in bare:
        bare["pattern"] = bare["pattern"].replace(r"\Z", "$")
    if not bare.get("required", True):
        del bare["required"]
    return bare


@pytest.mark.parametrize("record", RECORDS)
def test_the_latest_document_has_the_shape_of_the_record(record):
    """Fields, types, bounds, defaults and what is required: a change of the record without its document fails."""
    generated = shape(msgspec.json.schema(RECORDS[record]))
    definitions = generated["$defs"]
    expected = definitions.pop(RECORDS[record].__name__) | ({"$defs": definitions} if definitions else {})
    assert shape(json_schema(record, latest_version(record))) == expected


@pytest.mark.parametrize(("record", "version"), list(published()))
def test_every_document_is_a_legal_schema_that_explains_every_field(record, version):
    schema = json_schema(record, version)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part["title"]
        assert part["description"]
        assert "additionalProperties" not in part, "readers must ignore fields that they do not know"
        for field, rule in part["properties"].items():
            assert rule.get("description"), f"{part['title']}.{field}"
            for example in rule.get("examples", []):
                jsonschema.validate(example, rule | {"$defs": schema.get("$defs", {})})
    for example in schema["examples"]:
        validator(record, version).validate(example)
        decode(record, json.dumps(example).encode())


def test_every_record_has_a_document_and_the_versions_have_no_gap():
    for record in RECORDS:
        versions = sorted(version for name, version in published() if name == record)
        assert versions == list(range(1, len(versions) + 1)), record
    assert {record for record, _ in published()} == set(RECORDS)


@pytest.mark.parametrize("record", RECORDS)
def test_a_later_version_neither_asks_for_more_nor_drops_what_an_earlier_one_promised(record):
    """FULL_TRANSITIVE in the shape: required fields never change, fields never vanish or change their rule."""
    newest = shape(json_schema(record, latest_version(record)))
    for version in range(1, latest_version(record)):
        older = shape(json_schema(record, version))
        assert newest["required"] == older["required"]
        assert newest["properties"].items() >= older["properties"].items()


# ---- Two implementations, one verdict -------------------------------------------------------------------------------

GOOD = {record: [document(path) for path in examples(record, "valid")] for record in RECORDS}

two = "{:02d}".format
moments = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.integers(0, 9999).map("{:04d}".format),
    st.integers(0, 13).map(two),
    st.integers(0, 32).map(two),
    st.sampled_from("Tt"),
    st.integers(0, 24).map(two),
    st.integers(0, 60).map(two),
    st.integers(0, 60).map(two),
    st.sampled_from(["", ".", ".5", ".123456789"]),
    st.sampled_from(["Z", "z", "", "+00:00", "-00:00", "+05:30", "-12:00", "+23:59", "+24:00", "+1:00", "Z\n"]),
)
words = st.sampled_from(
    [
        "",
        "x",
        "acme",
        "acme\n",
        "Acme",
        "ab",
        "news",
        "bot",
        "opened",
        "crisis",
        "info",
        "0123456789ab",
        "0123456789AB",
        "2026-03-01",
        "\x00",
        "😡",
    ]
) | st.sampled_from([35, 36, 64, 65, 256, 257]).map(lambda length: "a" * length)
numbers = (
    st.integers(-(2**40), 2**40)
    | st.sampled_from([0, 1, -1, 2, 10_000_000_000, 10_000_000_001, 100_000_000_000, 100_000_000_001, 2**63, 2**64])
    # A whole number written as 1.0 is an integer to JSON Schema and none to the records: see the differences below.
    | st.floats(-1e300, 1e300, allow_nan=False).filter(lambda value: not value.is_integer())
)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=5) | words | moments
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=5
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, itself included."""
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, item in steps for place in places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, record: str) -> Any:
    """A valid document with one to three places changed, removed or added."""
    content = copy.deepcopy(draw(st.sampled_from(GOOD[record])))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(content)))
        if not path:
            if isinstance(content, dict):
                content[draw(words | st.sampled_from(list(json_schema(record, 1)["properties"])))] = draw(values)
            continue
        parent = content
        for step in path[:-1]:
            parent = parent[step]
        action = draw(st.sampled_from(["replace", "replace", "remove", "moment"]))
        if action == "remove":
            del parent[path[-1]]
        else:
            parent[path[-1]] = draw(moments if action == "moment" else values)
    return content


def decoded(record: str, content: Any) -> bool:
    """The record's own verdict, without the one rule that JSON Schema has no words for: nothing had to be mended."""
    value = json.dumps(content).encode()
    try:
        if record == "mention":
            return not read_mention(value)[1]
        decode(record, value)
    except ValueError as error:
        if "must lie in the years 2000 to 2199" not in str(error):
            return False
        field = "time" if record == "feedback" else "event_time"
        return decoded(record, content | {field: "2026-03-01T12:34:56Z"})
    return True


@pytest.mark.parametrize("record", RECORDS)
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_the_json_schema_and_the_decoder_agree_on_every_mutation(record, data):
    content = data.draw(mutated(record))
    assert validator(record, latest_version(record)).is_valid(content) == decoded(record, content)


# ---- The differences, each shown ------------------------------------------------------------------------------------

MENTION = {"id": "1", "brand": "acme", "text": "", "event_time": "2026-03-01T12:34:56Z", "platform": "x"}
ALERT = document(examples("alert", "valid")[0])


@pytest.mark.parametrize(
    ("record", "content"),
    [
        pytest.param("mention", MENTION | {"event_time": "1999-12-31T23:59:59Z"}, id="before-2000"),
        pytest.param("mention", MENTION | {"event_time": "2200-01-01T00:00:00Z"}, id="after-2199"),
        pytest.param("alert", ALERT | {"evidence": {"authors": 2.0}}, id="whole-number-with-a-point-in-an-alert"),
        pytest.param("mention", MENTION | {"x": json.loads("[" * 64 + "]" * 64)}, id="nested-deeper-than-64"),
        pytest.param("mention", MENTION | {"x": "y" * 131_072}, id="more-than-131072-bytes"),
    ],
)
def test_the_decoder_is_stricter_than_the_json_schema_in_these_rules_only(record, content):
    assert MAX_NESTING == 64
    assert validator(record, 1).is_valid(content)
    with pytest.raises(ValueError):
        decode(record, json.dumps(content).encode())


@pytest.mark.parametrize("moment", ["2026-03-01 12:34:56Z", "2026-03-01T12:34:56+0100"])
def test_the_decoder_is_more_lenient_than_the_json_schema_in_how_an_offset_and_a_moment_are_joined(moment):
    content = MENTION | {"event_time": moment}
    assert not validator("mention", 1).is_valid(content)
    assert math.isclose(decode("mention", json.dumps(content).encode()).event_time.second, 56)
