"""Work beside the demo's main loop, each in a thread of its own: publishing mentions, and reading alerts."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator

from pipeline.config.settings import Settings
from pipeline.kafka.alerts import follow_alerts
from pipeline.kafka.publishing import PublishReport, publish
from schemas.alert import Alert


class _Background:
    """Work in a thread of its own, which ends soon after `asked_to_stop` is set."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self.asked_to_stop = threading.Event()
        self._work = work
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.start = self._thread.start

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def check(self) -> None:
        """Raise the exception that ended the work, if one did."""
        if self._failure is not None:
            raise self._failure

    def stop(self, seconds: float) -> None:
        """Ask the work to end, and wait for that at most so many seconds; what has not begun has ended."""
        self.asked_to_stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that can end the run
            self._failure = error


class Publisher:
    """Publishes mentions in the background; `check` raises what ended it."""

    def __init__(self, settings: Settings, stages: Iterable[tuple[Iterable[bytes], float | None, bool]]) -> None:
        """Prepare stages, published one after the other.

        Args:
            settings: where to.
            stages: each (lines, seconds of event time per second or None for as fast as possible, whether a final tick
                follows).
        """
        self.sent = 0
        self.report: PublishReport | None = None
        self._settings = settings
        self._stages = stages
        self._background = _Background(self._publish, "publisher")
        self.start = self._background.start
        self.check = self._background.check

    @property
    def done(self) -> bool:
        """Whether every stage has been published."""
        return not self._background.is_alive and self.report is not None

    def stop(self) -> None:
        """End publishing early, and wait until everything sent has been acknowledged."""
        self._background.stop(20)

    def _publish(self) -> None:
        report: PublishReport | None = None
        before = 0
        for lines, speed, final_tick in self._stages:
            report = publish(
                self._settings,
                lines,
                speed=speed,
                final_tick=final_tick,
                on_progress=self._progress(before),
                stop=self._background.asked_to_stop,
            )
            before += report.mentions
            self.sent = before
        self.report = report

    def _progress(self, before: int) -> Callable[[int], None]:
        def progress(sent: int) -> None:
            self.sent = before + sent

        return progress


class AlertFollower:
    """Reads alerts in the background, from the beginning of the topic, as they arrive."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._arrived: queue.SimpleQueue[Alert] = queue.SimpleQueue()
        self._background = _Background(self._follow, "alerts")
        self.start = self._background.start

    def arrived(self) -> Iterator[Alert]:
        """The alerts that arrived since the last call; raises what ended the reading."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._arrived.get_nowait()
        self._background.check()

    def stop(self) -> None:
        """End reading."""
        self._background.stop(10)

    def _follow(self) -> None:
        for alert in follow_alerts(self._settings, self._background.asked_to_stop.is_set, from_beginning=True):
            self._arrived.put(alert)
