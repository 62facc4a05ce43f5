"""The one way out after something unexpected: one line that says why, exit code 1, and nothing else runs.

Crash-only: state is in Kafka up to the last checkpoint and the supervisor starts us again, so there is nothing to
rescue here. Raising would not do: Faust logs an exception of an agent and goes on with the next slice (which would
then be committed as if it had been folded in), and a SystemExit in an agent hangs the process.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import NoReturn

import structlog
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    UnknownTopicOrPartitionError,
)

from pipeline.errors import TocsinError
from pipeline.health import Health
from pipeline.logs import say_fatal
from schemas.text import printable

logger = structlog.get_logger("tocsin.worker")


def explain(error: BaseException, where: str) -> str:
    """One line for a person: what happened, where, what to do."""
    if isinstance(error, TocsinError):
        return printable(str(error), 1000)
    if isinstance(error, ProducerFenced):
        return (
            f"{where}: another worker has taken this partition over; nothing of ours was written. Expected after a "
            "pause longer than TOCSIN_GROUP_SESSION_TIMEOUT_SECONDS; if it repeats, two workers share one "
            "TOCSIN_INSTANCE or TOCSIN_GROUP"
        )
    if isinstance(error, KafkaError):
        what = "".join(f" {note}" for note in dict.fromkeys(getattr(error, "__notes__", ())))
        return printable(f"{where}:{what}: Kafka refused or did not answer: {error!r}{_advice(error)}", 1000)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return printable(f"{where}: {type(error).__name__}: {error}{place}", 1000)


def _advice(error: KafkaError) -> str:
    if "Authorization" in type(error).__name__:
        return "; the user needs an ACL that allows it"
    if isinstance(error, MessageSizeTooLargeError | UnknownTopicOrPartitionError):
        return "; `tocsin topics apply` makes the topic what the catalogue says"
    return ""


def crash(error: BaseException, where: str, health: Health) -> NoReturn:
    """Say why and end the process with exit code 1, now.

    Args:
        error: what went wrong.
        where: what was being done, for the message.
        health: told, for the moment in which /healthz may still be asked.
    """
    why = explain(error, where)
    health.fail(why)
    logger.debug("traceback", exc_info=error)
    logging.shutdown()
    say_fatal(why)
    os._exit(1)


def stop_late() -> NoReturn:
    """End the process with exit code 0 although the last checkpoint hangs: nothing is lost, more is read again."""
    logging.shutdown()
    print("tocsin: stopped before Kafka answered; the next start goes on from the last checkpoint", file=sys.stderr)  # noqa: T201 - logging is shut down
    sys.stderr.flush()
    os._exit(0)
