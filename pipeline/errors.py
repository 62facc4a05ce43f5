"""Errors that end a command with one clear line and exit code 1."""

from __future__ import annotations


class TocsinError(Exception):
    """Something the person at the keyboard or the supervisor must know: expected, got, where, what to do."""


class ConfigError(TocsinError):
    """A setting or configuration value that breaks its rule."""


class BrokerError(TocsinError):
    """Kafka cannot be reached, refuses us, or its topics are not what the catalogue says."""


class StateError(TocsinError):
    """A record of the state topic cannot be restored."""


class DeadLetterLimitError(TocsinError):
    """Too many records in a row were refused: a bad deploy upstream, not a bad record."""
