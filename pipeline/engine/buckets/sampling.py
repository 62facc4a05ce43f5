"""Which trusted sentiments the language models learn from: all of them, but for a flood.

Learning one label costs ten to thirty times what counting a mention does, and hundreds of them in five minutes say no
more about a language than the first.
"""

from __future__ import annotations

import msgspec

from pipeline.engine.buckets.ids import spread


class LabelCounts(msgspec.Struct, array_like=True):
    """Labels by language since a bucket last became due; part of the checkpoint."""

    bucket: int = -1
    seen: dict[str, int] = msgspec.field(default_factory=dict)

    def admit(self, bucket: int, language: str, full: int) -> bool:
        """Count a label; True where it is to be learned: surely up to `full`, the n-th with probability full / n.

        So of n labels about full x (1 + ln(n / full)) are learned. Decided by the label's number in the bucket, as no
        author can choose it.

        Args:
            bucket: the first that is not yet due; with it the numbers begin again.
            language: whose model would learn.
            full: labels of one bucket and language that are learned in full.
        """
        if bucket != self.bucket:
            self.bucket = bucket
            self.seen = {}
        seen = self.seen
        number = seen[language] = seen.get(language, 0) + 1
        return number <= full or spread(bucket, number) * number < full << 32

    def admit_many(self, bucket: int, language: str, count: int, full: int) -> list[int]:
        """`admit` for so many labels of a language in a row.

        Returns:
            Which of them are to be learned, counted from 0.
        """
        if bucket != self.bucket:
            self.bucket = bucket
            self.seen = {}
        first = self.seen.get(language, 0) + 1
        self.seen[language] = first + count - 1
        if first + count - 1 <= full:
            return list(range(count))
        limit, step, start = full << 32, spread(0, 1), spread(bucket, first)
        places = range(start, start + step * count, step)
        return [
            number - first
            for number, place in enumerate(places, first)
            if number <= full or (place & 0xFFFFFFFF) * number < limit
        ]
