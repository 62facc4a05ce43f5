"""What a planted campaign opens, and as many people: python -m studies.planted_campaigns [--brands N].

Brands of three sizes live some days in the ordinary world. Then, in copies of the engine as it is by then, so many more
negative mentions come within ten minutes or two hours, each from an account of its own: copies without a repost's mark
(exact, with another address, with another word), reposts (that name their post, or whose text alone says so), and
people who write texts of their own. How many brands have a crisis by that and a critical one, at either value of
`detection.copies`; and in the same hours without any campaign ("none").
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, Literal, get_args

import click
import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, Record
from pipeline.simulation.worlds.ordinary import FleetStream
from schemas.moments import moment
from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_DAY
from studies.copies import SCRIPTS, sentence

SECONDS_PER_DAY: Final = BUCKETS_PER_DAY * BUCKET_SECONDS
RATES: Final = {"S": 40 / 24, "M": 60.0, "L": 1000.0}
"""Mentions per hour."""
COUNTS: Final = (10, 30, 100, 300, 1000)
MINUTES: Final = (10, 120)
START: Final = 1_767_225_600
"""2026-01-01T00:00:00Z."""
WATCHED_SECONDS: Final = 4 * 3600
"""From the beginning of a campaign on."""

Copies = Literal["count", "story"]
Kind = Literal["none", "exact", "address", "word", "reposts", "marked", "people"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Array = NDArray[np.float64]
Said = tuple[float, str, bytes]
"""Event time, brand, value."""


class Found(msgspec.Struct, frozen=True):
    """Of the brands of one size.

    Attributes:
        brands: number of them.
        opened: whose crisis opened.
        critical: whose crisis became critical.
    """

    brands: int
    opened: int
    critical: int


def own_text(rng: random.Random) -> str:
    """A text that nobody else writes."""
    return " ".join(sentence(rng, SCRIPTS[0], tuning=False))


def spoken(at: float, brand: str, name: str, text: str, *, negative: bool, repost_of: str | None = None) -> Said:
    """A mention with a trusted sentiment, by an account of its own."""
    document = {
        "id": name,
        "brand": brand,
        "text": text,
        "event_time": moment(at),
        "platform": "x",
        "lang": "en",
        "sentiment": -0.7 if negative else 0.4,
        "author": {"id": name},
    }
    return at, brand, msgspec.json.encode(document | ({} if repost_of is None else {"repost_of": repost_of}))


def campaign(kind: Kind, count: int, seconds: float, brand: str, start: float, rng: random.Random) -> list[Said]:
    """The mentions that are planted, the first of them always a post of its own."""
    if kind == "none":
        return []
    words = own_text(rng).split()
    found = []
    for n, at in enumerate(sorted(rng.uniform(start, start + seconds) for _ in range(count))):
        text, repost_of = " ".join(words), None
        if kind == "address":
            text = f"{text} https://x.example/{rng.randrange(10**6)}"
        elif n and kind == "word":
            place = rng.randrange(len(words))
            text = " ".join([*words[:place], rng.choice(SCRIPTS[0].words[1]), *words[place + 1 :]])
        elif kind == "people":
            text = own_text(rng)
        elif n and kind == "reposts":
            repost_of = f"{brand} planted 0"
        elif n:
            text = f"RT @somebody: {text}" if kind == "marked" else text
        found.append(spoken(at, brand, f"{brand} planted {n}", text, negative=True, repost_of=repost_of))
    return found


class Town:
    """Brands of one size: their ordinary days, and an engine that has seen all but the last."""

    def __init__(self, size: str, brands: int, days: int, copies: Copies, *, seed: int) -> None:
        """Let the brands live.

        Args:
            size: a key of RATES.
            brands: number of them.
            days: whole days before the one of the campaigns.
            copies: the setting.
            seed: same seed, same mentions.
        """
        self.names = [f"{size.lower()}-{n}" for n in range(brands)]
        self._config = Config(ConfigFile(detection=DetectionConfig(copies=copies)))
        self._seed = seed
        stream = FleetStream("ordinary", ("S",), brands, days=days + 1, shift_day=days + 1, seed=seed)
        stream.rate[:] = RATES[size]
        draws, rng = np.random.default_rng([seed, 1]), random.Random(seed)
        sampler, engine = stream.sampler(), Engine(0, self._config)
        self.begin = float(START + days * SECONDS_PER_DAY + SECONDS_PER_DAY // 2)
        self._rest: list[Said] = []
        self._offset = 0
        for day in range(days + 1):
            said = list(self._day(day, *sampler.draw(stream.next_day(), draws), rng))
            self._rest = [one for one in said if self.begin <= one[0] < self.begin + WATCHED_SECONDS]
            before = [one for one in said if one[0] < self.begin]
            engine.process(records_of(before, self._offset))
            self._offset += len(before)
        self._state = dict(engine.snapshot())

    def _day(self, day: int, seen: Array, bad: Array, rng: random.Random) -> Iterator[Said]:
        for row in range(BUCKETS_PER_DAY):
            at = START + day * SECONDS_PER_DAY + row * BUCKET_SECONDS
            for place, brand in enumerate(self.names):
                for n in range(int(seen[row, place])):
                    own = f"{brand} {day} {row} {n}"
                    when = at + rng.random() * BUCKET_SECONDS
                    yield spoken(when, brand, own, own_text(rng), negative=n < bad[row, place])

    def plant(self, kind: Kind, count: int, minutes: float) -> Found:
        """What a campaign of so many mentions opens with each brand."""
        engine = Engine(0, self._config)
        engine.restore(self._state.items())
        said = list(self._rest)
        for brand in self.names:
            rng = random.Random(f"{self._seed} {brand} {kind} {count} {minutes}")
            said += campaign(kind, count, 60.0 * minutes, brand, self.begin + rng.random() * 300.0, rng)
        alerts = engine.process([*records_of(said, self._offset), tick(self.begin + WATCHED_SECONDS)]).alerts
        crises = [one for one in alerts if one.kind == "crisis" and one.detected_time.timestamp() > self.begin]
        opened = {one.brand for one in crises if one.transition == "opened"}
        critical = {one.brand for one in crises if one.severity == "critical"}
        return Found(len(self.names), len(opened), len(critical))


def records_of(said: Sequence[Said], offset: int = 0) -> list[Record]:
    """Records in order of time, from this offset on."""
    now = int(1000 * (START + 365 * SECONDS_PER_DAY))
    return [Record(n, now, brand.encode(), value) for n, (_, brand, value) in enumerate(sorted(said), offset)]


def tick(at: float) -> Record:
    """Event time has passed."""
    header = (TICK_HEADER, str(int(1000 * at)).encode())
    return Record(10**9, int(1000 * (START + 365 * SECONDS_PER_DAY)), None, None, (header,))


def table(brands: int, days: int, *, seed: int, counts: Sequence[int] = COUNTS) -> Iterator[tuple[str, ...]]:
    """Rows of size, setting, kind, mentions, minutes, brands, and of these opened and critical."""
    for size in RATES:
        for copies in get_args(Copies):
            town = Town(size, brands, days, copies, seed=seed)
            for kind in KINDS:
                for count in counts if kind != "none" else (0,):
                    for minutes in MINUTES if count else (0,):
                        found = town.plant(kind, count, minutes)
                        cells = (count, minutes, found.brands, found.opened, found.critical)
                        yield size, copies, kind, *map(str, cells)


@click.command(help=__doc__)
@click.option("--brands", type=click.IntRange(min=1), default=10, show_default=True, help="Of each size.")
@click.option("--days", type=click.IntRange(min=3), default=14, show_default=True, help="Before the campaigns.")
@click.option("--seed", type=int, default=7, show_default=True)
def main(brands: int, days: int, seed: int) -> None:
    """Print CSV: opened and critical are numbers of brands."""
    click.echo("size,copies,kind,mentions,minutes,brands,opened,critical")
    for row in table(brands, days, seed=seed):
        click.echo(",".join(row))


if __name__ == "__main__":
    main()
