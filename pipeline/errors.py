"""Errors that end a command with clear lines, one for each fault, and exit code 1."""

from __future__ import annotations


class TocsinError(Exception):
    """An error for the operator, whose message says what was expected and got, where, and what to do."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What a command prints, one line for each fault."""
        return (str(self),)


class ConfigError(TocsinError):
    """Settings or configuration values that break their rules: every fault that was found, each a whole message."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each fault."""
        return self.faults


class BrokerError(TocsinError):
    """Kafka cannot be reached, refuses us, or its topics differ from the catalogue."""


class StateError(TocsinError):
    """A record of the state topic cannot be restored."""


class PartitionsChangedError(StateError):
    """A topic has another number of partitions than the state was made for: keys lie elsewhere than their state."""

    def __init__(self, topic: str, before: int, now: int) -> None:
        super().__init__(
            f"{topic}: expected {before} partitions, for which the state was made, got {now}: keys now go to other "
            "partitions than their state; stop all workers and run `tocsin migrate partitions`, which moves what was "
            "learned to where the keys go"
        )


class DeadLetterLimitError(TocsinError):
    """Too many records in a row were refused: the producer is at fault, not single records."""
