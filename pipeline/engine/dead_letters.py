"""A refused record, kept byte for byte up to a bound, with the reason in the headers: route on the code.

The bound is what makes every dead letter fit: brokers measure a batch as it is compressed, so a record that was
accepted can be a thousand times larger than max.message.bytes once it is unpacked.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pipeline.engine.records import OutRecord, SourceRecord
from schemas.rejection import Reason, Rejected
from schemas.text import printable

REASON_HEADER: Final = "tocsin-reason"
ERROR_HEADER: Final = "tocsin-error"
SIZE_HEADER: Final = "tocsin-size"
SHA256_HEADER: Final = "tocsin-sha256"
ERROR_CHARACTERS: Final = 300
KEPT_BYTES: Final = 1 << 20
"""Key and value together; with the headers it stays below max.message.bytes of the dead letter topic (2 MiB)."""


class RefusedBatch(msgspec.Struct, frozen=True):
    """A batch that nobody may unpack or can read, in the place of its records: a source record that is always refused.

    Attributes:
        offset: of its last record, so that what comes next lies after the whole batch.
        timestamp: of the batch, Unix milliseconds.
        value: the batch as the broker keeps it, packed.
        first_offset: of its first record that was still to be read.
        reason: the reason code.
        error: what was expected and what was got.
    """

    offset: int
    timestamp: int
    value: bytes
    first_offset: int
    reason: Reason
    error: str
    key: None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def records(self) -> int:
        """How many offsets it stands for."""
        return self.offset - self.first_offset + 1

    @property
    def rejected(self) -> Rejected:
        """Why."""
        return Rejected(
            self.reason,
            f"{self.error}: offsets {self.first_offset} to {self.offset} are refused unread, and the value is the "
            "batch as the broker keeps it",
        )


def dead_letter(record: SourceRecord, rejected: Rejected, topic: str, partition: int) -> OutRecord:
    """The dead letter of a source record: original key and value, and where it stood.

    Above KEPT_BYTES the key is kept first and the value is cut to what is left; two more headers then tell the size
    and the SHA-256 of the whole value.
    """
    key, value = record.key, record.value
    headers = [
        (REASON_HEADER, str(rejected.reason).encode()),
        (ERROR_HEADER, printable(str(rejected), ERROR_CHARACTERS).encode()),
        ("tocsin-topic", topic.encode()),
        ("tocsin-partition", str(partition).encode()),
        ("tocsin-offset", str(record.offset).encode()),
        ("tocsin-timestamp", str(record.timestamp).encode()),
    ]
    if len(key or b"") + len(value or b"") > KEPT_BYTES:
        whole = value or b""
        headers += [
            (SIZE_HEADER, str(len(whole)).encode()),
            (SHA256_HEADER, hashlib.sha256(whole).hexdigest().encode()),
        ]
        key = None if key is None else key[:KEPT_BYTES]
        value = None if value is None else value[: KEPT_BYTES - len(key or b"")]
    return OutRecord(key, value, headers)
