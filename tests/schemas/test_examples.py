"""Every stored example is a test, and no file of schemas/ is an orphan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.alert import Evidence
from schemas.documents import RECORDS, json_schema, latest_version, published
from schemas.mention import decode_mention
from schemas.rejection import Reason, Rejected
from tests.schemas.contracts import EXAMPLES, SCHEMAS, decode, document, examples, name, validator

NOT_FROM_DECODING = {
    Reason.TOMBSTONE,
    Reason.MISSING_KEY,
    Reason.TOO_LARGE,  # decoded too, but 131,073 bytes are made in test_mention rather than stored
    Reason.BRAND_KEY_MISMATCH,
    Reason.EVENT_TIME_IN_FUTURE,
    Reason.INVALID_TICK,
    Reason.TOO_MANY_BRANDS,
    Reason.UNREADABLE_BATCH,
}

# Invalid examples that JSON Schema cannot refuse; docs/contracts.md lists these rules for people.
BEYOND_JSON_SCHEMA = {
    "invalid_event_time--before-2000",
    "invalid_event_time--after-2199",
    "invalid_event_time--year-9999",
    "wrong_type--reach-whole-float",
    "nested_too_deep--unknown-field",
}


def all_examples(verdict: str) -> list[tuple[str, Path]]:
    return [(record, path) for record in RECORDS for path in examples(record, verdict)]


def ids(cases: list[tuple[str, Path]]) -> list[str]:
    return [f"{record}-{path.stem}" for record, path in cases]


VALID = all_examples("valid")
INVALID = all_examples("invalid")


@pytest.mark.parametrize(("record", "path"), VALID, ids=ids(VALID))
def test_every_valid_example_stays_readable_by_the_record_and_by_every_version_of_the_schema(record, path):
    """FULL_TRANSITIVE: every reader of any version reads what any version wrote."""
    decode(record, path.read_bytes())
    for schema_record, version in published():
        if schema_record == record:
            validator(record, version).validate(document(path))


@pytest.mark.parametrize("path", examples("mention", "invalid"), ids=name)
def test_every_invalid_mention_is_refused_with_the_reason_in_its_name(path):
    with pytest.raises(Rejected) as caught:
        decode_mention(path.read_bytes())
    assert caught.value.reason == path.name.split("--")[0]
    assert str(caught.value)


@pytest.mark.parametrize(("record", "path"), INVALID, ids=ids(INVALID))
def test_every_invalid_example_is_refused_by_the_record(record, path):
    with pytest.raises(ValueError):
        decode(record, path.read_bytes())


@pytest.mark.parametrize(("record", "path"), INVALID, ids=ids(INVALID))
def test_the_json_schema_refuses_every_invalid_example_that_it_can_express(record, path):
    """The list of what it cannot express is closed: an entry that it could refuse fails here too."""
    try:
        content = document(path)
    except ValueError:
        assert path.suffix == ".bin", f"{path.name} is not JSON: store it as .bin"
        return
    accepted = validator(record, latest_version(record)).is_valid(content)
    assert accepted == (path.stem in BEYOND_JSON_SCHEMA)


def test_every_reason_that_decoding_gives_is_shown_by_an_example():
    shown = {path.name.split("--")[0] for path in examples("mention", "invalid")}
    assert shown == {str(reason) for reason in Reason if reason not in NOT_FROM_DECODING}


def test_every_transition_of_every_kind_of_alert_is_shown_by_an_example():
    shown = {(content["kind"], content["transition"]) for content in map(document, examples("alert", "valid"))}
    assert shown == {
        (kind, transition)
        for kind in ("crisis", "sentiment_shift", "volume_surge")
        for transition in ("opened", "updated", "escalated", "resolved")
    }


def test_every_example_file_belongs_to_a_published_version_and_is_named_by_its_case():
    for path in EXAMPLES.rglob("*"):
        if path.is_dir():
            continue
        record, version, verdict, file = path.relative_to(EXAMPLES).parts
        assert (record, int(version.removeprefix("v"))) in published(), path
        assert verdict in {"valid", "invalid"}, path
        reason = r"[a-z0-9_]+--" if (record, verdict) == ("mention", "invalid") else ""
        assert re.fullmatch(reason + r"[a-z0-9]+(-[a-z0-9]+)*\.(json|bin)", file), path


def test_every_published_version_has_valid_and_invalid_examples():
    for record, version in published():
        assert examples(record, "valid", version), (record, version)
        assert examples(record, "invalid", version), (record, version)


def test_schemas_holds_nothing_but_code_and_the_four_kinds_of_contract_document():
    """A file of another kind or in another place is read by nobody."""
    known = re.compile(
        r"[a-z_]+\.py|asyncapi\.yaml|json/[a-z]+\.v[0-9]+\.schema\.json|topics/[a-z-]+\.yaml|examples/.+\.(json|bin)"
    )
    for path in SCHEMAS.rglob("*"):
        relative = path.relative_to(SCHEMAS).as_posix()
        if path.is_file() and "__pycache__" not in relative:
            assert known.fullmatch(relative), relative


@pytest.mark.parametrize(("record", "path"), VALID, ids=ids(VALID))
def test_an_example_invents_no_field_that_a_later_version_could_define(record, path):
    """Fields that the record does not know begin with x_: the next version would give another name a meaning."""
    known = set(json_schema(record, latest_version(record))["properties"])
    content = document(path)
    assert {key for key in content.keys() - known if not key.startswith("x_")} == set()
    evidence = set(Evidence.__struct_fields__)
    assert {key for key in content.get("evidence", {}).keys() - evidence if not key.startswith("x_")} == set()
