"""FULL_TRANSITIVE within version 1 of alerts: fields were added to it, and both sides may be of either age.

`tests/data/contract` holds the document and the valid examples of the time before alerts told of their time since the
onset. A reader of that time is a decoder that knows the fields of that document and no others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from pipeline.engine.alerts.headline import LANGUAGES, headline
from schemas.alert import Alert, alert_headers, decode_alert, encode_alert
from schemas.documents import json_schema
from schemas.evidence import Evidence
from tests.schemas.contracts import document, examples
from tests.schemas.test_json_schemas import shape

CONTRACT = Path(__file__).parents[1] / "data" / "contract"
EARLIER = msgspec.json.decode((CONTRACT / "alert.v1.before-evidence.schema.json").read_bytes())
WRITTEN = (CONTRACT / "alerts-before-evidence.jsonl").read_bytes().splitlines()


def part_of(kind: type[msgspec.Struct], names: set[str], **types: type) -> type[msgspec.Struct]:
    """A record with those fields of another one that are named, some of them with types of their own."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        if field.name in names:
            given = () if field.required else (msgspec.field(**_default(field)),)
            fields.append((field.name, types.get(field.name, field.type), *given))
    return msgspec.defstruct(kind.__name__, fields, kw_only=True, frozen=True)


def _default(field: Any) -> dict[str, Any]:
    is_made = field.default is msgspec.NODEFAULT
    return {"default_factory": field.default_factory} if is_made else {"default": field.default}


EarlierEvidence = part_of(Evidence, set(EARLIER["$defs"]["Evidence"]["properties"]))
EarlierAlert = part_of(Alert, set(EARLIER["properties"]), evidence=EarlierEvidence)


@pytest.mark.parametrize("value", WRITTEN, ids=range(len(WRITTEN)))
def test_an_alert_that_was_written_before_is_read_and_what_it_does_not_say_is_the_default(value):
    alert = decode_alert(value)
    assert decode_alert(encode_alert(alert)) == alert
    assert alert.headline == ""
    for absent in (alert.since_onset, alert.recovery, alert.evidence.spread, alert.evidence.cause):
        assert absent is None
    for empty in (alert.changes, alert.evidence.terms, alert.evidence.triggers, alert.evidence.voices):
        assert empty == ()
    assert alert_headers(alert)


@pytest.mark.parametrize("path", examples("alert", "valid"), ids=lambda path: path.stem)
def test_a_reader_of_before_reads_every_alert_of_today_and_finds_the_same_in_the_fields_it_knows(path):
    jsonschema.Draft202012Validator(EARLIER).validate(document(path))
    today: Any = decode_alert(path.read_bytes())
    before: Any = msgspec.json.decode(path.read_bytes(), type=EarlierAlert)
    for name in EarlierAlert.__struct_fields__:
        if name != "evidence":
            assert getattr(before, name) == getattr(today, name), name
    for name in EarlierEvidence.__struct_fields__:
        assert getattr(before.evidence, name) == getattr(today.evidence, name), name


def test_nothing_that_was_promised_has_gone_or_has_another_rule_and_nothing_more_is_asked_for():
    today, before = shape(json_schema("alert", 1)), shape(EARLIER)
    assert today["required"] == before["required"]
    assert today["properties"].items() >= before["properties"].items()
    for name, part in before["$defs"].items():
        now = today["$defs"][name]
        assert now.get("required") == part.get("required"), name
        assert now["properties"].items() >= part["properties"].items(), name


def test_the_fields_that_were_added_are_shown_by_examples():
    """A field that no example has is one that no reader was tried on."""
    contents = [document(path) for path in examples("alert", "valid")]
    added = json_schema("alert", 1)["properties"].keys() - EARLIER["properties"].keys()
    assert added <= {name for content in contents for name in content}
    evidence = json_schema("alert", 1)["$defs"]["Evidence"]["properties"].keys()
    assert evidence <= {name for content in contents for name in content["evidence"]}


def test_an_example_in_every_language_has_the_headline_that_the_engine_writes():
    alerts = [decode_alert(path.read_bytes()) for path in examples("alert", "valid")]
    shown = [alert for alert in alerts if alert.headline]
    found = {
        alert.id: [language for language in LANGUAGES if headline(alert, language) == alert.headline] for alert in shown
    }
    assert sorted({language for (language,) in found.values()}) == sorted(LANGUAGES)
