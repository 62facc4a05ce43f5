"""A refused record, kept byte for byte, with the reason in the headers: route on the code, read the error."""

from __future__ import annotations

from typing import Final

from pipeline.records import OutRecord, SourceRecord
from schemas.rejection import Rejected
from schemas.text import printable

REASON_HEADER: Final = "tocsin-reason"
ERROR_HEADER: Final = "tocsin-error"
ERROR_CHARACTERS: Final = 300


def dead_letter(record: SourceRecord, rejected: Rejected, topic: str, partition: int) -> OutRecord:
    """The dead letter of a source record: original key and value, and where it stood."""
    return OutRecord(
        record.key,
        record.value,
        [
            (REASON_HEADER, str(rejected.reason).encode()),
            (ERROR_HEADER, printable(str(rejected), ERROR_CHARACTERS).encode()),
            ("tocsin-topic", topic.encode()),
            ("tocsin-partition", str(partition).encode()),
            ("tocsin-offset", str(record.offset).encode()),
            ("tocsin-timestamp", str(record.timestamp).encode()),
        ],
    )
