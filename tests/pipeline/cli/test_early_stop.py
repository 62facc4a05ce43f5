"""A worker that is stopped before it has begun ends with code 0, however early the signal comes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from pipeline.config.settings import Settings, child_environment

# The process sends itself the signal at the moment at which it begins to import the module that is named.
PROGRAM = """
import os, runpy, signal, sys
name, number = sys.argv[1], int(sys.argv[2])
def at_import(event, arguments):
    if event == "import" and arguments[0] == name:
        os.kill(os.getpid(), number)
sys.addaudithook(at_import)
sys.argv = ["tocsin", "worker"]
runpy.run_module("pipeline", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "module", ["pipeline.cli.main", "click", "pipeline.cli.options", "pipeline.config.load", "ssl"]
)
def test_a_signal_while_it_imports_ends_it_with_0(module: str, number: signal.Signals) -> None:
    # Nobody listens there: were the signal lost, it would end with 1.
    environment = child_environment(Settings(kafka_bootstrap="127.0.0.1:1", kafka_timeout_seconds=1))
    command = [sys.executable, "-c", PROGRAM, module, str(int(number))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("tocsin: stopped while it was starting; nothing was read or written\n")


def test_a_signal_while_it_waits_for_a_broker_ends_it_with_0() -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:1", kafka_timeout_seconds=30, log_format="json")
    environment = child_environment(settings)
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "worker"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if '"configuration"' in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_other_commands_keep_their_exit_codes_for_signals() -> None:
    program = PROGRAM.replace('"worker"', '"check"')
    command = [sys.executable, "-c", program, "pipeline.cli.options", str(int(signal.SIGTERM))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGTERM
