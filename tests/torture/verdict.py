"""What a read_committed consumer found, held against the pure engine over the same log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from tests.integration.worker_process import Message, Outcome, difference

SLICE: Final = 1000


@dataclass
class Verdict:
    """Counts of one comparison; alerts are told apart by their id."""

    mentions: int
    alerts: int
    lost: int
    doubled: int
    different: int
    """Alerts with another content, out of order or unknown to the oracle; dead letters, states and offsets that
    differ."""
    text: str
    """Where, in a few lines; empty when nothing differs."""

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.different or self.text)


def judge(mentions: int, got: Outcome, want: Outcome) -> Verdict:
    """Compare.

    Args:
        mentions: records in the log.
        got: what is on the topics.
        want: what the pure engine makes of the log.
    """
    found, expected = alerts_by_id(got), alerts_by_id(want)
    lost = sum((Counter(expected.keys()) - Counter(found.keys())).values())
    doubled = sum(len(copies) - 1 for copies in found.values())
    different = sum(1 for name, copies in found.items() if name not in expected or copies[0] != expected[name][0])
    text = difference(got, want)
    if text and not (lost or doubled or different):
        different = text.count("\n") + 1
    return Verdict(mentions, want.alert_count, lost, doubled, different, text)


def rings(log: Mapping[int, Sequence[Record]], least: int) -> bool:
    """Whether the pure engine makes so many alerts of the log. What is appended to a log takes no alert away.

    Args:
        log: records by partition.
        least: alerts; it looks no further when it has them.
    """
    found = 0
    for number, records in log.items():
        engine = Engine(number, Config(), partitions=len(log))
        for first in range(0, len(records), SLICE):
            found += len(engine.process(records[first : first + SLICE]).alerts)
            if found >= least:
                return True
    return False


def alerts_by_id(outcome: Outcome) -> dict[str, list[Message]]:
    """Every copy of every alert."""
    found: dict[str, list[Message]] = {}
    for messages in outcome.alerts.values():
        for message in messages:
            found.setdefault(json.loads(message[1] or b"")["id"], []).append(message)
    return found
