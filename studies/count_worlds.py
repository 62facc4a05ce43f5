"""Labelled series of counts in the manner of NAB's realTweets, simulated under many laws: where the volume channel's
structure and threshold are chosen, so that the few recorded files can test the choice.

A series is 55 days of 5-minute counts with two to four labelled events, each in a window of a tenth of the series
divided by their number, centred on the onset. What is as large as some of them but is noise (spikes of a few buckets,
bursts of an hour or two) carries no label, as in the recorded files. Worlds of `pipeline.simulation` are read in the
same way, with their benign bursts as the events.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.scoring.nab import Labelled
from pipeline.simulation.worlds.held_out import HALF_LIVES_HOURS
from pipeline.simulation.worlds.worlds import open_stream
from schemas.observation import BUCKETS_PER_DAY, BUCKETS_PER_HOUR

Array = NDArray[np.float64]
Range = tuple[float, float]

DAYS: Final = 55
ROWS: Final = DAYS * BUCKETS_PER_DAY
PROBATION: Final = 750
SIMULATED: Final = ("ordinary", "rough", "calm", "contagion", "long-memory", "regimes", "heavy-tails", "calendar")
"""Worlds of pipeline.simulation whose bursts are taken for labelled events."""
SIZES: Final = ("S", "M", "L")
_KEEP: Final = 0.5 ** (1.0 / (BUCKETS_PER_HOUR * np.array(HALF_LIVES_HOURS)))[:, None]
_MAX_SPIKE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLaw:
    """How a world of counts varies; of ranges each series draws a value, ratios and levels evenly on a log scale.

    Attributes:
        text: the law in words.
        level: mentions per bucket.
        memory: deviations of the log rate's parts with half-lives of half an hour, 4 hours, 36 hours and 10 days.
        shape: of the gamma noise of a bucket: the variance of its rate is one over this.
        season: concentration of the day's von Mises density.
        weekend: volume on Saturday and Sunday over that of other days.
        on_the_hour: what automatic posts add to the first bucket of each hour, over the level.
        spikes_per_week, spike_tail: noise of one to three buckets, and the Pareto exponent of its height.
        bursts_per_week, burst: unlabelled bursts of half an hour to three hours, and their volume over normal.
        event: a factor on the labelled events' heights.
        kinds: of labelled events, each as likely.
    """

    text: str
    level: Range = (2.0, 150.0)
    memory: tuple[float, float, float, float] = (0.1, 0.12, 0.12, 0.15)
    shape: float = 8.0
    season: Range = (0.4, 1.0)
    weekend: Range = (0.5, 0.9)
    on_the_hour: float = 0.0
    spikes_per_week: float = 0.7
    spike_tail: float = 1.6
    bursts_per_week: float = 0.4
    burst: Range = (1.5, 3.0)
    event: float = 1.0
    kinds: tuple[str, ...] = ("decay", "decay", "plateau", "spike", "swell")


_PLAIN: Final = CountLaw(text="a little of all")
LAWS: Final = {
    "plain": _PLAIN,
    "spiky": replace(_PLAIN, text="four spikes a week, heavy-tailed", spikes_per_week=4.0, spike_tail=1.2),
    "bursty": replace(_PLAIN, text="two unlabelled bursts a week", bursts_per_week=2.0, burst=(1.5, 5.0)),
    "market": replace(
        _PLAIN,
        text="steep days, empty weekends, posts on the hour",
        season=(1.2, 2.2),
        weekend=(0.2, 0.4),
        on_the_hour=1.0,
    ),
    "memory": replace(_PLAIN, text="strong memory of the rate", memory=(0.2, 0.25, 0.25, 0.3)),
    "coarse": replace(_PLAIN, text="gamma noise of shape 1.5 in each bucket", shape=1.5),
    "few": replace(_PLAIN, text="0.3 to 3 mentions a bucket", level=(0.3, 3.0)),
    "faint": replace(_PLAIN, text="events of half the height", event=0.5),
    "sharp": replace(_PLAIN, text="events that are single spikes", kinds=("spike", "spike", "decay")),
    "long": replace(_PLAIN, text="events of hours", kinds=("plateau", "swell", "decay")),
}


@dataclass(frozen=True)
class Series:
    """Counts of one world, (ROWS, series), and the labels of each."""

    world: str
    counts: Array
    labels: list[Labelled]


def _log_uniform(rng: np.random.Generator, low_high: Range, size: int | None = None) -> Array:
    values: Array = np.exp(rng.uniform(math.log(low_high[0]), math.log(low_high[1]), size))
    return values


def windows_of(onsets: Sequence[int], rows: int = ROWS) -> tuple[tuple[int, int], ...]:
    """NAB's windows around onsets: a tenth of the rows over their number, apart, centred as far as the series goes."""
    if not onsets:
        return ()
    half = int(0.1 * rows / len(onsets)) // 2
    found: list[tuple[int, int]] = []
    for onset in sorted(onsets):
        first, last = max(onset - half, 0), min(onset + half, rows - 1)
        if found and first <= found[-1][1]:
            first = found[-1][1] + 1
        if first <= onset:
            found.append((first, last))
    return tuple(found)


