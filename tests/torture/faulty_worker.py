"""A worker that is killed at a chosen moment: `python -m tests.torture.faulty_worker [--die-at MOMENT --nth N]`.

The moments last milliseconds, so a kill from outside hardly meets them. Nothing in the product knows of this: what
aiokafka's clients do is wrapped here, before the worker starts.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
from collections.abc import Callable
from typing import Any, Final

import aiokafka

from pipeline.cli.main import main
from pipeline.worker import state_loader

MOMENTS: Final = {
    "fenced": "the previous owner is fenced, the state not yet loaded",
    "loading": "a part of the state is loaded",
    "sending": "a checkpoint's transaction holds a part of it",
    "written": "a checkpoint is written, its transaction not committed",
    "committing": "the commit is on its way",
    "committed": "the transaction is committed, the offset not",
}


def die_at(moment: str, nth: int) -> None:
    """Kill this process, without warning, when it comes to that moment for the nth time."""
    count = itertools.count(1)

    def here(*_: Any) -> None:
        if next(count) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    producer = aiokafka.AIOKafkaProducer
    match moment:
        case "fenced":
            _wrap(producer, "start", after=here)
        case "loading":
            own = type("LoadingConsumer", (aiokafka.AIOKafkaConsumer,), {})
            _wrap(own, "getmany", after=here)
            setattr(state_loader, "AIOKafkaConsumer", own)  # noqa: B010 - the name is imported there, not exported
        case "sending":
            _wrap(producer, "send_batch", after=here)
        case "written":
            _wrap(producer, "commit_transaction", before=here)
        case "committing":
            # aiokafka's sender turns the request into bytes at once: half a millisecond later they are on their way.
            _wrap(producer, "commit_transaction", before=lambda one: one._loop.call_later(0.0005, here))
        case "committed":
            _wrap(producer, "commit_transaction", after=here)


def _wrap(owner: Any, name: str, before: Callable[[Any], Any] | None = None, after: Any = None) -> None:
    original = getattr(owner, name)

    async def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        if before:
            before(self)
        result = await original(self, *args, **options)
        if after:
            after(self)
        return result

    setattr(owner, name, wrapped)


def without_static_membership() -> None:
    """Let every start be a new member of the consumer group, as with clients that set no group.instance.id."""
    original = aiokafka.AIOKafkaConsumer.__init__

    def init(self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **(options | {"group_instance_id": None}))

    aiokafka.AIOKafkaConsumer.__init__ = init


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--die-at", choices=MOMENTS)
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--dynamic", action="store_true")
    arguments = parser.parse_args()
    if arguments.die_at:
        die_at(arguments.die_at, arguments.nth)
    if arguments.dynamic:
        without_static_membership()
    main(["worker"])
