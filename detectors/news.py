"""The first negative item in the news beside unusual negativity: either may be nothing, both on one day rarely are.

Of the items of a brand only the first within days counts: what follows tells the same. How often one comes is learned
beside a prior. The crisis score says on how many days a year the brand is so negative by itself; what remains is the
rate at which one falls on the other by chance, and that is held against half of the kind's knob: the other half is for
posts of great audience.

A brand without a negative item has no state.
"""

from __future__ import annotations

from typing import Final

import msgspec

from detectors.brand.threshold import rarity, rate_at
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

FIRST_BUCKETS: Final = 3 * BUCKETS_PER_DAY
"""An item is the first when none came for so long."""
WAIT_BUCKETS: Final = 6 * BUCKETS_PER_HOUR
"""So long after it unusual negativity is looked for; before it, as far as the windows of the crisis score reach."""
LEAST_NEGATIVES: Final = 3
"""Negative mentions that there must be, the item counted: one that is answered by one post is nothing yet."""
NEWS_UNIT: Final = "3.34 - 0.44 log2(times that a first negative news item meets such a crisis score in a year)"

_PRIOR_ITEMS: Final = 1.0
_PRIOR_DAYS: Final = 30.0
"""Of a brand of which nothing is known one such item is expected in so many days."""
_DAYS_PER_YEAR: Final = 365.0
_SHARE: Final = 0.5
"""Of the kind's tolerated rate."""
_MIN_RATE: Final = 1e-9


class News(msgspec.Struct, array_like=True, gc=False):
    """What is known of the negative news items about one brand.

    Attributes:
        last: bucket of the last one.
        first: bucket of the last one that was the first in days and is still to be read; -1 without.
        id: of that one; "" without.
        items: decayed number of firsts before it, those within a crisis left out.
    """

    last: int = -1
    first: int = -1
    id: str = ""
    items: float = 0.0

    def see(self, bucket: int, own: str, *, is_told: bool) -> None:
        """Take the first item of a bucket; one that is told as part of something else is waited for by nobody."""
        is_first = self.last < 0 or bucket - self.last >= FIRST_BUCKETS
        self.last = max(self.last, bucket)
        if is_first and not is_told:
            self.forget_first(counts=True)
            self.first, self.id = bucket, own

    def pass_to(self, bucket: int, keep: float) -> None:
        """Let time pass; `keep` is what is left of a count."""
        self.items *= keep
        if 0 <= self.first <= bucket - WAIT_BUCKETS:
            self.forget_first(counts=True)

    def forget_first(self, *, counts: bool = False) -> None:
        """Wait for the first item no more; it `counts` where it came in ordinary time."""
        self.items += counts and self.first >= 0
        self.first, self.id = -1, ""

    def per_year(self, crisis_score: float, days: float) -> float:
        """How often a first item meets so great a crisis score by chance.

        Args:
            crisis_score: of the last bucket.
            days: decayed, for which the brand was watched.
        """
        per_day = (self.items + _PRIOR_ITEMS) / (days + _PRIOR_DAYS)
        return max(per_day * min(rate_at(crisis_score), _DAYS_PER_YEAR), _MIN_RATE)

    def score(self, crisis_score: float, days: float) -> float:
        """How rare that is on the scale of the crisis threshold; 0 where no item waits or nothing is unusual."""
        if self.first < 0 or crisis_score <= 0.0:
            return 0.0
        return rarity(self.per_year(crisis_score, days) / _SHARE)
