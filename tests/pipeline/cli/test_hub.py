"""`tocsin hub`: a recording as pages, an orderly end, faults in one line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from pipeline.config.settings import Settings, child_environment
from tests.integration.worker_process import wait_until
from tests.pipeline.mention_streams import troubled_stream

ROOT = Path(__file__).parents[3]


def test_a_recording_becomes_pages_and_a_signal_ends_the_hub_in_order(tmp_path):
    recorded = tmp_path / "mentions.jsonl"
    recorded.write_bytes(b"\n".join(item.value for item in troubled_stream(1) if item.value is not None))
    store = tmp_path / "store.sqlite"
    command = ["hub", "--replay", str(recorded), "--port", "0", "--store", str(store)]
    told = tmp_path / "stderr"
    with (
        told.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "pipeline", *command], stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as hub,
    ):
        assert hub.stdout is not None
        address = hub.stdout.readline().strip()

        def crises() -> object:
            assert hub.poll() is None
            with urlopen(f"{address}api/episodes?brand=acme&kind=crisis", timeout=30) as answer:
                return json.load(answer)["episodes"]

        wait_until(crises, 60, "the crisis of the recording")
        wait_until(lambda: "the recording is read to its end" in told.read_text(), 60, "the end of the recording")
        with urlopen(address, timeout=30) as answer:
            page = answer.read()
        assert b"A recording, without Kafka" in page
        assert b"still being read" not in page
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(30) == 0
    assert store.exists()


def refused(folder: Path, *arguments: str) -> str:
    """The one line that a hub says which cannot start."""
    (folder / "no.jsonl").touch()
    command = [sys.executable, "-m", "pipeline", "hub", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=here())
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def here() -> dict[str, str]:
    return child_environment(Settings()) | {"PYTHONPATH": str(ROOT)}


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path):
    assert "none.jsonl" in refused(tmp_path, "--replay", "none.jsonl")


def test_an_address_for_everybody_without_a_login_is_refused(tmp_path):
    line = refused(tmp_path, "--replay", "no.jsonl", "--host", "0.0.0.0")
    assert "can be reached from other machines: set TOCSIN_HUB_TOKEN_FILE" in line


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = refused(tmp_path, "--replay", "no.jsonl", "--port", str(taken.getsockname()[1]))
    assert "expected an address that is free to listen on" in line
