"""Records that are known by what they say."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T", bound=msgspec.Struct)


def identified(fields: Mapping[str, Any], record: type[_T]) -> _T:
    """A record of these fields whose `id` is a hash of them: the same written twice is one.

    Args:
        fields: all others, as JSON has them, in an order that stays: it is part of the id.
        record: what it is to be.

    Raises:
        msgspec.ValidationError: a field breaks a rule of the record.
    """
    digest = sha256(msgspec.json.encode(fields)).hexdigest()[:32]
    return msgspec.convert({**fields, "id": digest}, record)
