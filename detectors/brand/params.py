"""The constants of the daily-maxima method in one place; the modules of the method bind them to their own names.

Shares per bucket are written as half-lives in buckets. A rate of a half-life is 1 - 0.5 ** (1 / half_life).
"""

from __future__ import annotations

import math
from typing import Final

import msgspec


class Prior(msgspec.Struct, frozen=True):
    """What is believed of a brand's daily maxima before they are seen, by size, and how fast belief gives way.

    Attributes:
        mean, deviation: of the maxima, for small, medium and large brands (`Params.known_sizes`).
        mean_days, deviation_days: how many seen days weigh as much as this belief.
        half_life_days: after which a seen day weighs half.
        clip: a maximum counts up to so many deviations above the mean: days of real crises must not make it.
        min_deviation: the deviation is never believed to be less.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    mean_days: float
    deviation_days: float
    half_life_days: float
    clip: float
    min_deviation: float


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Every constant of the method.

    Attributes:
        level_half_life: of the level; 4 days of buckets.
        released_half_life: of a level that has evidently shifted; 6 hours.
        dispersion_half_life: of dispersions and correlations; 21 days.
        base_rate_half_life: of the negative share; 14 days.
        hour_rate, day_rate: how far a factor moves towards the ratio of one hour, or one day.
        hour_trust, day_trust: mentions at which an hour, or a day, moves its factor by half of that.
        min_day_buckets: a day is learned when so many of its buckets were seen.
        min_hour_factor, max_hour_factor, min_day_factor, max_day_factor: ratios above these are a level that has grown,
            not a season: a weekday must not keep them for weeks.
        min_level: mentions per bucket; no brand is believed to be quieter than one mention in 21 hours.
        min_size_level: mentions per bucket; a brand counts as no smaller than this when its size is asked for.
        settling_buckets: before an hour has been seen the level follows the counts and nothing else is learned.
        first_expected: mentions; what a bucket of that hour is expected to hold is its own count, at least this.
        first_level_dispersion, first_dispersion: variance over mean of a bucket's mentions, and of a window's sum,
            before anything is known of the brand.
        clip_deviations: residuals of the level and of windows count up to so many deviations.
        first_day_clip_deviations: the level follows a residual this far on the first day.
        min_overdispersion: dispersion above 1 that is believed at least.
        shift_ratio, shift_mentions: the level is released when the day's window holds so many times what is normal, and
            at least so many mentions more: about eight hours at three times the normal volume. Measured
            (docs/results/2026-11/ablation.csv): after a lasting shift volume alarms last 8 to 21 hours instead of 10 to
            35, one crisis in six that such a shift opens is spared; recall stays within its noise.
        prior_negative, prior_other: Beta prior of the negative share: 18 % with the weight of ten mentions.
        thread_correlation: of the sentiments of mentions in one bucket, where the base rate clips negatives.
        burst_weight: a bucket of n mentions weighs as n / (1 + (n - 1) x this) of them in the base rate.
        min_negatives, min_negatives_of_tiny, tiny_level: decayed sum of negatives below which a window says nothing:
            two posts at least, three for a brand of less than half a mention per hour. Without it a single bad post
            fires on a brand of a few mentions per day; with three for all, one small brand's sudden crisis in
            twenty-five would be missed.
        max_trust: greatest weight of the prior correlation; it is the window's length in buckets up to this.
        prior_correlation, min_correlation, max_correlation: of two mentions' sentiment in one window.
        correlation_clip: squared deviations up to which negatives teach the correlation.
        volume_cap: nats; past this more volume is no more proof of a crisis, only negativity is.
        both_factor: the weaker of the two kinds of evidence counts at most so many times: both must speak.
        negativity_cap: by size; a crisis scores at most so far above the negativity by itself. While a launch or a
            lasting shift keeps the volume high all day, an ordinary day's worst share must not be enough. Small brands,
            whose worst share of an ordinary day is two or three posts, are given more room.
        group_offset: taken off the standardised evidence of each group of windows.
        crisis_priors: daily maxima of the joint evidence per window group, by size: measured on simulated streams of
            ordinary and rough noise, some of them in threads.
        shift_prior: the same of negativity alone.
        surge_prior: the same of volume alone, as the calibration itself would learn them: measured on simulated
            ordinary streams (the world `ordinary`), not on recorded ones (studies.surge_ablation).
        min_surge_mentions: decayed sum of mentions below which a window says nothing: three posts at least are a surge.
        cold_start_days: a score rests on few days at first: it is worth days / (days + this) of itself.
        skipped_days: the first days teach nothing: the level is still finding itself.
        known_sizes: log mentions per hour of the sizes at which priors were measured (small, medium, large).
        tail_sizes: log mentions per hour at which a pooled tail is kept; between them it is interpolated.
        peak_level, max_peak: daily maxima between these scores are peaks: their excesses are exponential in worlds of
            both families, and few days of crises fall between them.
        peaks_per_day, excess: share of days with a peak, and scale of its height above `peak_level`, under the tail
            that the shipped thresholds were measured with.
        prior_peaks: weight of that tail against what is seen.
        tail_half_life_days: of what is seen.
        young_days: younger brands teach the tail nothing: their own calibration is still finding itself, and they have
            more peaks for it.
        max_ended_days: days that a brand tells of at once: after a longer silence its older ones are forgotten anyway.
        max_factor, max_stretch: by which the share of days with a peak, and their height, may differ from the shipped.
        strange_score: own crisis score from which a bucket is strange: it teaches neither level, share, dispersions nor
            correlations. Lower than `extreme_score`: a weak crisis that is missed must not hide the next one. An
            ordinary brand has such a bucket on one day in 50.
        extreme_score: from which the bucket's day is left out of the daily maxima too; no peak is that high. An
            ordinary brand has such a bucket on one day in 600.
        strange_now, extreme_now: scores that the windows of up to 6 hours must reach by themselves in such a bucket.
        strange_buckets: after the last strange bucket in which nothing is learned; 3 hours.
        calm_score, calm_buckets, max_calm_age: below this score level, base share and correlations are set aside every
            6 hours; what was set aside up to 8 such stretches ago, 2 days, takes their place when a bucket is strange.
        max_strange_buckets: after the first of them; what goes on longer is learned; 3 days.
        residue_windows: lengths of itself after which a window has forgotten what was strange, and learns again.
        max_left_out_days, ordinary_days_to_earn_one: days that may be left out at once, and the ordinary days that earn
            another one.
    """

    level_half_life: float = 1152.0
    released_half_life: float = 72.0
    dispersion_half_life: float = 6000.0
    base_rate_half_life: float = 4032.0
    hour_rate: float = 0.1
    day_rate: float = 0.2
    hour_trust: float = 2.0
    day_trust: float = 20.0
    min_day_buckets: float = 200.0
    min_hour_factor: float = 0.1
    max_hour_factor: float = 3.0
    min_day_factor: float = 0.2
    max_day_factor: float = 2.0
    min_level: float = 0.004
    min_size_level: float = 1e-3
    settling_buckets: int = 12
    first_expected: float = 0.02
    first_level_dispersion: float = 2.0
    first_dispersion: float = 1.5
    clip_deviations: float = 3.0
    first_day_clip_deviations: float = 9.0
    min_overdispersion: float = 0.02
    shift_ratio: float = 2.0
    shift_mentions: float = 8.0
    prior_negative: float = 1.8
    prior_other: float = 8.2
    thread_correlation: float = 0.05
    burst_weight: float = 0.3
    min_negatives: float = 1.5
    min_negatives_of_tiny: float = 2.2
    tiny_level: float = 0.5 / 12.0
    max_trust: int = 72
    prior_correlation: float = 0.03
    min_correlation: float = 0.003
    max_correlation: float = 0.5
    correlation_clip: float = 16.0
    volume_cap: float = 8.0
    both_factor: float = 4.0
    negativity_cap: tuple[float, float, float] = (3.5, 2.5, 2.5)
    group_offset: tuple[float, float, float] = (0.0, 0.0, 0.5)
    crisis_priors: tuple[Prior, Prior, Prior] = (
        Prior((5.6, 6.4, 5.5), (2.2, 2.1, 2.5), 3.0, 15.0, 60.0, 4.0, 1.0),
        Prior((4.3, 3.3, 2.7), (2.4, 2.2, 2.2), 3.0, 15.0, 60.0, 4.0, 1.0),
        Prior((3.0, 2.2, 1.9), (2.2, 2.1, 2.1), 3.0, 15.0, 60.0, 4.0, 1.0),
    )
    shift_prior: Prior = Prior((6.0, 7.5, 7.5), (2.5, 3.0, 3.0), 3.0, 15.0, 60.0, 4.0, 0.6)
    surge_prior: Prior = Prior((3.9, 3.6, 3.5), (1.8, 1.8, 2.0), 3.0, 15.0, 60.0, 2.5, 0.7)
    min_surge_mentions: float = 2.5
    cold_start_days: float = 0.1
    skipped_days: int = 2
    known_sizes: tuple[float, float, float] = (math.log(3.16), math.log(122.0), math.log(3160.0))
    tail_sizes: tuple[float, ...] = tuple(math.log(rate) for rate in (0.04, 0.2, 1.0, 5.0, 25.0, 125.0, 625.0, 3125.0))
    peak_level: float = 1.5
    peaks_per_day: float = 0.1
    excess: float = 0.635
    max_peak: float = 3.4
    prior_peaks: float = 15.0
    tail_half_life_days: float = 30.0
    young_days: int = 14
    max_ended_days: int = 60
    max_factor: float = 30.0
    max_stretch: float = 3.0
    strange_score: float = 2.5
    strange_now: float = 0.5
    extreme_score: float = 4.0
    extreme_now: float = 2.0
    strange_buckets: int = 36
    calm_score: float = 1.0
    calm_buckets: int = 72
    max_calm_age: int = 8
    max_strange_buckets: int = 864
    residue_windows: int = 3
    max_left_out_days: int = 4
    ordinary_days_to_earn_one: int = 90


PARAMS: Final = Params()
