"""The process of `tocsin notify`: a thread for every target, which knows nothing of the others."""

from __future__ import annotations

import logging
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog

from pipeline.config.settings import Settings
from pipeline.errors import TocsinError
from pipeline.notify.config import NotifyFile
from pipeline.notify.courier import Courier, Profile
from pipeline.notify.delivery_log import DeliveryLog
from pipeline.notify.memory import Memory, open_memory
from pipeline.notify.messages import Style
from pipeline.notify.secrets import address_of
from pipeline.notify.source import alerts_for, group_of
from pipeline.notify.targets.building import build_target
from pipeline.notify.targets.contract import Target
from pipeline.telemetry.notify_metrics import NotifyMetrics, TargetMetrics, serve_notify_metrics
from schemas.text import printable

STOP_SECONDS: Final = 5.0
"""From SIGTERM to the end of the process, whatever targets do."""
RECORD_SECONDS: Final = 2.0
"""Of the end, in which it is written who was told last; what is not is written after the next start."""
CLOSE_SECONDS: Final = 0.5
"""For the connection over which that is written."""
RESTART_SECONDS: Final = 5.0
"""From an unexpected error of a target's loop to its next start."""

logger = structlog.get_logger("tocsin.notify")


def profiles_of(file: NotifyFile) -> list[Profile]:
    """The targets of a configuration."""
    return [
        Profile(
            name=name,
            section=section,
            style=Style(language=section.language, form=section.form, hub_url=file.hub_url),
        )
        for name, section in file.targets.items()
    ]


def targets_of(profiles: list[Profile], folder: Path) -> dict[str, Target]:
    """What is spoken to, by name.

    Args:
        profiles: of the targets.
        folder: of the configuration, where relative paths start.

    Raises:
        ConfigError: a secret that cannot be read, or an address that cannot be used.
    """
    # They log what they post to: addresses are secrets.
    for library in ("urllib3", "requests"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return {
        one.name: build_target(one.name, one.section, address_of(one.name, one.section, folder), one.style)
        for one in profiles
    }


def run(
    settings: Settings,
    profiles: list[Profile],
    targets: Mapping[str, Target],
    *,
    state: Path,
    metrics_port: int | None,
    from_beginning: bool,
) -> None:
    """Deliver until SIGTERM, SIGINT or SIGHUP. What is in flight then gets STOP_SECONDS.

    Args:
        settings: where the broker is.
        profiles: of the targets.
        targets: by name.
        state: folder of the targets' memories.
        metrics_port: where to serve metrics, None for nowhere, 0 for any free port.
        from_beginning: targets that are new are told what is kept on the topic.

    Raises:
        BrokerError: no broker, no topic or no permission when it starts; later they are waited for.
        ConfigError: the port is taken.
        TocsinError: a memory cannot be used.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    for name in targets:
        with alerts_for(settings, name, from_beginning=from_beginning):
            logger.debug("a group may be used", group=group_of(settings, name))
    metrics = NotifyMetrics(targets)
    if metrics_port is not None:
        port = serve_notify_metrics(settings, metrics_port, metrics)
        logger.info("listening", host=settings.metrics_host, port=port, paths="/metrics")
    memories = {name: open_memory(state / f"{name}.sqlite3") for name in targets}
    log = DeliveryLog(settings, targets)
    recorder = threading.Thread(target=log.run, name="tocsin-deliveries", daemon=True)
    threads = []
    for profile in profiles:
        name = profile.name
        courier = Courier(profile, targets[name], memories[name], metrics.targets[name], log=log.targets[name])
        loop = _Loop(settings, name, courier, metrics.targets[name], stop, from_beginning=from_beginning)
        threads.append(threading.Thread(target=loop.run, args=(memories[name],), name=f"tocsin-{name}", daemon=True))
        logger.info("target", target=name, type=profile.section.type, group=group_of(settings, name))
    for thread in (recorder, *threads):
        thread.start()
    stop.wait()
    _join(threads, time.monotonic)
    log.stop()
    recorder.join(CLOSE_SECONDS)


def _join(threads: list[threading.Thread], clock: Callable[[], float]) -> None:
    deadline = clock() + STOP_SECONDS
    for thread in threads:
        thread.join(max(deadline - clock(), 0.0))
    late = [thread.name for thread in threads if thread.is_alive()]
    if late:
        logger.warning("stopped while a delivery was in flight: it is repeated after the next start", threads=late)
    logger.info("stopped")


class _Loop:
    """The loop of one target, begun again after any error: it is nobody else's."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        courier: Courier,
        metrics: TargetMetrics,
        stop: threading.Event,
        *,
        from_beginning: bool,
    ) -> None:
        self._settings, self._name = settings, name
        self._courier, self._metrics, self._stop = courier, metrics, stop
        self._from_beginning = from_beginning

    def run(self, memory: Memory) -> None:
        """Until the stop."""
        while not self._stop.is_set():
            try:
                self._carry()
            except TocsinError as error:
                logger.error("interrupted", target=self._name, why=printable(str(error), 1000))  # noqa: TRY400 - says all
                self._begin_again()
            except Exception:
                logger.exception("an unexpected error; this target begins again", target=self._name)
                self._begin_again()
        try:
            self._courier.record(RECORD_SECONDS)
        except sqlite3.Error:
            logger.exception("the memory cannot be written; who was told last may be recorded twice")
        memory.close()

    def _carry(self) -> None:
        with alerts_for(self._settings, self._name, from_beginning=self._from_beginning) as source:
            self._courier.forget_pending()
            while not self._stop.is_set():
                self._stop.wait(self._courier.step(source))

    def _begin_again(self) -> None:
        self._metrics.crashed()
        self._stop.wait(RESTART_SECONDS)