def _event(kind: str, height: float, rng: np.random.Generator) -> Array:
    """What an event adds in each bucket from its onset on, over the level."""
    hours = np.arange(3 * BUCKETS_PER_DAY) / BUCKETS_PER_HOUR + 0.5 / BUCKETS_PER_HOUR
    if kind == "spike":
        buckets = int(rng.integers(1, 4))
        shape = np.where(np.arange(len(hours)) < buckets, 1.0, 0.15 * 0.5 ** (hours / 0.5))
        return height * float(_log_uniform(rng, (8.0, 50.0))) * shape
    rise, hold, half_life, ratio = {
        "decay": ((0.05, 0.3), (0.05, 0.5), (1.0, 6.0), (2.5, 15.0)),
        "plateau": ((0.2, 1.0), (3.0, 12.0), (1.0, 3.0), (1.2, 5.0)),
        "swell": ((2.0, 4.0), (0.5, 3.0), (3.0, 8.0), (1.2, 4.0)),
    }[kind]
    up, stay = rng.uniform(*rise), rng.uniform(*hold)
    shape = np.minimum(hours / up, 1.0) * 0.5 ** (np.maximum(hours - up - stay, 0.0) / rng.uniform(*half_life))
    return height * float(_log_uniform(rng, ratio)) * shape


def _rates(law: CountLaw, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Expected counts without any event or spike, (ROWS, series), and the level of each series."""
    level = _log_uniform(rng, law.level, count)
    deviation = np.array(law.memory)[:, None] * rng.uniform(0.7, 1.3, count)
    state = rng.standard_normal((4, count))
    log_rate = np.empty((ROWS, count))
    spread = np.sqrt(1.0 - _KEEP**2)
    for row in range(ROWS):
        state = _KEEP * state + spread * rng.standard_normal((4, count))
        log_rate[row] = (deviation * state).sum(axis=0)
    hours = (np.arange(ROWS) / BUCKETS_PER_HOUR)[:, None]
    kappa, peak = rng.uniform(*law.season, count), rng.uniform(0.0, 24.0, count)
    season = np.exp(kappa * np.cos((hours - peak) * (2.0 * math.pi / 24.0))) / np.i0(kappa)
    weekend = np.where(np.arange(ROWS) // BUCKETS_PER_DAY % 7 >= 5, 1.0, 0.0)[:, None]
    season *= 1.0 + weekend * (rng.uniform(*law.weekend, count) - 1.0)
    return level * season * np.exp(log_rate - 0.5 * (deviation**2).sum(axis=0)), level


def _noise(law: CountLaw, rng: np.random.Generator) -> Array:
    """Unlabelled spikes and bursts of one series, over its level."""
    added = np.zeros(ROWS)
    for at in rng.integers(0, ROWS, rng.poisson(law.spikes_per_week * DAYS / 7.0)):
        added[at : at + int(rng.integers(1, 4))] += min(1.5 * rng.random() ** (-1.0 / law.spike_tail), _MAX_SPIKE)
    for at in rng.integers(0, ROWS, rng.poisson(law.bursts_per_week * DAYS / 7.0)):
        length = int(_log_uniform(rng, (0.5, 3.0)) * BUCKETS_PER_HOUR)
        added[at : at + length] += float(_log_uniform(rng, law.burst)) - 1.0
    return added


def _onsets(rng: np.random.Generator) -> list[int]:
    number = int(rng.integers(2, 5))
    apart = int(0.1 * ROWS / number) + 1
    while True:
        onsets = np.sort(rng.integers(PROBATION + apart // 2, ROWS - apart, number))
        if (np.diff(onsets) > apart).all():
            return [int(onset) for onset in onsets]


def draw(name: str, count: int, seed: int) -> Series:
    """So many series of a law.

    Args:
        name: a key of LAWS.
        count: number of series.
        seed: same seed and arguments, same series.
    """
    law, rng = LAWS[name], np.random.default_rng([seed, zlib.crc32(name.encode()), 5])
    rate, level = _rates(law, count, rng)
    labels = []
    for place in range(count):
        added = _noise(law, rng)
        onsets = _onsets(rng)
        for onset in onsets:
            event = _event(law.kinds[int(rng.integers(len(law.kinds)))], law.event, rng)
            end = min(onset + len(event), ROWS)
            added[onset:end] += event[: end - onset]
        added[::BUCKETS_PER_HOUR] += law.on_the_hour
        # News comes by day and by night: what is added follows the hour only half.
        rate[:, place] += added * np.sqrt(level[place] * rate[:, place])
        labels.append(Labelled(ROWS, windows_of(onsets)))
    counts = rng.poisson(rate * rng.standard_gamma(law.shape, rate.shape) / law.shape).astype(np.float64)
    return Series(name, counts, labels)


def read_world(name: str, brands: int, seed: int) -> Series:
    """Series of a world of pipeline.simulation: so many brands of each size, their bursts as labelled events."""
    stream = open_stream(name, SIZES, brands, days=DAYS, shift_day=DAYS, seed=seed)
    rng, sampler = np.random.default_rng([seed, 6]), stream.sampler()
    counts = np.concatenate([sampler.draw(stream.next_day(), rng)[0] for _ in range(DAYS)])
    onsets: list[list[int]] = [[] for _ in stream.sizes]
    for burst in stream.bursts:
        if PROBATION < burst.start < ROWS - BUCKETS_PER_HOUR:
            onsets[burst.brand].append(burst.start)
    return Series(name, counts, [Labelled(ROWS, windows_of(own)) for own in onsets])
