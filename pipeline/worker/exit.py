"""The one way out after something unexpected: one line that says why, exit code 1, and nothing else runs.

Crash-only: state is in Kafka up to the last checkpoint and the supervisor starts us again, so there is nothing to
rescue here. Raising would not do: Faust logs an exception of an agent and goes on with the next slice (which would
then be committed as if it had been processed), and a SystemExit in an agent hangs the process.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import NoReturn

import structlog
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
)

from pipeline.errors import TocsinError
from pipeline.telemetry.health import Health
from pipeline.telemetry.logs import say_fatal
from schemas.text import printable

logger = structlog.get_logger("tocsin.worker")


def explain(error: BaseException, where: str, user: str = "our user") -> str:
    """One line for a person: what happened, where, what to do.

    Args:
        error: what went wrong; its notes say what was being done.
        where: such as mentions[3].
        user: who we are to the broker.
    """
    if isinstance(error, TocsinError):
        return printable(str(error), 1000)
    if isinstance(error, ProducerFenced):
        return (
            f"{where}: another worker has taken this partition over; nothing of ours was written. Expected after a "
            "pause longer than TOCSIN_GROUP_SESSION_TIMEOUT_SECONDS; if it repeats, two workers share one "
            "TOCSIN_INSTANCE or TOCSIN_GROUP"
        )
    if isinstance(error, KafkaError):
        denied = _denied(error)
        if denied:
            return printable(f"{where}: {user} has no permission to {denied}; ask for ACLs that allow it", 1000)
        notes = ", ".join(dict.fromkeys(getattr(error, "__notes__", ())))
        doing = f"{where}: {notes}" if notes else where
        return printable(f"{doing}: Kafka refused or did not answer: {error!r}{_advice(error)}", 1000)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return printable(f"{where}: {type(error).__name__}: {error}{place}", 1000)


def _denied(error: KafkaError) -> str:
    """The permission that is lacking, in the words of docs/security.md; empty where it is something else."""
    about = error.args[0] if error.args else "what it asked for"
    match error:
        case TopicAuthorizationFailedError():  # about one topic, or a set of them
            names = about if isinstance(about, str) else ", ".join(sorted(about))
            return f"{'Write' if getattr(error, '__notes__', ()) else 'Read'} on {names}"
        case GroupAuthorizationFailedError():
            return f"Read on the consumer group {about}"
        case TransactionalIdAuthorizationFailed():
            return f"Write on the transactional id {about}"
    return ""


def _advice(error: KafkaError) -> str:
    if "Authorization" in type(error).__name__:
        return "; the user needs an ACL that allows it"
    if isinstance(error, MessageSizeTooLargeError | UnknownTopicOrPartitionError):
        return "; `tocsin topics apply` makes the topic what the catalogue says"
    return ""


def crash(error: BaseException, where: str, health: Health, user: str = "our user") -> NoReturn:
    """Say why and end the process with exit code 1, now.

    Args:
        error: what went wrong.
        where: what was being done, for the message.
        health: answers with the reason as long as /healthz may still be asked.
        user: who we are to the broker.
    """
    why = explain(error, where, user)
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
