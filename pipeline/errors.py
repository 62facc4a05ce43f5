"""Errors that end a command with one clear line and exit code 1."""

from __future__ import annotations


class TocsinError(Exception):
    """An error for the operator, whose message says what was expected and got, where, and what to do."""


class ConfigError(TocsinError):
    """A setting or configuration value that breaks its rule."""


class BrokerError(TocsinError):
    """Kafka cannot be reached, refuses us, or its topics differ from the catalogue."""


class StateError(TocsinError):
    """A record of the state topic cannot be restored."""


class DeadLetterLimitError(TocsinError):
    """Too many records in a row were refused: the producer is at fault, not single records."""
