"""Mentions that are deleted before they are read: a line and a figure, at a start and while the worker runs."""

from __future__ import annotations

import re
import signal

import pytest
from kafka import TopicPartition

from pipeline.config.settings import Settings
from pipeline.kafka.clients import admin, topic_name
from tests.integration.worker_process import WorkerProcess, publish, read, settle, working
from tests.pipeline.mention_streams import START, mention, record

pytestmark = pytest.mark.integration

LINE = "mentions were deleted by retention before they were read"


def publish_some(settings: Settings, first: int, count: int) -> int:
    """Mentions of one brand; their partition."""
    publish(settings, [record(0, mention(id=str(n), at=START + n)) for n in range(first, first + count)])
    return next(number for number, records in read(settings, "mentions").items() if records)


def delete_below(settings: Settings, partition: int, offset: int) -> None:
    """As retention does."""
    with admin(settings) as client:
        client.delete_records({TopicPartition(topic_name(settings, "mentions"), partition): offset})


def lost(worker: WorkerProcess) -> float:
    found = re.findall(r"^tocsin_mentions_lost_total{[^}]*} (\S+)$", worker.answer("/metrics")[1], re.MULTILINE)
    return sum(map(float, found))


def test_what_was_deleted_while_the_worker_was_away_is_said_and_counted(cluster_settings, tmp_path):
    with working(cluster_settings, tmp_path) as worker:
        partition = publish_some(cluster_settings, 0, 50)
        settle(cluster_settings, [worker])
        worker.stop()
        publish_some(cluster_settings, 50, 100)
        delete_below(cluster_settings, partition, 120)
        worker.start()
        settle(cluster_settings, [worker])
        (line,) = worker.events(LINE)
        assert 50 <= line["expected_offset"] <= 60  # a tick or two may stand behind the mentions
        assert line["first_offset"] == 120
        assert line["records"] == 120 - line["expected_offset"] == lost(worker)
        worker.stop()


def test_what_is_deleted_while_a_worker_is_behind_is_said_and_counted(cluster_settings, tmp_path):
    with working(cluster_settings, tmp_path) as worker:
        partition = publish_some(cluster_settings, 0, 50)
        settle(cluster_settings, [worker])
        assert lost(worker) == 0
        worker.send(signal.SIGSTOP)
        publish_some(cluster_settings, 50, 10)  # may answer a fetch that is under way
        publish_some(cluster_settings, 60, 90)
        delete_below(cluster_settings, partition, 120)
        worker.send(signal.SIGCONT)
        settle(cluster_settings, [worker])
        (line,) = worker.events(LINE)
        assert 50 <= line["expected_offset"] <= 65  # a tick or two beside those
        assert line["first_offset"] == 120
        assert line["records"] == 120 - line["expected_offset"] == lost(worker)
        worker.stop()
