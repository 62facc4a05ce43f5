"""The published schemas of the records: one JSON Schema document (2020-12) per record and version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.activity import Activity
from schemas.alert import Alert
from schemas.delivery import Delivery
from schemas.feedback import Feedback
from schemas.mention import Mention
from schemas.observation import Observation

RECORDS: Final[dict[str, type[msgspec.Struct]]] = {
    "mention": Mention,
    "alert": Alert,
    "activity": Activity,
    "feedback": Feedback,
    "delivery": Delivery,
    "observation": Observation,
}
"""Records that cross a boundary, by the name in their documents."""

_FOLDER: Final = Path(__file__).parent / "json"
_NAME: Final = re.compile(r"([a-z]+)\.v([1-9][0-9]*)\.schema\.json")


def published() -> dict[tuple[str, int], Path]:
    """Every document by record name and version."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"schemas/json/{path.name}: expected a name like mention.v1.schema.json")
        found[match.group(1), int(match.group(2))] = path
    return found


def json_schema(record: str, version: int) -> dict[str, Any]:
    """The document of one version of a record.

    Raises:
        ValueError: there is none, it is not JSON, or its $id is not that of its file.
    """
    path = _FOLDER / f"{record}.v{version}.schema.json"
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"schemas/json/{path.name}: expected a JSON Schema: {error}") from None
    expected = f"urn:tocsin:{record}:v{version}"
    if document.get("$id") != expected:
        raise ValueError(f"schemas/json/{path.name}: expected $id {expected!r}, got {document.get('$id')!r}")
    return document


def latest_version(record: str) -> int:
    """The version of the record in this package, which is the latest one published.

    Raises:
        ValueError: the record has no document.
    """
    versions = [version for name, version in published() if name == record]
    if not versions:
        raise ValueError(f"schemas/json: expected a document of record {record!r}, got none")
    return max(versions)
