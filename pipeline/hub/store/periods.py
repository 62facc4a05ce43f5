"""Activity summed over hours and days."""

from __future__ import annotations

import sqlite3
from typing import Final

from schemas.activity import Activity

_MARKS: Final = ", ".join("?" * 10)


class Periods:
    """Sums of one transaction by period and brand, to be added to what a table has.

    Of a sum of buckets the distances from expectation to the ends of the interval are kept as sums of squares: the
    interval of the sum is narrower than the sum of the intervals.
    """

    def __init__(self, seconds: int) -> None:
        """No sums yet, of periods that are so long."""
        self._seconds = seconds
        self._sums: dict[tuple[int, int], list[float]] = {}

    def add(self, brand: int, record: Activity) -> None:
        """Add a bucket of a brand."""
        key = (record.start - record.start % self._seconds, brand)
        expected = record.expected
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = [0.0] * 7 + [record.scores.crisis]
        found[0] += record.mentions
        found[1] += record.negatives
        found[2] += 1
        found[3] += expected.value
        found[4] += (expected.value - expected.lower) ** 2
        found[5] += (expected.upper - expected.value) ** 2
        found[6] += expected.value * expected.negative_share
        found[7] = max(found[7], record.scores.crisis)

    def add_to(self, connection: sqlite3.Connection, table: str) -> None:
        """Add the sums to a table of periods, within the caller's transaction."""
        rows = [
            (*key, round(m * 100), round(n * 100), round(b), *(round(value * 100) for value in rest))
            for key, (m, n, b, *rest) in self._sums.items()
        ]
        connection.executemany(
            f"""
            INSERT INTO {table} VALUES ({_MARKS})
            ON CONFLICT (start, brand) DO UPDATE SET
                mentions = mentions + excluded.mentions,
                negatives = negatives + excluded.negatives,
                buckets = buckets + excluded.buckets,
                expected = expected + excluded.expected,
                below = below + excluded.below,
                above = above + excluded.above,
                usual_negatives = usual_negatives + excluded.usual_negatives,
                score = max(score, excluded.score)
            """,  # noqa: S608 - the caller's constant
            rows,
        )
