"""Time that teaches nothing: a crisis must not become part of the normal that the next one is held against.

A bucket is strange when the brand's own crisis score, before the pooled tail corrects it, is above what most days
bring, and not only by what the windows of half a day and more still hold of the day before. From then on level, season,
base share, dispersions and correlations stay as they were, until some hours after the last strange bucket; what a
window has learned waits until the window has forgotten them. A crisis that burns slowly has taught for hours before a
bucket is strange: level, base share and correlations go back to what was set aside in the last calm hours. In outbreak
detection this is known as leaving past outbreaks out of the baseline (Noufaily et al. 2013, Statistics in Medicine
32:1206).

A bucket far above that is extreme. Its day and the next one are no ordinary days: neither the brand's own daily maxima
nor the pooled tail counts them. Days of weak crises count: without every high day the tail of ordinary ones is lost.

It cannot last. A stretch that stays strange for days is how the brand is now, and is learned from then on; and days are
left out on credit that ordinary days earn, so that a brand whose every fourth day is strange teaches all the same.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Final, NamedTuple

import msgspec

from detectors.brand.baseline import Baseline
from detectors.brand.negativity import BaseRate
from detectors.brand.params import PARAMS
from detectors.brand.window_lengths import WINDOWS
from detectors.brand.window_state import CORRELATIONS_SIZE, correlations_of, with_correlations
from schemas.observation import BUCKETS_PER_DAY

STRANGE_SCORE: Final = PARAMS.strange_score
STRANGE_NOW: Final = PARAMS.strange_now
EXTREME_SCORE: Final = PARAMS.extreme_score
EXTREME_NOW: Final = PARAMS.extreme_now
STRANGE_BUCKETS: Final = PARAMS.strange_buckets
MAX_STRANGE_BUCKETS: Final = PARAMS.max_strange_buckets
CALM_SCORE: Final = PARAMS.calm_score
CALM_BUCKETS: Final = PARAMS.calm_buckets
MAX_CALM_AGE: Final = PARAMS.max_calm_age
DAY_LEFT_OUT: Final = PARAMS.ordinary_days_to_earn_one
MAX_CREDIT: Final = PARAMS.max_left_out_days * DAY_LEFT_OUT
"""In ordinary days: each earns one, and a day left out takes DAY_LEFT_OUT of them."""
NEVER: Final = -1_000_000
ALL: Final = len(WINDOWS)
WAIT: Final = tuple(max(PARAMS.residue_windows * w, STRANGE_BUCKETS) for w in WINDOWS)
"""Buckets after the last strange one from which a window learns: its sums then hold 1 in 400 of what they held."""


_CALM: Final = struct.Struct("<4d")
"""Level, its dispersion, and the negatives and others of the base share."""


class Learned(NamedTuple):
    """What of a brand's normal is set aside.

    Attributes:
        baseline, base_rate: of the brand.
        windows, former_windows: with the bucket and before it, packed (window_state); empty where there are none.
    """

    baseline: Baseline
    base_rate: BaseRate
    windows: bytes = b""
    former_windows: bytes = b""


class Quarantine(msgspec.Struct, array_like=True, gc=False):
    """What of a brand's time is left out of what is learned.

    Attributes:
        last: the last strange bucket; NEVER before any.
        span: buckets from the first one of the stretch that is going on, or the last one, to that.
        credit: ordinary days that pay for days left out.
        calm: what was set aside, packed: level, its dispersion, negatives and others of the base share.
        set_aside: when, in stretches of CALM_BUCKETS; NEVER before.
        last_extreme: the last bucket whose day is left out; NEVER before any.
        correlations: the windows' moments that were set aside (window_state.correlations_of); empty before any.
    """

    last: int = NEVER
    span: int = 0
    credit: int = MAX_CREDIT
    calm: bytes = b""
    set_aside: int = NEVER
    last_extreme: int = NEVER
    correlations: bytes = b""

    def __post_init__(self) -> None:
        if len(self.calm) not in (0, _CALM.size):
            raise ValueError(f"expected {_CALM.size} bytes of what was set aside, got {len(self.calm)}")
        if len(self.correlations) not in (0, CORRELATIONS_SIZE):
            raise ValueError(f"expected {CORRELATIONS_SIZE} bytes of correlations, got {len(self.correlations)}")

    def learning(self, bucket: int, *, is_strange: bool) -> int:
        """How many windows, shortest first, learn in this bucket; where none does, nothing else is learned either."""
        if not is_strange and self.last == NEVER:
            return ALL
        ago = bucket - self.last
        first = bucket if is_strange and ago >= STRANGE_BUCKETS else self.last - self.span
        if bucket - first >= MAX_STRANGE_BUCKETS:
            return ALL
        return 0 if is_strange else bisect_right(WAIT, ago)

    def follow(self, bucket: int, own_score: float, learned: Learned, *, is_strange: bool, is_extreme: bool) -> bytes:
        """Note a scored bucket before it is learned: set aside what is calm, go back to it when a bucket is strange.

        Args:
            bucket: its index.
            own_score: its crisis score before the pooled tail corrects it.
            learned: what may be set aside, or gone back to in place.
            is_strange: the bucket teaches nothing.
            is_extreme: its day, and the next one, are to be left out.

        Returns:
            The windows of `learned`, with the correlations that were set aside where they are gone back to.
        """
        baseline, base_rate, windows, former = learned
        if is_extreme:
            self.last_extreme = bucket
        stretch = bucket // CALM_BUCKETS
        if is_strange:
            if bucket - self.last < STRANGE_BUCKETS:
                self.span += bucket - self.last
            else:
                self.span = 0
                if stretch - self.set_aside <= MAX_CALM_AGE:
                    baseline.level, baseline.dispersion, base_rate.negative, base_rate.other = _CALM.unpack(self.calm)
                    if self.correlations and windows:
                        windows = with_correlations(windows, self.correlations)
            self.last = bucket
        elif stretch != self.set_aside and own_score < CALM_SCORE and bucket - self.last >= BUCKETS_PER_DAY:
            self.calm = _CALM.pack(baseline.level, baseline.dispersion, base_rate.negative, base_rate.other)
            self.correlations = correlations_of(former) if former else b""
            self.set_aside = stretch
        return windows

    def leave_out(self, day: int, days: int) -> tuple[bool, ...]:
        """Which of so many days from `day` on, all ended, are left out; ordinary for those that the answer ends before.

        Left out are days with an extreme bucket, and the day after each, as far as the credit goes.
        """
        credit, left_out = self.credit, []
        for _ in range(min(max(self.last_extreme // BUCKETS_PER_DAY + 2 - day, 0), days)):
            left_out.append(credit >= DAY_LEFT_OUT)
            credit = credit - DAY_LEFT_OUT if credit >= DAY_LEFT_OUT else credit + 1
        self.credit = min(credit + days - len(left_out), MAX_CREDIT)
        return tuple(left_out)
