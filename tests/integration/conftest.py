"""One real Apache Kafka a process of the test session; every test has topics and a consumer group of its own on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.config.settings import Settings, user_cache
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.local.jars import local_extra_missing
from pipeline.kafka.topics import apply_topics
from tests.integration.secured_broker import Secured
from tests.integration.worker_process import QUICK, SESSION_SECONDS, WorkerProcess

JARS = user_cache(Path(__file__).parents[2] / ".tocsin")
"""Shared with `make run`, so that Kafka's jars are fetched once."""

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _local_extra() -> None:
    """Without the `local` extra there is no broker to test against."""
    missing = local_extra_missing()
    if missing:
        pytest.skip(f"the local extra is not installed: no {', no '.join(missing)}")


@pytest.fixture(scope="session", autouse=True)
def _briefly_living_brokers() -> Iterator[None]:
    """Java compiles quickly and not well: brokers of tests end before the second compiler's work would pay."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1", prepend=" ")
        yield


@pytest.fixture(scope="session")
def local_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """The session's broker process."""
    kafka = LocalKafka(tmp_path_factory.mktemp("kafka"), 0, jars=JARS)
    kafka.start(owned=True)
    yield kafka
    kafka.kill()  # nobody reads its data again, and an orderly end takes seconds


@pytest.fixture(scope="session")
def broker(local_kafka: LocalKafka) -> str:
    """Bootstrap address of the session's broker."""
    return local_kafka.bootstrap


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The session's broker with TLS, SASL and an authorizer."""
    broker = Secured(tmp_path_factory.mktemp("secured"), JARS)
    broker.kafka.start(owned=True)
    yield broker
    broker.kafka.kill()


@pytest.fixture
def bare_settings(broker: str) -> Settings:
    """Settings for the session's broker with a topic prefix and a group of this test's own; no topics yet."""
    number = next(_numbers)
    return Settings(
        kafka_bootstrap=broker, topic_prefix=f"t{number}-", group=f"tocsin-test-{number}", instance=f"worker-{number}"
    )


@pytest.fixture
def cluster_settings(bare_settings: Settings) -> Settings:
    """The same with the catalogue's topics in place."""
    apply_topics(bare_settings)
    return bare_settings


@pytest.fixture
def settings(cluster_settings: Settings) -> Settings:
    """Settings of this test with topics of its own, and a short session."""
    return cluster_settings.model_copy(update={"group_session_timeout_seconds": SESSION_SECONDS})


@pytest.fixture
def launch(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers; none outlives the test."""
    workers = []

    def start(instance: str = "w0", config: str = QUICK, **changes: object) -> WorkerProcess:
        worker = WorkerProcess(settings.model_copy(update=changes), tmp_path, instance, config)
        workers.append(worker)
        worker.start()
        return worker

    yield start
    for worker in workers:
        worker.close()
