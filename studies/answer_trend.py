"""Whether the interval of an answer's effect holds what it says, where no answer had an effect.

`python -m studies.answer_trend`: crises are staged on fleets of simulated brands that the engine itself watches. In
every episode an answer is supposed at one of these moments:

- any: drawn evenly from the alarm to six hours after it, or to the end;
- early: half an hour after the alarm, while most crises still rise;
- worst: after the hour with the most negative mentions, from which things can only get better.

None has an effect, so an interval of 95 % should hold 1 in 95 of 100. The constants of pipeline.report.effect were
chosen on the world `ordinary` with seed 1 (--tuning); what else is printed is of other seeds, rougher noise, and a
world of the held-out family.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence

import click
import msgspec
import numpy as np

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.evaluation.simulated import FIRST_BUCKET, WARM_UP_DAYS
from pipeline.report.answers import effect_at
from pipeline.report.effect import Effect
from pipeline.report.series import Series, bucket_of, series_of
from pipeline.simulation.worlds.ordinary import with_crisis
from pipeline.simulation.worlds.worlds import open_stream
from schemas.activity import Activity
from schemas.alert import Alert
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY, BUCKETS_PER_HOUR, Observation

SIZES = ("S", "M", "L")
TUNING = (("ordinary", 1),)
HELD_OUT = (("ordinary", 201), ("rough", 202), ("all-at-once", 203))
MOMENTS = ("any", "early", "worst")
AFTER_DAYS = 2


class Episode(msgspec.Struct, frozen=True):
    """One crisis that was found: the brand's counts, and the buckets of onset, alarm and end."""

    series: Series
    onset: int
    opened: int
    end: int


def episodes(world: str, seed: int, brands: int, kinds: Sequence[str] = ("sudden", "slow")) -> Iterator[Episode]:
    """The crises of a fleet that an engine found, one staged on every brand."""
    for kind in kinds:
        days = WARM_UP_DAYS + AFTER_DAYS
        stream = open_stream(world, SIZES, brands, days=days, shift_day=days, seed=seed)
        rng = np.random.default_rng([seed, zlib.crc32(f"{world} {kind}".encode())])
        sampler, names = stream.sampler(), [f"brand-{place}" for place in range(len(stream.sizes))]
        engine = Engine(0, Config(), activity="all")
        alerts: list[Alert] = []
        activity: dict[str, list[Activity]] = {name: [] for name in names}
        for day in range(WARM_UP_DAYS + 1):
            latent = stream.next_day()
            if day == WARM_UP_DAYS:
                second = stream.next_day()
                latent = type(latent)(*(np.concatenate(pair) for pair in zip(latent, second, strict=True)))
                onset = rng.integers(0, BUCKETS_PER_DAY // 2, len(names))
                latent = with_crisis(latent, kind, onset, rng)
            mentions, negatives = sampler.draw(latent, rng)
            for row, (seen, bad) in enumerate(zip(mentions.tolist(), negatives.tolist(), strict=True)):
                start = (FIRST_BUCKET + day * BUCKETS_PER_DAY + row) * BUCKET_SECONDS
                engine.ingest_observations(
                    Observation(brand=name, start=start, mentions=int(n), negatives=k)
                    for name, n, k in zip(names, seen, bad, strict=True)
                    if n
                )
                engine.close_due()
                engine.discard_changes()
                outputs = engine.take_outputs()
                alerts += outputs.alerts
                for one in outputs.activity:
                    activity[one.brand].append(one)
        yield from _found(alerts, activity, FIRST_BUCKET + WARM_UP_DAYS * BUCKETS_PER_DAY)


def _found(alerts: list[Alert], activity: dict[str, list[Activity]], begin: int) -> Iterator[Episode]:
    for alert in alerts:
        if alert.kind == "crisis" and alert.transition == "opened" and bucket_of(alert.detected_time) > begin:
            series = series_of(activity[alert.brand])
            ended = (
                bucket_of(one.detected_time)
                for one in alerts
                if one.episode_id == alert.episode_id and one.transition == "resolved"
            )
            yield Episode(series, bucket_of(alert.onset_time), bucket_of(alert.detected_time), next(ended, series.end))


def supposed(found: Sequence[Episode], moment: str, seed: int, factor: float = 1.0) -> list[Effect]:
    """The effects of answers that were never given, one an episode.

    Args:
        found: the episodes.
        moment: one of MOMENTS.
        seed: of the moments.
        factor: by which negative mentions are multiplied after the answer, to see what would be told.
    """
    rng = np.random.default_rng(seed)
    effects = []
    for one in found:
        at = _moment(one, moment, rng)
        effects.append(effect_at(_changed(one.series, at, factor, rng), at, one.onset))
    return effects


def _moment(one: Episode, moment: str, rng: np.random.Generator) -> int:
    last = max(min(one.end, one.opened + 6 * BUCKETS_PER_HOUR), one.opened + 1)
    if moment == "early":
        return one.opened + BUCKETS_PER_HOUR // 2
    if moment == "any":
        return int(rng.integers(one.opened, last))
    hourly = np.convolve(one.series.negatives, np.ones(BUCKETS_PER_HOUR))
    first = one.opened - one.series.first
    return one.opened + int(np.argmax(hourly[first : first + last - one.opened]))


def _changed(series: Series, at: int, factor: float, rng: np.random.Generator) -> Series:
    after = series.between(at + 1, series.end)
    negatives, mentions = series.negatives.copy(), series.mentions.copy()
    before = np.rint(negatives[after]).astype(np.int64)
    told = rng.binomial(before, factor) if factor < 1.0 else before + rng.poisson((factor - 1.0) * before)
    negatives[after] = told
    mentions[after] += told - before
    return msgspec.structs.replace(series, negatives=negatives, mentions=mentions)


def line(name: str, effects: Sequence[Effect]) -> str:
    """What the intervals held."""
    told = [one.negatives for one in effects if one.negatives is not None]
    inside = sum(one.lower <= 1.0 <= one.upper for one in told)
    fed = sum(one.lower > 1.0 for one in told)
    factor = math.exp(float(np.median([math.log(one.upper / one.lower) / 2.0 for one in told])))
    return (
        f"{name:18} {len(effects):5d} answers, {len(told):5d} told of: 1 inside {inside / len(told):6.1%}, "
        f"called fed {fed / len(told):5.1%}, called calmer {1.0 - (inside + fed) / len(told):5.1%}, "
        f"half width x{factor:.1f}"
    )


@click.command()
@click.option("--brands", default=34, show_default=True, help="Brands of each size, twice a crisis each.")
@click.option("--factor", default=1.0, show_default=True, help="Negative mentions after an answer, multiplied by this.")
@click.option("--tuning", is_flag=True, help="The world and seed that the constants were chosen on.")
def main(brands: int, factor: float, *, tuning: bool) -> None:
    """Print the coverage of the interval, world by world."""
    for world, seed in TUNING if tuning else HELD_OUT:
        found = list(episodes(world, seed, brands))
        for moment in MOMENTS:
            click.echo(line(f"{world}, {moment}", supposed(found, moment, 1000 * seed, factor)))


if __name__ == "__main__":
    main()
