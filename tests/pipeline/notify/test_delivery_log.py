"""Who was told is written at least once, with one id, whatever ends where; no delivery waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.notify import delivery_log
from pipeline.notify.courier import Courier
from pipeline.notify.delivery_log import DeliveryLog, Handover, deliveries_of
from pipeline.notify.targets.contract import Delivered, Refused
from schemas.delivery import Delivery
from tests.pipeline.notify.examples import crisis
from tests.pipeline.notify.test_courier import HOUR, Scene


class KilledError(Exception):
    """Stands for the end of the process."""


def killed(*_: object) -> None:
    raise KilledError


class Desk(Handover):
    """A log that writes when it is told to, in the thread of the test."""

    def __init__(self, topic: list[Delivery]) -> None:
        self.batch: list[Delivery] = []
        self.topic = topic
        self.in_hand = False
        self._ids: list[str] = []

    def offer(self, deliveries: list[Delivery]) -> None:
        assert not self.in_hand
        self.batch, self.in_hand = deliveries, bool(deliveries)

    def write(self) -> None:
        self.topic += self.batch
        self._ids += [one.id for one in self.batch]
        self.batch = []

    def written(self, seconds: float = 0.0) -> list[str]:
        found, self._ids = self._ids, []
        self.in_hand = self.in_hand and not found
        return found


class Recorded(Scene):
    """A scene whose deliveries are recorded."""

    def __init__(self, **section: Any) -> None:
        self.on_topic: list[Delivery] = []
        super().__init__(**section)

    def start(self) -> Courier:
        self.desk = Desk(self.on_topic)
        return Courier(
            self.profile,
            self.people,
            self.memory,
            self.count,
            clock=lambda: self.now,
            chance=lambda: 1.0,
            log=self.desk,
        )

    def settle_and_write(self) -> None:
        """What is left of an earlier batch is written first, then the rest."""
        for _ in range(2):
            self.settle()
            self.desk.write()
        self.settle()


def test_it_is_recorded_who_was_told_of_what_when_and_how():
    scene = Recorded(quiet_hours="22:00-07:00 UTC")
    alerts = [scene.publish(episode=1, severity="critical"), *(scene.publish(episode=n) for n in (2, 3))]
    scene.settle()
    scene.now += 7 * HOUR
    scene.people.answers = [Delivered(), Refused("status_4xx", "status 422: Mr X is on holiday")]
    scene.settle()
    scene.publish(episode=4)
    scene.settle()
    scene.desk.write()
    scene.settle()
    scene.desk.write()
    told = {one.alert_id: one for one in scene.on_topic}
    assert [(one.target, one.target_type, one.outcome) for one in scene.on_topic[:3]] == [
        ("chat", "apprise", "delivered")
    ] * 3
    assert [told[one.id].waited for one in alerts] == [None, "quiet_hours", "quiet_hours"]
    assert [told[one.id].together for one in alerts] == [None, 2, 2]
    assert (scene.on_topic[3].outcome, scene.on_topic[3].why) == ("refused", "status 422")
    assert told[alerts[1].id].time.timestamp() == scene.now


@hypothesis_settings(max_examples=40)
@given(st.lists(st.sampled_from(["alert", "step", "write", "write, then killed", "killed"]), max_size=25))
def test_wherever_it_is_killed_every_delivery_is_recorded_once_by_id(events):
    scene = Recorded()
    for event in events:
        if event == "alert":
            scene.publish(episode=scene.number + 1)
        elif event == "step":
            scene.courier.step(scene.topic)
        if event.startswith("write"):
            scene.desk.write()
        if event.endswith("killed"):
            scene.restart()
    scene.settle_and_write()
    assert {one.alert_id for one in scene.on_topic} == {one.alert.id for one in scene.topic.records if one.alert}
    assert len({one.id for one in scene.on_topic}) == scene.number == len(scene.people.heard)
    assert scene.memory.unrecorded_count() == 0


@pytest.mark.parametrize("before", ["attempt", "delivered", "done", "offer", "recorded"])
def test_killed_before_any_step_of_a_delivery_it_is_recorded_once_and_told_twice_only_if_it_was_not_remembered(
    before, monkeypatch
):
    scene = Recorded()
    scene.publish()
    (owner,) = (one for one in (scene.memory, scene.topic, scene.desk) if hasattr(one, before))
    with monkeypatch.context() as patch:
        patch.setattr(owner, before, killed)
        with pytest.raises(KilledError):
            scene.settle_and_write()
    scene.restart()
    scene.settle_and_write()
    assert len(scene.people.heard) == (2 if before == "delivered" else 1)
    assert len({one.id for one in scene.on_topic}) == 1
    assert len(scene.on_topic) == (2 if before == "recorded" else 1)
    assert scene.memory.unrecorded_count() == 0
    assert scene.topic.committed == 1


def test_a_topic_that_takes_nothing_holds_up_no_delivery():
    scene = Recorded()
    for episode in range(1, 6):
        scene.publish(episode=episode)
    assert len(scene.settle()) == 5
    assert scene.topic.committed == 5
    assert scene.memory.unrecorded_count() == 5


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], DeliveryLog]]:
    """Start logs whose pauses are short; they are stopped in the end."""
    monkeypatch.setattr(delivery_log, "FIRST_BACK_OFF", 0.001)
    started = []

    def start(connect: Any) -> DeliveryLog:
        log = DeliveryLog(Settings(), ["chat"], connect)
        thread = threading.Thread(target=log.run)
        started.append((log, thread))
        thread.start()
        return log

    yield start
    for log, thread in started:
        log.stop()
        thread.join(10)
        assert not thread.is_alive()


def some() -> list[Delivery]:
    return deliveries_of(("chat", "apprise"), Delivered(), [crisis()], {}, 5.0)


def test_what_cannot_be_written_is_tried_again_and_said_once(running, capsys):
    failures = [BrokerError("expected the topic x, got none; run `tocsin topics apply`")] * 3
    topic: list[Delivery] = []

    @contextmanager
    def connect(_: Settings) -> Iterator[Callable[[Sequence[Delivery]], None]]:
        if failures:
            raise failures.pop()
        yield topic.extend

    chat = running(connect).targets["chat"]
    records = some()
    chat.offer(records)
    assert chat.written(30.0) == [one.id for one in records]
    assert topic == records
    assert not chat.in_hand
    assert capsys.readouterr().out.count("tocsin topics apply") == 1


def test_what_was_offered_before_the_stop_is_written(running):
    topic: list[Delivery] = []

    @contextmanager
    def connect(_: Settings) -> Iterator[Callable[[Sequence[Delivery]], None]]:
        yield topic.extend

    log = running(connect)
    log.targets["chat"].offer(some())
    log.stop()
    assert log.targets["chat"].written(30.0) == [one.id for one in topic] != []
