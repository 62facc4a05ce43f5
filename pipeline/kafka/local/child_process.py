"""Child processes that end with the process that started them, even if that one is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

# Runs in the child before the program replaces it: the kernel sends SIGTERM when the thread that started it ends.
_DIE_WITH_OWNER: Final = (
    "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGTERM); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execvp(sys.argv[2], sys.argv[2:])"
)


def owned_command(command: Sequence[str]) -> list[str]:
    """The command wrapped so that its process ends when the thread that starts it ends (on Linux; elsewhere unchanged).

    The process id is that of the command, which replaces the launcher. Standard streams, inherited descriptors,
    environment and working directory are left as they are.

    Args:
        command: program and arguments, started directly by this process.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_OWNER, str(os.getpid()), *command]
