"""`tocsin demo`: the whole pipeline on one machine; `make run` runs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.errors import TocsinError
from pipeline.wording import counted
from schemas.moments import moment

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.demo.background import Publisher
    from pipeline.demo.day import SimulatedDay
    from pipeline.demo.session import DemoSession
    from pipeline.simulation import Labels, Simulation
    from schemas.alert import Alert

HISTORY_HOURS = 48.0
SETTLE_SECONDS = 30.0


@click.command()
@click.option(
    "--input", "source", metavar="FILE", help="Recorded mentions (.jsonl, .jsonl.gz) instead of a simulation."
)
@click.option(
    "--duration",
    type=click.FloatRange(1),
    help="Seconds after which to stop. [default: at Ctrl-C, or at the end of --input]",
)
@click.option(
    "--speed",
    type=click.FloatRange(1),
    default=900.0,
    show_default=True,
    help="Pace of the simulated day, in seconds of event time per second.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of the simulation.")
@click.option("--all", "show_all", is_flag=True, help="Print informational alerts (volume surges) as well.")
@click.option("--verify", is_flag=True, help="With --input: replay the file afterwards and compare the alerts.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file of detection; simulated brands it does not name keep theirs. [default: every default holds]",
)
def command(
    source: str | None,
    duration: float | None,
    speed: float,
    seed: int,
    show_all: bool,
    verify: bool,
    config: Path | None,
) -> None:
    """Run the whole pipeline on this machine: Kafka, topics, worker, hub, a stream of mentions, alerts on the screen.

    The stream is simulated: 200 brands in English, Chinese and Japanese, two quiet days as fast as possible, then a day
    at --speed in which one crisis breaks out, one slow burn begins and one brand is merely praised. The demo runs until
    Ctrl-C, or for --duration; with --input it ends when the file has been processed. Alerts go to stdout, all else to
    stderr.
    """
    if verify and source is None:
        raise click.UsageError("--verify needs --input")
    from rich.console import Console

    from pipeline.config.settings import load_settings
    from pipeline.demo.playbook import playbook_toml, playbook_words
    from pipeline.demo.run_guard import stoppable
    from pipeline.demo.session import DemoSession
    from pipeline.simulation import demo_stream

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    started = time.monotonic()
    stream = demo_stream(seed=seed, history_hours=HISTORY_HOURS) if source is None else None
    names = {} if stream is None else names_of(stream.labels)
    try:
        with stoppable(), DemoSession(load_settings(), config, names, playbook_toml(speed)) as session:
            made = counted(session.apply_topics(), "topic")
            console.print(f"Apache Kafka answers at {session.settings.kafka_bootstrap}; {made} made")
            if session.told:
                console.print(session.told)
            if session.plays_own:
                console.print(playbook_words(speed))
            session.start_worker()
            hub = session.start_hub()
            address = f"http://127.0.0.1:{session.settings.metrics_port}"
            console.print(f"worker is ready: {address}/metrics  {address}/healthz  (log: {session.log})")
            console.print(
                f"what burns, live: {hub}  (log: {session.hub_log})"
                if hub
                else "no hub: expected the extra `hub` to be installed, it is not"
            )
            console.print(f"in another terminal: . {session.environment} && .venv/bin/tocsin episodes")
            run = _Run(session, console, show_all=show_all)
            try:
                if stream is not None:
                    run.simulated(stream, speed, duration and started + duration)
                elif source is not None:
                    run.recorded(source, duration and started + duration)
            except KeyboardInterrupt:
                console.print("stopping")
            finally:
                run.stop()
            run.summary()
    except KeyboardInterrupt:
        # Before the stream began; the session has stopped what it had started.
        console.print("stopped")
        return
    if verify and source is not None:
        _verify(source, config, run, console)


def names_of(labels: Labels) -> dict[str, dict[str, str]]:
    """What people call the brands of a simulated stream, in the language of their home."""
    return {brand.brand: {brand.language: brand.name} for brand in labels.brands}


class _Run:
    """One stream through the pipeline, with its alerts on the screen."""

    def __init__(self, session: DemoSession, console: Console, *, show_all: bool) -> None:
        from rich.console import Console

        from pipeline.demo.background import AlertFollower

        self.alerts: list[Alert] = []
        self.ended_milliseconds: int | None = None
        self._session = session
        self._console = console
        self._show_all = show_all
        self._screen = Console(highlight=False)
        self._publisher: Publisher | None = None
        self._follower = AlertFollower(session.settings)
        self._follower.start()
        self._truth: Labels | None = None
        self._day: SimulatedDay | None = None
        self._stopping = threading.Event()
        self._last_status = time.monotonic()

    def simulated(self, stream: Simulation, speed: float, deadline: float | None) -> None:
        """Publish a simulated history and day; after its end go on until the deadline or Ctrl-C."""
        from pipeline.demo.background import Publisher
        from pipeline.demo.day import SimulatedDay

        self._truth = stream.labels
        self._console.print(
            f"publishing {len(stream.labels.brands)} simulated brands: {HISTORY_HOURS:.0f} quiet hours as fast as "
            f"possible, then 24 hours at {speed:.0f} times real time"
        )
        self._day = day = SimulatedDay(stream, speed, watermark=self._session.watermark, stop=self._stopping)
        self._publisher = Publisher(self._session.settings, [(day.history(), None, False), (day.day(), speed, True)])
        self._publisher.start()
        announced = False
        while deadline is None or time.monotonic() < deadline:
            self._turn(day.status)
            if self._publisher.done and not announced:
                announced = True
                self._console.print("the simulated stream has ended; the pipeline runs on until Ctrl-C")

    def recorded(self, source: str, deadline: float | None) -> None:
        """Publish a file of mentions; return when every mention is processed and every alert is on the screen."""
        from pipeline.demo.background import Publisher
        from pipeline.demo.report import mention_counts
        from pipeline.files.mentions import lines

        self._console.print(f"publishing {source}")
        self._publisher = Publisher(self._session.settings, [(lines(source), None, True)])
        self._publisher.start()
        started = time.monotonic()
        while not self._publisher.done:
            self._turn(lambda: "")
            if deadline is not None and time.monotonic() >= deadline:
                return
        report = self._publisher.report
        assert report is not None
        self.ended_milliseconds = report.ended_milliseconds
        settled = 0.0
        while settled == 0.0 or time.monotonic() < settled:
            self._turn(lambda: "waiting for the worker")
            sums = self._session.metrics()
            if mention_counts(sums, report.mentions, report.ticks).complete:
                if sums["alerts_total"] == len(self.alerts):
                    break
                settled = settled or time.monotonic() + SETTLE_SECONDS
            if deadline is not None and time.monotonic() >= deadline:
                return
        seconds = time.monotonic() - started
        sums = self._session.metrics()
        counts = mention_counts(sums, report.mentions, report.ticks)
        self._console.print(
            f"{counted(report.mentions, 'mention')} in the file, {counts.consumed:,} consumed, "
            f"{counts.refused:,} refused, {counts.late:,} late, {counts.duplicate:,} duplicate; "
            f"{seconds:.1f} s from the first to the last alert"
        )
        if counts.consumed != report.mentions or sums["alerts_total"] != len(self.alerts):
            raise TocsinError(
                f"expected {report.mentions} mentions consumed and {sums['alerts_total']:.0f} alerts on the topic, got "
                f"{counts.consumed} and {len(self.alerts)}; see {self._session.log}"
            )

    def stop(self) -> None:
        """Stop publishing and reading."""
        self._stopping.set()
        if self._publisher is not None:
            self._publisher.stop()
        self._show()
        self._follower.stop()

    def summary(self) -> None:
        """Print the outcome to stderr."""
        from pipeline.demo.report import count_line, label_lines

        self._show()
        sent = self._publisher.sent if self._publisher else 0
        self._console.print(f"{counted(sent, 'mention')} published; alerts: {count_line(self.alerts)}")
        if self._truth is not None and self._day is not None:
            for text in label_lines(self._truth, self.alerts, self._day.passed):
                self._console.print("  " + text)

    def _turn(self, status: Callable[[], str]) -> None:
        """Check every part once, print the alerts that arrived, and wait a moment."""
        assert self._publisher is not None
        self._session.check()
        self._publisher.check()
        self._show()
        if time.monotonic() - self._last_status >= 10.0:
            self._last_status = time.monotonic()
            self._console.print(f"[dim]{counted(self._publisher.sent, 'mention')} published  {status()}[/dim]")
        time.sleep(0.1)

    def _show(self) -> None:
        import msgspec

        from pipeline.cli.alert_text import alert_renderable

        for alert in self._follower.arrived():
            self.alerts.append(alert)
            if self._show_all:
                self._screen.print(alert_renderable(alert), soft_wrap=True)
            elif alert.kind != "volume_surge":
                # Without the ids of surges, which are not shown.
                shown = msgspec.structs.replace(alert, related_episode_ids=())
                self._screen.print(alert_renderable(shown), soft_wrap=True)


def _verify(source: str, config: Path | None, run: _Run, console: Console) -> None:
    """Replay the file as of its publishing and compare its alerts with those of the topic, byte for byte."""
    from pipeline.config.load import load_config
    from pipeline.files.mentions import lines
    from pipeline.replay import replay_mentions
    from schemas.alert import encode_alert
    from schemas.catalogue import topics

    if run.ended_milliseconds is None:
        raise TocsinError(f"--verify: expected {source} to be published to its end, the run was stopped before")
    report = replay_mentions(
        lines(source),
        load_config(config),
        partitions=topics()["mentions"].partitions,
        now=moment(run.ended_milliseconds / 1000),
    )
    live = sorted(encode_alert(alert) for alert in run.alerts)
    replayed = sorted(map(encode_alert, report.alerts))
    if live != replayed:
        differ = len(set(live) ^ set(replayed))
        raise TocsinError(f"expected equal alerts from worker and replay, got {differ} that differ")
    console.print(f"replay agrees: {counted(len(replayed), 'alert')}, byte for byte")
