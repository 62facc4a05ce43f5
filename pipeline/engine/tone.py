"""Tone: whether a mention is negative or positive, by its trusted sentiment or by its text.

Trusted sentiments are also what the language models learn from, in the order of the records. `of_many` gives what
`of_text` and `learn` give mention by mention; what can be asked of many texts at once, it asks at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

from detectors.sentiment import OTHER, Reading
from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.open_bucket import UNREAD, Judgement, OpenBucket, is_in_sample
from pipeline.engine.partition_state import PartitionState

Share: TypeAlias = tuple[OpenBucket, int, list[int]]
"""The share of an open bucket in a run: the bucket, its index, and the rows of its mentions (Columns)."""


class Tone:
    """Judges the mentions of one partition, and lets its language models learn."""

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._config = state.config.sentiment

    def of_text(self, bucket: OpenBucket, index: int, text: str, language: str) -> Judgement:
        """Count the tone of the bucket's next mention as its text is read, or as unread.

        Args:
            bucket: of the mention.
            index: of the bucket.
            text: of the mention, normalised.
            language: one of detectors.sentiment.LANGUAGES.
        """
        config = self._config
        is_full = bucket.scored < config.full_texts_per_bucket
        if not is_full and not is_in_sample(index, bucket.mentions, config.sample_one_in):
            return bucket.add_unread()
        self._state.stats.texts_scored += 1
        self._state.stats.texts_unlisted += language == OTHER
        return _count_read(bucket, self._state.sentiment.estimate(text, language), sampled=not is_full)

    def of_late(self, text: str, language: str, sentiment: float | None) -> bool:
        """Whether a late mention is negative, by its trusted sentiment or as its text is read; nothing is counted.

        Args:
            text: normalised.
            language: one of detectors.sentiment.LANGUAGES.
            sentiment: the trusted one, None where there is none.
        """
        if sentiment is not None:
            return sentiment <= self._config.negative_below
        self._state.stats.texts_scored += 1
        self._state.stats.texts_unlisted += language == OTHER
        return self._state.sentiment.estimate(text, language)[0] > 0.5

    def learn(self, text: str, language: str, sentiment: float) -> None:
        """Let the language's model learn from a trusted sentiment, where it learns and there have not been too many.

        Args:
            text: normalised.
            language: one of detectors.sentiment.LANGUAGES.
            sentiment: the trusted one.
        """
        config, state = self._config, self._state
        if not config.learn:
            return
        if state.at.labels.admit(state.schedule.due_end, language, config.full_labels_per_bucket):
            self._learn(text, language, sentiment)
        else:
            state.stats.labels_left_out += 1

    def _learn(self, text: str, language: str, sentiment: float) -> None:
        config = self._config
        self._state.stats.labels_learned += 1
        # The model learns what this configuration calls negative, not the raw number.
        negative, positive = sentiment <= config.negative_below, sentiment >= config.positive_above
        self._state.sentiment.learn(text, language, negative=negative, positive=positive)

    def of_many(
        self, columns: Columns, shares: Sequence[Share], rows: Sequence[int], late: Sequence[int]
    ) -> list[Judgement] | None:
        """Judge the mentions of a run and count their tone; the buckets have not counted the mentions yet.

        Args:
            columns: the run; its column `negatives` is filled in.
            shares: the mentions by open bucket.
            rows: these mentions in order.
            late: other mentions, of which nothing is counted and nothing learned.

        Returns:
            The judgement of every row; None if all carry a trusted sentiment.
        """
        if None in columns.sentiments:
            return self._of_texts(columns, shares, late)
        config = self._config
        below, above = config.negative_below, config.positive_above
        given = [sentiment for sentiment in columns.sentiments if sentiment is not None]
        negatives = columns.negatives = [sentiment <= below for sentiment in given]
        positives = [sentiment >= above for sentiment in given]
        for bucket, _, own in shares:
            bucket.negatives += sum([negatives[row] for row in own])
            bucket.positives += sum([positives[row] for row in own])
        if config.learn:
            self._learn_many(columns, rows, given)
        return None

    def _learn_many(self, columns: Columns, rows: Sequence[int], sentiments: Sequence[float]) -> None:
        state = self._state
        full, due_end = self._config.full_labels_per_bucket, state.schedule.due_end
        languages = [columns.languages[row] for row in rows]
        learned: list[int] = []
        for language, count in Counter(languages).items():
            found = state.at.labels.admit_many(due_end, language, count, full)
            if found:
                own = [row for row, spoken in zip(rows, languages, strict=True) if spoken == language]
                learned += [own[place] for place in found]
        learned.sort()
        state.stats.labels_left_out += len(rows) - len(learned)
        for row in learned:
            self._learn(columns.read(row), columns.languages[row], sentiments[row])

    def _of_texts(self, columns: Columns, shares: Sequence[Share], late: Sequence[int]) -> list[Judgement]:
        models, languages, sentiments = self._state.sentiment, columns.languages, columns.sentiments
        judgements = [UNREAD[False]] * len(columns.mentions)
        negatives = columns.negatives = [False] * len(columns.mentions)
        order: list[tuple[int, OpenBucket | None, bool]] = [(row, None, False) for row in late]
        for share, index, own in shares:
            order += [(row, share, sampled) for row, sampled in self._chosen(share, index, own, sentiments)]
        readings = self._readings(columns, [row for row, _, _ in order if sentiments[row] is None])
        if len(readings) < len(order):
            order.sort(key=itemgetter(0))  # What is learned before a text counts for it.
        for row, bucket, sampled in order:
            sentiment, language = sentiments[row], languages[row]
            if sentiment is None:
                answer = models.estimate_read(columns.read(row), readings[row], language)
                if bucket is None:
                    negatives[row] = answer[0] > 0.5
                    continue
                judgement = _count_read(bucket, answer, sampled=sampled)
            elif bucket is None:
                negatives[row] = sentiment <= self._config.negative_below
                continue
            else:
                judgement = self._given(bucket, sentiment)
                self.learn(columns.read(row), language, sentiment)
            judgements[row] = judgement
            negatives[row] = judgement.negative
        return judgements

    def _given(self, bucket: OpenBucket, sentiment: float) -> Judgement:
        config = self._config
        return bucket.add_given(
            negative=sentiment <= config.negative_below, positive=sentiment >= config.positive_above
        )

    def _readings(self, columns: Columns, rows: Sequence[int]) -> dict[int, Reading]:
        """What the models need of the texts of some mentions, by row."""
        read, models = columns.read, self._state.sentiment
        by_language: dict[str, list[int]] = {}
        for row in rows:
            by_language.setdefault(columns.languages[row], []).append(row)
        readings: dict[int, Reading] = {}
        for language, own in by_language.items():
            readings |= zip(own, models.read_many([read(row) for row in own], language), strict=True)
        self._state.stats.texts_scored += len(readings)
        self._state.stats.texts_unlisted += len(by_language.get(OTHER, ()))
        return readings

    def _chosen(
        self, bucket: OpenBucket, index: int, rows: Sequence[int], sentiments: Sequence[float | None]
    ) -> list[tuple[int, bool]]:
        """Rows with a given tone or a text to be read, and whether it is read in the sample; the rest is counted."""
        config = self._config
        left = config.full_texts_per_bucket - bucket.scored
        chosen: list[tuple[int, bool]] = []
        for position, row in enumerate(rows, bucket.mentions):
            if sentiments[row] is not None:
                chosen.append((row, False))
            elif left > 0:
                left -= 1
                chosen.append((row, False))
            elif is_in_sample(index, position, config.sample_one_in):
                chosen.append((row, True))
        bucket.unscored += len(rows) - len(chosen)
        return chosen


def _count_read(bucket: OpenBucket, probabilities: tuple[float, float], *, sampled: bool) -> Judgement:
    negative = probabilities[0] > 0.5
    return bucket.add_read(negative=negative, positive=not negative and probabilities[1] > 0.5, sampled=sampled)
