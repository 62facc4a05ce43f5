"""Pages, memory and disk of a hub that watches many brands: python -m benchmarks.hub [--brands N] [--episodes N].

The worst case: every brand is mentioned in every bucket. The past is filled in by SQL, for so many records would take
hours to read; the newest bucket of all brands and the alerts come through the store's writer. Pages are asked for over
HTTP of a real hub in a process of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import click
import msgspec

from pipeline.hub.report_view import MOST_AT_ONCE
from pipeline.hub.store.retention import DAY, HOUR, Retention
from pipeline.hub.store.tables import open_for_writing
from pipeline.hub.store.writer import Incoming, Writer
from schemas.activity import Activity, Scores, Thresholds, Usual
from schemas.alert import Alert, decode_alert
from schemas.moments import moment

END: Final = 1_772_366_400
"""2026-03-01T12:00:00Z: the watermark."""
EXAMPLE: Final = (
    Path(__file__).parents[1] / "schemas" / "examples" / "alert" / "v1" / "valid" / "english-surge-evidence.json"
)
ROUNDS: Final = 7
_BATCH: Final = 5_000


_NUMBERS: Final = "WITH RECURSIVE n(b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n WHERE b < :brands) "
_BUCKETS: Final = (
    "INSERT INTO buckets SELECT :start, b, 100 * (b % 40), 25 * (b % 40), 100 * (b % 40), 30 * (b % 40), "
    "190 * (b % 40), 2500, -120, -80, 60 FROM n"
)
_PERIODS: Final = (
    "INSERT INTO {} SELECT :start, b, 100 * :count * (b % 40), 25 * :count * (b % 40), :count, "
    "100 * :count * (b % 40), 4900 * :count, 8100 * :count, 25 * :count * (b % 40), 140 FROM n"
)


def fill(path: Path, brands: int, days: int) -> None:
    """Every brand in every row that the store keeps: five minutes of a day, hours of eight days, days."""
    rule = Retention()
    connection = open_for_writing(path)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO brands (number, name, last_start) VALUES (?, ?, ?)",
        ((number, name_of(number), END - 600) for number in range(1, brands + 1)),
    )
    connection.execute("INSERT INTO facts VALUES ('watermark', ?), ('forgotten', ?)", (END - 300, END - 900))
    connection.execute("COMMIT")
    for sql, size, kept in (
        (_BUCKETS, 300, rule.buckets),
        (_PERIODS.format("hours"), HOUR, rule.hours),
        (_PERIODS.format("days"), DAY, rule.days),
    ):
        for start in range(END - min(kept, days * DAY) - 2 * size, END - 300, size):
            connection.execute(_NUMBERS + sql, {"brands": brands, "start": start, "count": size // 300})
    connection.close()


def name_of(number: int) -> str:
    """Name of a made-up brand."""
    return f"brand-{number:06d}"


def bucket(number: int, start: int) -> Activity:
    """The newest bucket of a brand."""
    return Activity(
        version=1,
        brand=name_of(number),
        start=start,
        mentions=number % 40,
        negatives=float(number % 10),
        positives=1.0,
        reach=1000,
        authors=number % 40,
        expected=Usual(number % 40, 0.3 * (number % 40), 1.9 * (number % 40), 0.25),
        scores=Scores(-1.2, -0.8, 0.6),
        thresholds=Thresholds(crisis=10.0),
        config_hash="0123456789ab",
        detector="daily-maxima/3",
    )


def opened(number: int) -> Alert:
    """The opening of an episode of a brand, some hours ago."""
    at = END - 600 - 300 * (number % 48)
    return msgspec.structs.replace(
        decode_alert(EXAMPLE.read_bytes()),
        id=f"{number:012x}",
        episode_id=f"{number:024x}",
        brand=name_of(number),
        kind="crisis",
        transition="opened",
        onset_time=moment(at - 2100),
        detected_time=moment(at),
    )


def updated(first: Alert) -> Alert:
    """A later alert of an episode, so that there is a course of platforms and languages to draw."""
    at = first.detected_time + timedelta(minutes=5)
    return msgspec.structs.replace(first, id=f"{int(first.id, 16):013x}", transition="updated", detected_time=at)


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def store_newest(path: Path, brands: int, episodes: int) -> tuple[float, float]:
    """Seconds to store the alerts, and one bucket of all brands."""
    with Writer(path) as writer:
        alerts = [opened(number) for number in range(1, episodes + 1)]
        alerts.append(updated(alerts[episodes // 2 - 1]))
        told = timed(lambda: writer.apply(Incoming(alerts=alerts)))
        records = [bucket(number, END - 300) for number in range(1, brands + 1)]

        def store() -> None:
            for first in range(0, brands, _BATCH):
                writer.apply(Incoming(activity=records[first : first + _BATCH]))

        return told, timed(store)


def pages(address: str, episodes: int) -> dict[str, tuple[float, int]]:
    """Median seconds and bytes of each page, asked for one after the other."""
    found = {}
    for path in (
        "",
        f"episodes/{episodes // 2:024x}",
        f"episodes/{episodes // 2:024x}/report",
        f"episodes/{episodes // 2:024x}/report?format=json",
        f"brands/{name_of(7)}?days=1",
        f"brands/{name_of(7)}?days=7",
        f"brands/{name_of(7)}?days=30",
        "search?q=headset",
        "search?brand=brand-0999",
        "api/episodes?state=open",
        "metrics",
    ):
        sizes: list[int] = []

        def ask(path: str = path, sizes: list[int] = sizes) -> None:
            with urlopen(address + path, timeout=60) as answer:
                sizes.append(len(answer.read()))

        found[f"/{path}"] = (statistics.median([timed(ask) for _ in range(ROUNDS)]), sizes[-1])
    return found


def beside_reports(address: str, episodes: int, readers: int) -> tuple[float, float, float]:
    """Seconds of an episode's page, median and longest, and of a report, while so many readers ask for reports."""
    episode = f"{address}episodes/{episodes // 2:024x}"
    over = threading.Event()
    took: list[float] = []

    def read() -> None:
        while not over.is_set():
            took.append(timed(lambda: urlopen(f"{episode}/report", timeout=60).read()))

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    pages = [timed(lambda: urlopen(episode, timeout=60).read()) for _ in range(10 * ROUNDS)]
    over.set()
    for thread in threads:
        thread.join()
    return statistics.median(pages), max(pages), statistics.median(took)


