"""Deliveries: which target was told of an alert, when and how (topic `alert-deliveries`, version 1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.alert import Alert, Digest, Transition
from schemas.identity import identified
from schemas.mention import BRAND_PATTERN
from schemas.partitioning import partition_of

DeliveryOutcome = Literal["delivered", "refused"]

MAX_DELIVERY_BYTES: Final = 8_192
"""No record is larger: the longest fields with every character escaped."""
MAX_WHY_CHARACTERS: Final = 300

_Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert told to one target, or refused by it. It names the target, never its address or secret.

    `brand` and `category` are those of the alert. `time` is that of the delivery that is known to have ended: after a
    crash in a delivery the target may have had the alert before.
    """

    version: Literal[1]
    id: Digest
    episode_id: Digest
    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    alert_id: Digest
    transition: Transition
    target: _Name
    target_type: _Name
    time: Annotated[datetime, Meta(tz=True)]
    outcome: DeliveryOutcome
    why: Annotated[str, Meta(max_length=MAX_WHY_CHARACTERS)] | None = None
    waited: _Name | None = None
    together: Annotated[int, Meta(ge=2)] | None = None
    category: Annotated[str, Meta(pattern=BRAND_PATTERN)] | None = None


def new_delivery(
    alert: Alert,
    *,
    target: tuple[str, str],
    time: datetime,
    outcome: DeliveryOutcome = "delivered",
    why: str | None = None,
    waited: str | None = None,
    together: int | None = None,
) -> Delivery:
    """A delivery. Its id is a hash of all the rest: written twice it is one.

    Args:
        alert: what was told.
        target: name and type of the target.
        time: when.
        outcome: whether the target has taken it.
        why: in the words of what refused it.
        waited: why it came later than the alert.
        together: alerts of the same message, where there are several.

    Raises:
        msgspec.ValidationError: a field breaks a rule of the record.
    """
    name, target_type = target
    fields = {
        "version": 1,
        "episode_id": alert.episode_id,
        "brand": alert.brand,
        "alert_id": alert.id,
        "transition": alert.transition,
        "target": name,
        "target_type": target_type,
        "time": time.isoformat(),
        "outcome": outcome,
        "why": why,
        "waited": waited,
        "together": together,
        "category": alert.category,
    }
    return identified(fields, Delivery)


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Delivery)


def encode_delivery(delivery: Delivery) -> bytes:
    """The record's value as JSON, UTF-8. Equal deliveries give equal bytes."""
    return _encoder.encode(delivery)


def decode_delivery(value: bytes) -> Delivery:
    """The delivery in a record's value.

    Raises:
        msgspec.DecodeError: not JSON; msgspec.ValidationError (a subclass): JSON, but no delivery of version 1, or of
            more than MAX_DELIVERY_BYTES.
    """
    if len(value) > MAX_DELIVERY_BYTES:
        raise msgspec.ValidationError(f"expected at most {MAX_DELIVERY_BYTES:,} bytes, got {len(value):,}")
    return _decoder.decode(value)


def delivery_partition(delivery: Delivery, partitions: int) -> int:
    """The partition of the record, of as many: that of the alert."""
    return partition_of((delivery.category or delivery.brand).encode(), partitions)
