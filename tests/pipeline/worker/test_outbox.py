"""The outbox: what waits for a checkpoint, as the records that it will be."""

from __future__ import annotations

from pipeline.engine.records import Outputs
from pipeline.worker.outbox import Outbox
from tests.fakes.engine import ALERT


def test_alerts_say_from_which_installation_they_come():
    outbox = Outbox("https://tocsin.acme.example/tokyo")
    outbox.add(Outputs(alerts=[ALERT]))
    (record,) = outbox.take().alerts
    assert dict(record.headers)["ce_source"] == b"https://tocsin.acme.example/tokyo"