@click.command()
@click.option("--brands", default=100_000, show_default=True)
@click.option("--episodes", default=1_000, show_default=True, help="Open episodes.")
@click.option("--days", default=30, show_default=True, help="Days of activity.")
def main(brands: int, episodes: int, days: int) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        filled = timed(lambda: fill(path, brands, days))
        told, stored = store_newest(path, brands, episodes)
        click.echo(f"{brands:,} brands, {days} days filled in in {filled:.0f} s, {episodes:,} open episodes")
        click.echo(f"storing {episodes:,} alerts {told:.2f} s; one bucket of all brands {stored:.2f} s")
        click.echo(f"file {path.stat().st_size / 2**20:,.0f} MiB")
        config = Path(folder) / "empty.toml"
        config.touch()
        nothing = Path(folder) / "nothing.jsonl"
        nothing.touch()
        command = ["hub", "--replay", str(nothing), "--store", str(path), "--port", "0", "--config", str(config)]
        with subprocess.Popen([sys.executable, "-m", "pipeline", *command], stdout=subprocess.PIPE, text=True) as hub:
            assert hub.stdout is not None
            address = hub.stdout.readline().strip()
            for page, (seconds, size) in pages(address, episodes).items():
                click.echo(f"{page:<45} {seconds * 1000:7.0f} ms {size / 1024:9.0f} KiB")
            median, longest, report = beside_reports(address, episodes, MOST_AT_ONCE)
            click.echo(
                f"while {MOST_AT_ONCE} readers ask for reports: an episode {median * 1000:.0f} ms, at most "
                f"{longest * 1000:.0f} ms; a report {report * 1000:.0f} ms"
            )
            resident = int(Path(f"/proc/{hub.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf(
                "SC_PAGESIZE"
            )
            click.echo(f"resident memory of the hub {resident / 2**20:.0f} MiB")
            hub.terminate()


if __name__ == "__main__":
    main()
