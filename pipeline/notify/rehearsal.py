"""What `--dry-run` and `test` do: the same decisions and messages without, or with one, delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from pipeline.config.settings import Settings
from pipeline.kafka.reading import read_records
from pipeline.notify.courier import Courier, Profile
from pipeline.notify.decision import Reason
from pipeline.notify.memory import open_memory
from pipeline.notify.messages import Message, marked_as_test, message
from pipeline.notify.source import Incoming, incoming
from pipeline.notify.targets.contract import Delivered, Notice, Outcome, Target
from schemas.alert import SEVERITIES, Alert, Expected, Observed, ScoreReading, Severity, Window
from schemas.evidence import Evidence
from schemas.moments import moment
from schemas.text import printable

TEST_BRAND: Final = "tocsin-test"


class Printer:
    """A target that prints what would be delivered."""

    def __init__(self, name: str, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._name, self._say, self._clock = name, say, clock

    def deliver(self, notice: Notice) -> Outcome:
        """Print one message."""
        return self._print(notice.message)

    def deliver_waiting(self, alerts: Sequence[Alert], message: Message) -> Outcome | None:  # noqa: ARG002 - contract
        """Print what had to wait."""
        return self._print(message)

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:  # noqa: ARG002 - contract
        """Nothing is forgotten."""
        return None

    def _print(self, told: Message) -> Outcome:
        at = f"{moment(self._clock()):%Y-%m-%d %H:%M:%S} UTC"
        lines = [printable(line, 2000) for line in (told.title, *told.text.split("\n"))]
        self._say("\n  ".join([f"{at} {self._name}: {lines[0]}", *lines[1:]]))
        return Delivered()


class Count:
    """Counts what becomes of alerts; see courier.Observer."""

    def __init__(self) -> None:
        self.told = 0
        self.reasons: dict[str, int] = {}

    def delivered(self, alerts: int) -> None:
        """Count them."""
        self.told += alerts

    def skipped(self, reason: Reason, alerts: int = 1) -> None:
        """Count them by reason."""
        self.reasons[reason.value] = self.reasons.get(reason.value, 0) + alerts

    def retried(self, cause: str) -> None:
        """A printer takes everything."""

    def failed(self, cause: str) -> None:
        """A printer refuses nothing."""

    def waiting(self, alerts: int) -> None:
        """Asked of the memory in the end."""

    def undelivered(self, since: float | None) -> None:
        """Nothing is."""

    def unrecorded(self, deliveries: int) -> None:
        """Nothing is recorded."""


class _Kept:
    """The alerts that are on the topic now, by the clock of their publication."""

    def __init__(self, records: Sequence[Incoming]) -> None:
        self._records = iter(records)
        self._left = len(records)
        self.now = records[0].published if records else 0.0

    def next(self, seconds: float) -> Incoming | None:  # noqa: ARG002 - see Source
        """See Source."""
        found = next(self._records, None)
        if found is not None:
            self._left -= 1
            self.now = max(self.now, found.published)
        return found

    def done(self, record: Incoming) -> None:
        """Nothing is remembered."""

    def is_caught_up(self) -> bool:
        """See Source."""
        return not self._left


def kept_alerts(settings: Settings) -> list[Incoming]:
    """What is on the alerts topic now, in the order of its publication.

    Raises:
        BrokerError: no broker, no topic, no permission.
    """
    records = read_records(settings, "alerts", from_beginning=True, follow=False, stop=lambda: False)
    return sorted(map(incoming, records), key=lambda one: (one.published, one.partition, one.offset))


def rehearse(profile: Profile, records: Sequence[Incoming], say: Callable[[str], None]) -> tuple[Count, int]:
    """Carry kept alerts to one target that only prints, as if each came when it was published.

    Returns:
        What became of them, and how many would be waiting still.
    """
    source, count = _Kept(records), Count()
    memory = open_memory(None)
    try:
        printer = Printer(profile.name, say, lambda: source.now)
        courier = Courier(profile, printer, memory, count, clock=lambda: source.now)
        for _ in range(len(records) + 1):
            courier.step(source)
        return count, memory.held_count()
    finally:
        memory.close()


def try_out(profile: Profile, target: Target, now: datetime, *, severity: Severity, resolved: bool) -> Outcome:
    """Deliver a message that says that it is a test, or the end of the one before: a pager stays open in between.

    Args:
        profile: of the target.
        target: the target.
        now: of the test; tests of the same second are one for who deduplicates.
        severity: of the test; an end needs the same, for some targets tell alerts apart by it.
        resolved: whether it is the end.
    """
    alert = sample_alert(now, severity=severity, resolved=resolved)
    language = "en" if profile.style.language == "alert" else profile.style.language
    return target.deliver(Notice(alert=alert, message=marked_as_test(message(alert, profile.style), language)))


def sample_alert(now: datetime, *, severity: Severity, resolved: bool) -> Alert:
    """An alert about no brand at all; those of one severity are about the same episode."""
    now = now.astimezone(UTC)
    return Alert(
        version=1,
        id=f"{int(now.timestamp()):023x}{int(resolved)}",
        episode_id=f"{SEVERITIES.index(severity):024x}",
        transition="resolved" if resolved else "opened",
        kind="volume_surge",
        severity=severity,
        brand=TEST_BRAND,
        onset_time=now,
        detected_time=now,
        window=Window(start=now, end=now),
        score=ScoreReading(value=0.0, threshold=0.0, unit="none: this is a test"),
        observed=Observed(mentions=0.0, negatives=0.0, negative_share=0.0),
        expected=Expected(value=0.0, lower=0.0, upper=0.0, negative_share=0.0),
        contributions={},
        evidence=Evidence(),
        config_hash="0" * 12,
        detector="none",
    )
