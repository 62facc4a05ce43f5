"""`tocsin demo`, which is what `make run` runs: the whole line as a newcomer meets it."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from pipeline.config.settings import load_settings
from pipeline.kafka.local.ports import free_port
from tests.integration.worker_process import wait_until
from tests.pipeline.mention_streams import mention, troubled_stream

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("heeded_signals")]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for the demo's data that shares the jars already fetched; afterwards no process may live in it."""
    home = tmp_path / "home"
    home.mkdir()
    for jars in load_settings().jars.resolve().glob("kafka-*"):
        (home / jars.name).symlink_to(jars)
    yield home
    assert processes(home) == []


def processes(home: Path) -> list[list[str]]:
    """Commands that live in the folder: it is in their arguments or in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            command = process.cmdline()
            if any(str(home) in text for text in (*command, process.environ().get("TOCSIN_HOME", ""))):
                found.append(command)
    return found


def demo(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """A demo with a port of its own: of two that begin together both would find the default one free."""
    own = {
        "TOCSIN_HOME": str(home),
        "TOCSIN_METRICS_PORT": str(free_port()),
        "TOCSIN_HUB_PORT": str(free_port()),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **own},  # noqa: TID251 - the test is the one that sets it
    )


def test_worker_and_replay_agree_to_the_byte_on_recorded_mentions(home: Path, tmp_path: Path) -> None:
    """Garbage, disorder, duplicates and late mentions included; every line of the file is accounted for."""
    recorded = tmp_path / "mentions.jsonl.gz"
    lines = [item.value for item in troubled_stream(1) if item.value is not None]
    # Refused for lying in the future; it must not take the final tick along.
    far = {"id": "far", "brand": "acme", "text": "x", "event_time": "2150-01-01T00:00:00Z", "platform": "x"}
    lines.insert(len(lines) // 2, json.dumps(far).encode())
    recorded.write_bytes(gzip.compress(b"\n".join(lines)))
    process = demo(home, "--input", str(recorded), "--verify")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert f"{len(lines)} mentions in the file, {len(lines)} consumed" in err
    assert "byte for byte" in err
    assert "crisis opened: acme" in out


def hub_page(home: Path) -> str:
    """What the hub of the demo shows as soon as it shows a crisis."""
    address = (home / "demo" / "hub.log").read_text().splitlines()[0]

    def page() -> str:
        with urlopen(address, timeout=10) as answer:
            text: str = answer.read().decode()
        return text if 'class="card' in text else ""

    found: str = wait_until(page, 60, "a crisis on the page")
    return found


@pytest.mark.slow
def test_the_simulated_crisis_is_on_the_screen_and_ctrl_c_ends_everything(home: Path) -> None:
    """The right brand is rung for, the praised one is not, and Ctrl-C leaves exit code 0 and no process."""
    process = demo(home, "--speed", "3600")
    watchdog = threading.Timer(240, process.kill)
    watchdog.start()
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if "crisis opened: peltine-tech" in line:
            shown += hub_page(home)
            process.send_signal(signal.SIGINT)
            break
    rest, err = process.communicate(timeout=60)
    watchdog.cancel()
    shown += rest
    assert process.returncode == 0, err
    assert "crisis opened: peltine-tech" in shown, err
    assert "Peltine</a></h3>" in shown
    assert "crisis opened: calzaan-beauty" not in shown
    assert "calzaan-beauty: praise" in err


def await_worker(process: subprocess.Popen[str]) -> None:
    """Read what the demo says until its worker is ready."""
    assert process.stderr is not None
    for line in process.stderr:
        if "worker is ready" in line:
            return
    pytest.fail("the demo ended before its worker was ready")


def test_a_closed_terminal_ends_everything(home: Path) -> None:
    """SIGHUP, twice as a shell and its terminal send it: exit code 0 and no process left."""
    process = demo(home)
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    await_worker(process)
    assert len(processes(home)) >= 3
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    watchdog.cancel()
    assert process.returncode == 0, err


@pytest.mark.slow
def test_worker_and_broker_die_with_a_demo_that_is_killed(home: Path) -> None:
    """Nothing is left that holds ports or memory."""
    process = demo(home)
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    await_worker(process)
    watchdog.cancel()
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 40
    while processes(home):
        assert time.monotonic() < deadline, processes(home)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_worker_that_cannot_run_ends_the_demo_with_its_last_words(home: Path, tmp_path: Path) -> None:
    """Exit code 1 and one line that names the fault."""
    config, recorded = tmp_path / "bad.toml", tmp_path / "mentions.jsonl"
    config.write_text("[detection]\nquiet_minutes = 1\n")
    recorded.write_bytes(mention())
    process = demo(home, "--input", str(recorded), "--config", str(config), "--duration", "60")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.strip().splitlines()[-1].startswith("tocsin: error: worker:")
    assert "detection.quiet_minutes=1" in err


def test_a_configuration_that_does_not_hold_ends_the_demo_before_anything_runs(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[detection]\nquiet_minutes = 1\n")
    process = demo(home, "--config", str(config), "--duration", "60")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.strip().splitlines() == [f"tocsin: error: {config}: detection.quiet_minutes=1: expected `int` >= 5"]
