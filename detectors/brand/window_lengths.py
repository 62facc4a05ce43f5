"""The windows over which evidence is added up, as exponentially weighted sums.

A window of w buckets decays by 1 - 2 / (w + 1) a bucket, so its weights have the centre of mass of a flat window of w
buckets (the span of an exponentially weighted mean), and is scaled by 2 w / (w + 1) to add up to w. No ring buffer is
kept, and a bucket without mentions costs nothing: the decay is applied at the next visit.
"""

from __future__ import annotations

from typing import Final

WINDOWS: Final = (1, 3, 6, 12, 36, 72, 144, 288)
"""Buckets: 5, 15, 30 minutes, 1, 3, 6, 12, 24 hours."""
DECAY: Final = tuple(1.0 - 2.0 / (w + 1.0) for w in WINDOWS)
SCALE: Final = tuple(2.0 * w / (w + 1.0) for w in WINDOWS)
RANGE: Final = range(len(WINDOWS))

GROUP_OF_WINDOW: Final = (0, 0, 0, 0, 1, 1, 2, 2)
"""Short (to 1 h), long (3-6 h), extra (12-24 h): each is calibrated on its own."""
GROUPS: Final = 3
