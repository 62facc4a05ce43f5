"""Every stored example is a test, and no file of schemas/ is an orphan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.documents import RECORDS, json_schema, latest_version, published
from schemas.evidence import Evidence
from schemas.mention import DROPPABLE, read_mention
from schemas.rejection import Reason, Rejected
from tests.schemas.contracts import EXAMPLES, SCHEMAS, decode, document, encode, examples, validator

NOT_FROM_DECODING = {
    Reason.TOMBSTONE,
    Reason.MISSING_KEY,
    Reason.TOO_LARGE,  # decoded too, but 131,073 bytes are made in test_mention rather than stored
    Reason.BRAND_KEY_MISMATCH,
    Reason.EVENT_TIME_IN_FUTURE,
    Reason.INVALID_TICK,
    Reason.TOO_MANY_BRANDS,
    Reason.UNREADABLE_BATCH,
    Reason.MISPLACED,
}

# Invalid examples that JSON Schema cannot refuse; docs/contracts.md lists these rules for people.
BEYOND_JSON_SCHEMA = {
    "invalid_event_time--before-2000",
    "invalid_event_time--after-2199",
    "invalid_event_time--year-9999",
    "nested_too_deep--unknown-field",
}


def all_examples(verdict: str) -> list[tuple[str, Path]]:
    return [(record, path) for record in RECORDS for path in examples(record, verdict)]


def ids(cases: list[tuple[str, Path]]) -> list[str]:
    return [f"{record}-{path.stem}" for record, path in cases]


VALID = all_examples("valid")
INVALID = all_examples("invalid")
MENDED = examples("mention", "mended")


@pytest.mark.parametrize(("record", "path"), VALID, ids=ids(VALID))
def test_a_valid_example_is_read_written_again_and_invents_no_name(record, path):
    """FULL_TRANSITIVE: every reader of any version reads what any version wrote.

    Fields that the record does not know begin with x_: the next version would give another name a meaning.
    """
    decoded = decode(record, path.read_bytes())
    assert decode(record, encode(decoded)) == decoded
    content = document(path)
    for schema_record, version in published():
        if schema_record == record:
            validator(record, version).validate(content)
    known = set(json_schema(record, latest_version(record))["properties"])
    assert {key for key in content.keys() - known if not key.startswith("x_")} == set()
    evidence = set(Evidence.__struct_fields__)
    assert {key for key in content.get("evidence", {}).keys() - evidence if not key.startswith("x_")} == set()


@pytest.mark.parametrize(("record", "path"), INVALID, ids=ids(INVALID))
def test_an_invalid_example_is_refused_by_the_record_and_by_the_json_schema(record, path):
    """A mention with the reason in its name. JSON Schema accepts those that it cannot refuse and no others."""
    with pytest.raises(ValueError) as caught:
        decode(record, path.read_bytes())
    if record == "mention":
        assert isinstance(caught.value, Rejected)
        assert caught.value.reason == path.name.split("--")[0]
        assert str(caught.value)
    try:
        content = document(path)
    except ValueError:
        assert path.suffix == ".bin", f"{path.name} is not JSON: store it as .bin"
        return
    assert validator(record, latest_version(record)).is_valid(content) == (path.stem in BEYOND_JSON_SCHEMA)


@pytest.mark.parametrize("path", MENDED, ids=[path.stem for path in MENDED])
def test_an_example_that_can_be_mended_is_taken_without_the_field_in_its_name(path):
    """JSON Schema, which is for writers, refuses what readers mend."""
    field = path.name.split("--")[0]
    mention, dropped = read_mention(path.read_bytes())
    assert dropped == (() if field == "none" else (field,))
    assert read_mention(encode(mention)) == (mention, ())
    name, _, part = field.partition(".")
    if field != "none":
        assert not validator("mention", latest_version("mention")).is_valid(document(path))
        assert getattr(getattr(mention, name), part) in (None, "unknown") if part else getattr(mention, name) is None
    assert mention.id
    assert mention.event_time.utcoffset() is not None


def test_every_field_that_can_be_dropped_is_shown_by_an_example():
    """A text that is cut and the field that no example needs are made in test_mention."""
    shown = {path.name.split("--")[0] for path in MENDED}
    assert shown >= {"none", *DROPPABLE} - {"text", "reply_to"}


def test_every_reason_that_decoding_gives_is_shown_by_an_example():
    shown = {path.name.split("--")[0] for path in examples("mention", "invalid")}
    assert shown == {str(reason) for reason in Reason if reason not in NOT_FROM_DECODING}


def test_every_transition_of_every_kind_of_alert_is_shown_by_an_example():
    shown = {(content["kind"], content["transition"]) for content in map(document, examples("alert", "valid"))}
    assert shown == {
        (kind, transition)
        for kind in ("crisis", "sentiment_shift", "volume_surge")
        for transition in ("opened", "updated", "escalated", "resolved")
    } | {("high_reach_post", transition) for transition in ("opened", "updated", "resolved")}


def test_every_example_file_belongs_to_a_published_version_and_is_named_by_its_case():
    for path in EXAMPLES.rglob("*"):
        if path.is_dir():
            continue
        record, version, verdict, file = path.relative_to(EXAMPLES).parts
        assert (record, int(version.removeprefix("v"))) in published(), path
        assert verdict in {"valid", "invalid"} | ({"mended"} if record == "mention" else set()), path
        reason = r"[a-z0-9_.]+--" if (record, verdict) in {("mention", "invalid"), ("mention", "mended")} else ""
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
