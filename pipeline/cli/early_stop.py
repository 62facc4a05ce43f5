"""SIGTERM and SIGINT in the first seconds of a worker, before there is anything to stop: the end, with exit code 0.

Imports, the configuration and the first answers of a broker take seconds, in which a supervisor may change its mind.
Nothing but the standard library's smallest modules is imported here, for this must stand before everything else.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn


def end_cleanly_on_signals() -> None:
    """From now on either signal ends the process, until worker.process has handlers of its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(_: int, __: object) -> NoReturn:
    os.write(2, b"tocsin: stopped while it was starting; nothing was read or written\n")
    os._exit(0)
