"""One run a folder, and one clean end however it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.demo.run_guard import alone, stoppable
from pipeline.errors import TocsinError


def test_a_second_demo_in_the_same_home_says_who_runs_and_touches_nothing(tmp_path: Path) -> None:
    data = tmp_path / "home" / "demo" / "worker.log"
    data.parent.mkdir(parents=True)
    data.write_text("of the first")
    with alone(tmp_path / "home" / "demo.lock"):
        result = CliRunner().invoke(
            tocsin, ["demo", "--duration", "1"], env={"TOCSIN_HOME": str(tmp_path / "home")}, catch_exceptions=True
        )
    assert isinstance(result.exception, TocsinError)
    assert f"process {os.getpid()} runs one" in str(result.exception)
    assert "TOCSIN_HOME=" in str(result.exception)
    assert data.read_text() == "of the first"


def test_the_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "demo.lock"
    for _ in range(2):
        with alone(lock):
            assert lock.read_text() == f"{os.getpid()}\n"


@pytest.mark.usefixtures("heeded_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_the_next_ones_do_not_cut_the_stopping_short(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stopped = []

    def run() -> None:
        with stoppable():
            try:
                os.kill(os.getpid(), number)
            finally:
                os.kill(os.getpid(), signal.SIGHUP)
                os.kill(os.getpid(), signal.SIGTERM)
                stopped.append("worker")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert stopped == ["worker"]
    assert signal.getsignal(number) is before


def test_under_nohup_the_run_outlives_its_terminal() -> None:
    code = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from pipeline.demo.run_guard import stoppable\n"
        "with stoppable(): os.kill(os.getpid(), signal.SIGHUP); print('lives')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "lives\n")
