"""What a detector reads from River's feature dictionary, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.observation import BUCKET_SECONDS


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """One brand's bucket.

    Attributes:
        index: Unix time of the start divided by the bucket's seconds; None where the features carry no start, which
            means the bucket after the last one.
        mentions: count.
        negatives: negative mentions among them; an estimate where only a sample was read.
        missing: buckets since the last one for which the feed itself was silent; nothing is learned from them.
        reach: people reached by the mentions, as far as they say.
    """

    index: int | None
    mentions: float
    negatives: float
    missing: int = 0
    reach: float = 0.0


def bucket_of(x: Mapping[str, Any]) -> Bucket:
    """The bucket in River features: mentions, negatives, reach, start (Unix seconds), missing; absent ones count as 0.

    Raises:
        ValueError: a number is negative, infinite or not a number, or there are more negatives than mentions.
    """
    negatives = float(x.get("negatives", 0.0))
    # Features may vanish from a River stream; negatives alone are at least so many mentions.
    mentions = float(x.get("mentions", negatives))
    reach = float(x.get("reach", 0.0))
    if not (0.0 <= mentions < math.inf and 0.0 <= negatives < math.inf and 0.0 <= reach < math.inf):
        raise ValueError(
            f"expected finite counts >= 0, got mentions={mentions!r}, negatives={negatives!r}, reach={reach!r}"
        )
    if negatives > mentions:
        raise ValueError(f"expected at most as many negatives as mentions, got {negatives!r} of {mentions!r}")
    start = x.get("start")
    index = None if start is None else int(start) // BUCKET_SECONDS
    return Bucket(index, mentions, negatives, int(x.get("missing", 0)), reach)
