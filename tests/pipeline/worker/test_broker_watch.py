"""What is made of the brokers' answers: a broker that is away, a topic that is gone, a topic that is another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from pipeline.config.model import Config
from pipeline.errors import BrokerError
from pipeline.kafka.existing_topics import Existing
from pipeline.telemetry.health import Health
from pipeline.telemetry.worker_metrics import WorkerMetrics
from pipeline.worker import broker_watch as module
from pipeline.worker.broker_watch import LOOKS_MISSING, BrokerWatch, Look

MENTIONS, ALERTS = Existing(4, 1, id="m"), Existing(4, 1, id="a")
KNOWN: dict[str, Existing | None] = {"mentions": MENTIONS, "alerts": ALERTS}
ANOTHER = KNOWN | {"mentions": Existing(4, 1, id="z")}


class Watched:
    def __init__(self, look: Look = dict) -> None:
        self.health = Health()
        self.health.ready([0])
        self.metrics = WorkerMetrics(Config())
        self.stopped: list[str] = []
        known = {"mentions": MENTIONS, "alerts": ALERTS}
        self.watch = BrokerWatch(look, known, health=self.health, metrics=self.metrics, stop_now=self.stop)

    def stop(self, error: BaseException, where: str) -> None:
        self.stopped.append(f"{where}: {error}")

    @property
    def up(self) -> float | None:
        return self.metrics.registry.get_sample_value("tocsin_broker_up")


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_broker_that_is_away_is_in_the_log_once_in_readyz_and_in_a_metric_until_it_answers(watched: Watched) -> None:
    watched.watch.heard(KNOWN)
    assert (watched.up, watched.health.readiness().ok) == (1, True)
    with capture_logs() as logs:
        watched.watch.away("expected a Kafka broker at kafka:9092, got none")
        watched.watch.away("expected a Kafka broker at kafka:9092, got none")
        assert (watched.up, watched.health.readiness().ok) == (0, False)
        assert watched.health.readiness().why == "expected a Kafka broker at kafka:9092, got none"
        assert watched.health.alive().ok, "another process would not be answered either"
        watched.watch.heard(KNOWN)
    assert (watched.up, watched.health.readiness().ok) == (1, True)
    assert [line["event"] for line in logs] == ["no broker answers", "a broker answers again"]
    assert watched.stopped == []


def test_a_topic_that_was_created_again_ends_the_worker_at_the_second_look(watched: Watched) -> None:
    watched.watch.heard(KNOWN)
    watched.watch.heard(ANOTHER)
    assert watched.stopped == [], "one of several brokers may be behind the others"
    watched.watch.heard(ANOTHER)
    (line,) = watched.stopped
    assert "mentions: expected the topic m, got z: the topic was deleted and created again" in line


def test_a_broker_that_is_behind_for_a_moment_ends_nothing(watched: Watched) -> None:
    for seen in (ANOTHER, KNOWN, ANOTHER, KNOWN):
        watched.watch.heard(seen)
    assert watched.stopped == []


def test_a_topic_that_stays_away_ends_the_worker_and_one_that_is_back_does_not(watched: Watched) -> None:
    gone = KNOWN | {"alerts": None}
    for _ in range(LOOKS_MISSING - 1):
        watched.watch.heard(gone)
    watched.watch.heard(KNOWN)
    for _ in range(LOOKS_MISSING):
        watched.watch.heard(gone)
    assert watched.stopped == []
    watched.watch.heard(gone)
    (line,) = watched.stopped
    assert "alerts: expected the topic, got none: it was deleted" in line


def test_topics_that_we_may_not_ask_about_accuse_nobody(watched: Watched) -> None:
    for _ in range(LOOKS_MISSING + 2):
        watched.watch.heard({})
    assert watched.stopped == []


def look_until(answers: list[Mapping[str, Existing | None] | Exception], monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Let the thread look until there are no more answers."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(module, "SUSPICION_SECONDS", 0.001)
    done = threading.Event()

    def look() -> Mapping[str, Existing | None]:
        if not answers:
            done.set()
            return KNOWN
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watched = Watched(look)

    async def run() -> None:
        watched.watch.start()
        await asyncio.to_thread(done.wait)
        watched.watch.close()

    asyncio.run(run())
    return watched


def test_what_the_thread_hears_is_judged_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = look_until([KNOWN, BrokerError("none"), ANOTHER, ANOTHER], monkeypatch)
    assert len(watched.stopped) == 1


def test_an_error_that_nobody_expects_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = look_until([KeyError("topics")], monkeypatch)
    assert watched.stopped == ["looking at the brokers: 'topics'"]
