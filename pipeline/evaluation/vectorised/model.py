"""detectors.brand.model over many brands at once: the same scores, in arrays, for replay, evaluation and tuning.

Every brand gets every bucket, empty ones included, and all begin together, so clocks (buckets seen, days, settling)
are common and only counts differ. Tails, the expensive part, are computed only where a count is above its expectation.
The constants and the order of work are those of the model of one brand; a test pins the two together.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.brand import baseline as level_rules
from detectors.brand.baseline import (
    COUNT_VARIANCE,
    DISPERSION_RATE,
    FIRST_EXPECTED,
    FIRST_LEVEL_DISPERSION,
    LEVEL_RATE,
    MIN_LEVEL,
    MIN_SIZE_LEVEL,
    SETTLING_BUCKETS,
)
from detectors.brand.calibration import KNOWN_SIZES
from detectors.brand.model import (
    BOTH_FACTOR,
    COLD_START_DAYS,
    GROUP_OFFSET,
    NEGATIVITY_CAP,
    VOLUME_CAP,
    WARM_UP_BUCKETS,
)
from detectors.brand.negativity import (
    BASE_RATE_KEEP,
    BURST_WEIGHT,
    CORRELATION_CLIP,
    MAX_CORRELATION,
    MIN_CORRELATION,
    MIN_NEGATIVES,
    MIN_NEGATIVES_OF_TINY,
    PRIOR_CORRELATION,
    PRIOR_NEGATIVE,
    PRIOR_OTHER,
    SEVERAL_MENTIONS,
    THREAD_CORRELATION,
    TINY_LEVEL,
)
from detectors.brand.negativity import TRUST as WINDOW_TRUST
from detectors.brand.pooled_tail import MAX_ENDED_DAYS, MAX_HIGH, MOST, PEAK_LEVEL, SIZES, YOUNG_DAYS, PooledTail
from detectors.brand.quarantine import (
    ALL,
    CALM_BUCKETS,
    CALM_SCORE,
    DAY_LEFT_OUT,
    EXTREME_NOW,
    EXTREME_SCORE,
    MAX_CALM_AGE,
    MAX_CREDIT,
    MAX_STRANGE_BUCKETS,
    NEVER,
    STRANGE_BUCKETS,
    STRANGE_NOW,
    STRANGE_SCORE,
    WAIT,
)
from detectors.brand.surge import MIN_MENTIONS, SURGE_WINDOWS, surge_evidences
from detectors.brand.volume import CLIP_VARIANCES, FIRST_DISPERSION, MIN_OVERDISPERSION, SHIFT_MENTIONS, SHIFT_RATIO
from detectors.brand.window_lengths import DECAY, GROUP_OF_WINDOW, GROUPS, SCALE, WINDOWS
from pipeline.evaluation.vectorised.maxima import FleetMaxima
from pipeline.evaluation.vectorised.tails import Array, binomial_roots, negative_binomial_roots, surprises
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

_DECAY: Final = np.array(DECAY)[:, None]
_SCALE: Final = np.array(SCALE)[:, None]
_SIZES: Final = np.array(SIZES)
_WAIT: Final = np.array(WAIT)
_PLACES: Final = np.arange(len(WINDOWS))[:, None]
TRUST: Final = np.array(WINDOW_TRUST)[:, None]
"""detectors.brand.negativity.TRUST, (windows, 1)."""
GROUP_ROWS: Final = tuple(
    slice(GROUP_OF_WINDOW.index(group), len(WINDOWS) - GROUP_OF_WINDOW[::-1].index(group)) for group in range(GROUPS)
)
"""The windows of each group."""
BLOCK_BRANDS: Final = 2048
"""Brands worked on at a time, so that a block's arrays (8 windows x 8 bytes x brands) stay in the processor's cache."""


class FleetScores(NamedTuple):
    """Scores of one bucket, one number per brand; 0 while warming up. See detectors.brand.model.Assessment."""

    crisis: Array
    shift: Array
    surge: Array


class FleetModel:
    """BrandModel over brands 0..n-1: `step` scores, then learns, one bucket of all of them."""

    def __init__(self, brands: int, *, block: Callable[[int, PooledTail], FleetBlock] | None = None) -> None:
        """Begin without history.

        Args:
            brands: how many, at least 1.
            block: makes the parts that score and learn, each for at most BLOCK_BRANDS brands, in order; for studies of
                the detector. FleetBlock by default.

        Raises:
            ValueError: fewer.
        """
        if brands < 1:
            raise ValueError(f"expected at least 1 brand, got {brands}")
        self.brands = brands
        self._bounds = [(low, min(low + BLOCK_BRANDS, brands)) for low in range(0, brands, BLOCK_BRANDS)]
        tail = PooledTail()
        self._tail = tail
        self._blocks = [(block or FleetBlock)(high - low, tail) for low, high in self._bounds]
        self._bucket = -1

    def step(self, index: int, mentions: Array, negatives: Array) -> FleetScores:
        """Score and learn one bucket.

        Args:
            index: of the bucket, the one after the last.
            mentions: of every brand.
            negatives: of every brand; like the mentions not checked for sense.

        Raises:
            ValueError: a bucket out of order, or counts of another number of brands.
        """
        self._follow(index)
        if mentions.shape != (self.brands,) or negatives.shape != (self.brands,):
            raise ValueError(f"expected {self.brands} counts, got {mentions.shape} and {negatives.shape}")
        n, k = np.asarray(mentions, np.float64), np.asarray(negatives, np.float64)
        if len(self._blocks) == 1:
            return FleetScores(*self._blocks[0].step(index, n, k))
        scores = np.empty((3, self.brands))
        for block, (low, high) in zip(self._blocks, self._bounds, strict=True):
            scores[:, low:high] = block.step(index, n[low:high], k[low:high])
        return FleetScores(scores[0], scores[1], scores[2])

    def pass_unobserved(self, index: int) -> None:
        """Let one bucket pass in which the feed was silent; nothing is learned of it.

        Raises:
            ValueError: a bucket out of order.
        """
        if self._bucket >= 0:
            self._follow(index)
            for block in self._blocks:
                block.pass_unobserved(index)

    def expected(self, index: int) -> Array:
        """Mentions that each brand normally has in this bucket."""
        return np.concatenate([np.maximum(block.level * block.season(index), MIN_LEVEL) for block in self._blocks])

    def copy(self) -> Self:
        """A model that goes its own way from here."""
        return copy.deepcopy(self)

    def _follow(self, index: int) -> None:
        if self._bucket >= 0 and index != self._bucket + 1:
            raise ValueError(f"expected bucket {self._bucket + 1}, got {index}: every bucket must be given, in order")
        self._bucket = index


class FleetBlock:
    """Some brands of a fleet. Arrays are (windows, brands) or (brands,); clocks are plain numbers."""

    def __init__(self, brands: int, tail: PooledTail) -> None:
        """Begin without history.

        Args:
            brands: how many, at least 1.
            tail: that these brands share with others.
        """
        windows = (len(WINDOWS), brands)
        self.tail = tail
        self.peak = np.full(brands, -np.inf)
        self.shift, self.stretch = np.zeros(brands), np.ones(brands)
        self.cap = np.full(brands, NEGATIVITY_CAP[0])
        self.bucket, self.seen, self.unobserved = -1, 0, 0
        self.level, self.level_dispersion = np.zeros(brands), np.full(brands, FIRST_LEVEL_DISPERSION)
        self.hours, self.days = np.ones((24, brands)), np.ones((7, brands))
        self.hour_sum, self.day_sum = np.zeros(brands), np.zeros(brands)
        self.hour_buckets = self.day_buckets = 0
        self.sums, self.expected, self.negatives = np.zeros(windows), np.zeros(windows), np.zeros(windows)
        self.dispersion = np.full(windows, FIRST_DISPERSION)
        self.negative, self.other = np.full(brands, PRIOR_NEGATIVE), np.full(brands, PRIOR_OTHER)
        self.excess, self.pairs = np.zeros(windows), np.zeros(windows)
        self.correlation = np.full(windows, PRIOR_CORRELATION)
        self.maxima = FleetMaxima(brands)
        self.strange_first, self.strange_last, self.last_extreme = (np.full(brands, NEVER) for _ in range(3))
        self.credit, self.set_aside = np.full(brands, MAX_CREDIT), np.full(brands, NEVER)
        self.calm = [np.zeros_like(values) for values in self._set_aside_values()]
        # Work space, so that a step allocates little.
        self._y, self._mu, self._k, self._a, self._b, self._q, self._s, self._joint = np.empty((8, *windows))

    def season(self, bucket: int) -> Array:
        """Factor of the level in this bucket, by brand: hour of the day times day of the week."""
        hour = bucket // BUCKETS_PER_HOUR % 24
        f = (bucket % BUCKETS_PER_HOUR + 0.5) / BUCKETS_PER_HOUR
        hours = self.hours
        if f < 0.5:
            factor: Array = hours[hour - 1] * (0.5 - f) + hours[hour] * (0.5 + f)
        else:
            factor = hours[hour] * (1.5 - f) + hours[(hour + 1) % 24] * (f - 0.5)
        factor *= self.days[bucket // BUCKETS_PER_DAY % 7]
        return factor

    def step(self, index: int, mentions: Array, negatives: Array) -> tuple[Array, Array, Array]:
        """Crisis, shift and surge scores of a bucket, which is learned after that. Counts are floats, by brand."""
        self._enter_day(index // BUCKETS_PER_DAY)
        self.unobserved = 0
        settled = self.seen >= SETTLING_BUCKETS
        season = self.season(index)
        now = np.maximum(self.level * season, MIN_LEVEL) if settled else np.maximum(mentions, FIRST_EXPECTED)
        base_rate = self.negative / (self.negative + self.other)
        for sums, value in ((self.sums, mentions), (self.expected, now), (self.negatives, negatives)):
            _carry(sums, _DECAY, value)
        np.multiply(self.sums, _SCALE, out=self._y)
        np.multiply(self.expected, _SCALE, out=self._mu)
        np.maximum(self._mu, MIN_LEVEL, out=self._mu)
        np.multiply(self.negatives, _SCALE, out=self._k)
        evidence = self._evidence(base_rate)
        if self.seen >= WARM_UP_BUCKETS and self.maxima.days > 0:
            standard = (evidence - self.maxima.mean) / self.maxima.deviation
            crisis = standard[0] - GROUP_OFFSET[0]
            for group in range(1, GROUPS):
                np.maximum(crisis, standard[group] - GROUP_OFFSET[group], out=crisis)
            np.minimum(crisis, standard[GROUPS] + self.cap, out=crisis)
            np.multiply(crisis, self.maxima.days / (self.maxima.days + COLD_START_DAYS), out=crisis, where=crisis > 0.0)
            np.maximum(self.peak, crisis, out=self.peak)
            own = crisis
            recent = np.maximum(standard[0], standard[1])
            strange = (own >= STRANGE_SCORE) & (recent >= STRANGE_NOW)
            self.last_extreme[(own >= EXTREME_SCORE) & (recent >= EXTREME_NOW)] = index
            excess = crisis - PEAK_LEVEL
            crisis = PEAK_LEVEL + self.shift + np.where(excess > 0.0, excess * self.stretch, excess)
            scores = (crisis, standard[GROUPS], standard[GROUPS + 1])
        else:
            own, strange = np.full(len(mentions), -np.inf), np.zeros(len(mentions), bool)
            scores = (np.zeros(len(mentions)), np.zeros(len(mentions)), np.zeros(len(mentions)))
        self._follow(index, own, strange)
        learning = self._learning(index)
        if settled:
            self._learn_windows(base_rate, learning)
        held = learning == 0
        self._learn_level(index, mentions, now, season, held, settled=settled)
        self._learn_base_rate(mentions, negatives, base_rate, held)
        self.maxima.see(evidence)
        return scores

    def _enter_day(self, day: int) -> None:
        """Close the days before `day`: what they brought teaches the brands' own maxima and the pooled tail."""
        maxima = self.maxima
        if day == maxima.day:
            return
        self.tail.enter_day(day)
        log_size = np.log(np.maximum(self.level, MIN_SIZE_LEVEL) * BUCKETS_PER_HOUR)
        place = np.clip(np.searchsorted(_SIZES, log_size, side="right") - 1, 0, len(_SIZES) - 2)
        weight = np.clip((log_size - _SIZES[place]) / (_SIZES[place + 1] - _SIZES[place]), 0.0, 1.0)
        left_out = (self.last_extreme // BUCKETS_PER_DAY >= maxima.day - 1) & (self.credit >= DAY_LEFT_OUT)
        self.credit = np.where(left_out, self.credit - DAY_LEFT_OUT, np.minimum(self.credit + 1, MAX_CREDIT))
        known = (self.peak > -np.inf) & ~left_out
        if maxima.days >= YOUNG_DAYS and known.any():
            days = max(day - maxima.day - self.unobserved // BUCKETS_PER_DAY, 1)
            excess = np.where(known, np.maximum(self.peak - PEAK_LEVEL, 0.0), 0.0)
            state = self.tail.state
            for at, share in ((place, np.where(known, 1.0 - weight, 0.0)), (place + 1, np.where(known, weight, 0.0))):
                for sums, value in (
                    (state.new_days, share * min(days, MAX_ENDED_DAYS)),
                    (state.new_peaks, share * ((excess > 0.0) & (excess <= MOST))),
                    (state.new_excess, share * np.where(excess <= MOST, excess, 0.0)),
                    (state.new_high, share * (excess > MOST)),
                    (state.new_high_excess, share * np.where(excess > MOST, np.minimum(excess, MAX_HIGH), 0.0)),
                ):
                    for i, more in enumerate(np.bincount(at, value, len(_SIZES)).tolist()):
                        sums[i] += more
        for knots, values in ((self.tail.shift, "shift"), (self.tail.stretch, "stretch")):
            table = np.array(knots)
            setattr(self, values, table[place] * (1.0 - weight) + table[place + 1] * weight)
        self.cap = np.interp(log_size, KNOWN_SIZES, NEGATIVITY_CAP)
        self.peak = np.full(len(self.level), -np.inf)
        maxima.enter_day(day, self.level, self.unobserved // BUCKETS_PER_DAY, left_out)

    def pass_unobserved(self, index: int) -> None:
        """As FleetModel.pass_unobserved."""
        for sums in (self.sums, self.expected, self.negatives):
            np.multiply(sums, _DECAY, out=sums)
        self._enter(index)
        self.bucket = index
        self.unobserved += 1

    def _evidence(self, base_rate: Array) -> Array:
        """Raw evidence in nats (crisis groups, shift, surge); needs the sums of this bucket."""
        y, mu, k, q, s, joint = self._y, self._mu, self._k, self._q, self._s, self._joint
        evidence = np.empty((GROUPS + 2, y.shape[1]))
        least = np.where(self.level >= TINY_LEVEL, MIN_NEGATIVES, MIN_NEGATIVES_OF_TINY)
        np.multiply(y, base_rate, out=self._a)
        np.subtract(k, self._a, out=self._b)
        is_negative = (self._b > 0.5) & (self.negatives >= least)
        np.subtract(y, mu, out=self._b)
        is_loud = (self._b > 0.5) & (y >= 1.0)
        q.fill(0.0)
        place = np.flatnonzero(is_negative)
        if place.size:
            n = y.ravel()[place]
            effective = n / (1.0 + np.maximum(n - 1.0, 0.0) * self.correlation.ravel()[place])
            p = base_rate[place % y.shape[1]]
            q.ravel()[place] = surprises(binomial_roots((k.ravel()[place] - 0.5) * effective / n, effective, p))
        both = is_loud & is_negative
        wanted = both.copy()
        for w in SURGE_WINDOWS:
            wanted[w] |= is_loud[w] & (self.sums[w] >= MIN_MENTIONS)
        s.fill(0.0)
        place = np.flatnonzero(wanted)
        if place.size:
            mean = mu.ravel()[place]
            extra = np.maximum(self.dispersion.ravel()[place] - 1.0, MIN_OVERDISPERSION) * mean
            s.ravel()[place] = surprises(negative_binomial_roots(y.ravel()[place] - 0.5, mean, extra))
        joint.fill(0.0)
        place = np.flatnonzero(both)
        if place.size:
            a, b = s.ravel()[place], q.ravel()[place]
            joint.ravel()[place] = np.minimum(np.minimum(a, VOLUME_CAP) + b, BOTH_FACTOR * np.minimum(a, b))
        for group, rows in enumerate(GROUP_ROWS):
            np.max(joint[rows], axis=0, out=evidence[group])
        np.max(q, axis=0, out=evidence[GROUPS])
        evidence[GROUPS + 1] = surge_evidences(np.where(self.sums >= MIN_MENTIONS, s, 0.0))
        return evidence

    def _follow(self, index: int, own: Array, strange: NDArray[np.bool_]) -> None:
        """Set aside what is calm, go back to it when a bucket is strange, as Quarantine.follow."""
        stretch = index // CALM_BUCKETS
        begins = strange & (index - self.strange_last >= STRANGE_BUCKETS)
        if begins.any():
            self.strange_first[begins] = index
            back = begins & (stretch - self.set_aside <= MAX_CALM_AGE)
            for values, calm in zip(self._set_aside_values(), self.calm, strict=True):
                values[..., back] = calm[..., back]
        self.strange_last[strange] = index
        is_calm = (stretch != self.set_aside) & (own < CALM_SCORE) & (index - self.strange_last >= BUCKETS_PER_DAY)
        if is_calm.any():
            for values, calm in zip(self._set_aside_values(), self.calm, strict=True):
                calm[..., is_calm] = values[..., is_calm]
            self.set_aside[is_calm] = stretch

    def _set_aside_values(self) -> tuple[Array, ...]:
        learned = self.level, self.level_dispersion, self.negative, self.other
        return (*learned, self.excess, self.pairs, self.correlation)

    def _learning(self, index: int) -> NDArray[np.int64]:
        """How many windows of each brand learn in this bucket, as detectors.brand.quarantine.Quarantine.learning."""
        windows = np.searchsorted(_WAIT, index - self.strange_last, side="right")
        windows[index - self.strange_first >= MAX_STRANGE_BUCKETS] = ALL
        return windows

    def _learn_windows(self, base_rate: Array, learning: NDArray[np.int64]) -> None:
        learned = (self.dispersion, self.excess, self.pairs, self.correlation)
        waits = learning <= _PLACES
        former = [values[waits] for values in learned] if waits.any() else []
        self._learn_dispersion()
        self._learn_correlation(base_rate)
        for values, kept in zip(learned, former, strict=False):
            values[waits] = kept

    def _learn_dispersion(self) -> None:
        rate = max(DISPERSION_RATE, 1.0 / (self.seen + 1.0))
        limit, residual, dispersion = self._a, self._b, self.dispersion
        np.subtract(dispersion, 1.0, out=limit)
        np.maximum(limit, MIN_OVERDISPERSION, out=limit)
        limit += 1.0
        limit *= self._mu
        limit += COUNT_VARIANCE
        limit *= CLIP_VARIANCES
        # Squares are clipped instead of residuals: the sign is not needed.
        np.subtract(self._y, self._mu, out=residual)
        residual *= residual
        np.minimum(residual, limit, out=residual)
        residual /= self._mu
        residual -= dispersion
        residual *= rate
        dispersion += residual
        np.maximum(dispersion, 1.0, out=dispersion)

    def _learn_correlation(self, base_rate: Array) -> None:
        n, k, correlation = self._y, self._k, self.correlation
        several = n > SEVERAL_MENTIONS
        variance = base_rate * (1.0 - base_rate)
        residual, limit = self._a, self._b
        np.multiply(n, base_rate, out=residual)
        np.subtract(k, residual, out=residual)
        residual *= residual
        fewer = n - 1.0
        np.multiply(fewer, correlation, out=limit)
        limit += 1.0
        limit *= n
        limit *= CORRELATION_CLIP * variance
        np.minimum(residual, limit, out=residual)
        residual /= variance
        residual -= n
        # weight = n (n - 1) / (n (1 + (n - 1) prior))^2; excess = weight * residual; pairs = weight * n (n - 1)
        weight = limit
        np.multiply(fewer, PRIOR_CORRELATION, out=weight)
        weight += 1.0
        weight *= n
        weight *= weight
        np.maximum(weight, 1e-9, out=weight)
        fewer *= n
        np.divide(fewer, weight, out=weight)
        weight *= several
        residual *= weight
        fewer *= weight
        _carry(self.excess, 1.0 - DISPERSION_RATE, DISPERSION_RATE * residual)
        _carry(self.pairs, 1.0 - DISPERSION_RATE, DISPERSION_RATE * fewer)
        np.add(self.excess, PRIOR_CORRELATION * TRUST, out=correlation)
        np.add(self.pairs, TRUST, out=self._a)
        correlation /= self._a
        np.clip(correlation, MIN_CORRELATION, MAX_CORRELATION, out=correlation)

    def _learn_level(
        self, index: int, mentions: Array, now: Array, season: Array, held: NDArray[np.bool_], *, settled: bool
    ) -> None:
        if self.bucket >= 0:
            self._enter(index)
        level, dispersion = self.level, self.level_dispersion
        clipped = mentions
        if settled:
            deviation = np.sqrt(now * np.maximum(dispersion, 1.0) + COUNT_VARIANCE)
            usual = clipped = np.minimum(mentions, now + level_rules.CLIP * deviation)
            if self.seen < BUCKETS_PER_DAY:
                clipped = np.minimum(mentions, now + level_rules.FIRST_DAY_CLIP * deviation)
            residual = usual - now
            moved = max(DISPERSION_RATE, 1.0 / (self.seen + 1.0)) * (residual * residual / now - dispersion)
            dispersion += np.where(held, 0.0, moved)
        rate: float | Array = max(LEVEL_RATE, 1.0 / (self.seen + 1.0))
        if self.seen >= BUCKETS_PER_DAY:
            observed, mean = self._y[-1], self._mu[-1]
            shifted = (observed > SHIFT_RATIO * mean) & (observed - mean > SHIFT_MENTIONS)
            if shifted.any():
                clipped = np.where(shifted, mentions, clipped)
                rate = np.where(shifted, max(level_rules.RELEASED_RATE, rate), rate)
        clipped = np.where(held, np.maximum(level * season, MIN_LEVEL), clipped)
        rate = np.where(held, 0.0, rate)
        level += rate * (clipped / season - level)
        np.maximum(level, MIN_LEVEL, out=level)
        share = clipped / level
        today = self.days[index // BUCKETS_PER_DAY % 7]
        self.hour_sum += share / today
        self.hour_buckets += 1
        self.day_sum += share * today / season
        self.day_buckets += 1
        self.seen += 1
        self.bucket = index

    def _learn_base_rate(self, mentions: Array, negatives: Array, p: Array, held: NDArray[np.bool_]) -> None:
        more = np.maximum(mentions - 1.0, 0.0)
        usual = mentions * p
        deviation = np.sqrt(usual * (1.0 - p) * (1.0 + more * THREAD_CORRELATION))
        clipped = np.minimum(negatives, usual + level_rules.CLIP * deviation + 0.5)
        weight = 1.0 / (1.0 + more * BURST_WEIGHT)
        new = 1.0 - BASE_RATE_KEEP
        negative, other = self.negative[held], self.other[held]
        _carry(self.negative, BASE_RATE_KEEP, weight * clipped + new * PRIOR_NEGATIVE)
        _carry(self.other, BASE_RATE_KEEP, weight * (mentions - clipped) + new * PRIOR_OTHER)
        self.negative[held], self.other[held] = negative, other

    def _enter(self, bucket: int) -> None:
        """Close the hour and the day before `bucket` if it begins a new one."""
        hour = self.bucket // BUCKETS_PER_HOUR
        if bucket // BUCKETS_PER_HOUR == hour:
            return
        if self.hour_buckets:
            evidence = self.level * self.hour_buckets
            rate = level_rules.HOUR_RATE * evidence / (evidence + level_rules.HOUR_TRUST)
            factor = self.hours[hour % 24]
            factor += rate * (np.minimum(self.hour_sum / self.hour_buckets, level_rules.MAX_HOUR_FACTOR) - factor)
            np.maximum(factor, level_rules.MIN_HOUR_FACTOR, out=factor)
            self.hour_sum.fill(0.0)
            self.hour_buckets = 0
        day = self.bucket // BUCKETS_PER_DAY
        if bucket // BUCKETS_PER_DAY != day:
            if self.day_buckets >= level_rules.MIN_DAY_BUCKETS:
                evidence = self.level * self.day_buckets
                rate = level_rules.DAY_RATE * evidence / (evidence + level_rules.DAY_TRUST)
                factor = self.days[day % 7]
                factor += rate * (np.minimum(self.day_sum / self.day_buckets, level_rules.MAX_DAY_FACTOR) - factor)
                np.maximum(factor, level_rules.MIN_DAY_FACTOR, out=factor)
            self.day_sum.fill(0.0)
            self.day_buckets = 0


def _carry(sums: Array, keep: float | Array, value: Array) -> None:
    """Sums = sums * keep + value, in place."""
    sums *= keep
    sums += value
