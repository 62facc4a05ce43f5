"""A process that is owned ends with its owner, however the owner ends."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from pipeline.kafka.local.child_process import owned_command

OWNER = """
import subprocess, sys, time
from pipeline.kafka.local.child_process import owned_command
child = subprocess.Popen(owned_command([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]),
                         stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux only")
def test_kill_9_of_the_owner_ends_the_process():
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        child = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the process outlived its owner"
        time.sleep(0.02)


def test_the_program_runs_with_its_arguments_and_its_exit_code():
    ran = subprocess.run(
        owned_command([sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "a b", "--c"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout.strip(), ran.returncode) == ("['a b', '--c']", 3)
