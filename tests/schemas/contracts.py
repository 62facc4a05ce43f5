"""The published contracts as the tests of this folder read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import msgspec
from jsonschema.protocols import Validator

from schemas.activity import decode_activity
from schemas.alert import Alert, decode_alert, encode_alert
from schemas.delivery import decode_delivery
from schemas.documents import RECORDS, json_schema
from schemas.feedback import decode_feedback
from schemas.mention import Mention, decode_mention, encode_mention

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
EXAMPLES: Final = SCHEMAS / "examples"


def _ecma_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    """JSON Schema means ECMA 262: `$` is the end of the text. In Python it also matches before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$\Z", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator: Final[type[Validator]] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # untyped in the stubs
    jsonschema.Draft202012Validator, {"pattern": _ecma_pattern}
)


def validator(record: str, version: int) -> Validator:
    """The second implementation: the JSON Schema document, formats checked."""
    return _Validator(json_schema(record, version), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def decode(record: str, value: bytes) -> Any:
    """The first implementation: the record's own decoder. Raises ValueError."""
    if record == "mention":
        return decode_mention(value)
    if record == "alert":
        return decode_alert(value)
    if record == "activity":
        return decode_activity(value)
    if record == "feedback":
        return decode_feedback(value)
    if record == "delivery":
        return decode_delivery(value)
    return msgspec.json.decode(value, type=RECORDS[record])


def encode(value: Any) -> bytes:
    """A record as it is written."""
    if isinstance(value, Mention):
        return encode_mention(value)
    return encode_alert(value) if isinstance(value, Alert) else msgspec.json.encode(value)


def examples(record: str, verdict: str, version: int | None = None) -> list[Path]:
    """Example files of a record (of one version, or of all)."""
    folder = "v*" if version is None else f"v{version}"
    return sorted((EXAMPLES / record).glob(f"{folder}/{verdict}/*"))


def document(path: Path) -> Any:
    """The JSON in an example. Raises ValueError where it is none."""
    return json.loads(path.read_bytes().decode(), parse_constant=_refuse)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")
