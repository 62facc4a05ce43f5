"""`tocsin hub`: a recording as pages, an orderly end, faults in one line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.errors import TocsinError
from tests.pipeline.mention_streams import troubled_stream


def test_a_recording_becomes_pages_and_a_signal_ends_the_hub_in_order(tmp_path):
    recorded = tmp_path / "mentions.jsonl"
    recorded.write_bytes(b"\n".join(item.value for item in troubled_stream(1) if item.value is not None))
    store = tmp_path / "store.sqlite"
    command = ["hub", "--replay", str(recorded), "--port", "0", "--store", str(store)]
    with subprocess.Popen([sys.executable, "-m", "pipeline", *command], stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        address = hub.stdout.readline().strip()
        found: dict[str, object] = {}
        while not found.get("episodes"):
            assert hub.poll() is None
            with urlopen(f"{address}api/episodes?brand=acme&kind=crisis", timeout=30) as answer:
                found = json.load(answer)
        with urlopen(address, timeout=30) as answer:
            assert b"A recording, without Kafka" in answer.read()
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(30) == 0
    assert store.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--replay", "none.jsonl"], "none.jsonl"),
        (["--replay", "no.jsonl", "--host", "0.0.0.0"], "can be reached from other machines"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.jsonl").touch()
    done = CliRunner().invoke(tocsin, ["hub", *arguments])
    assert isinstance(done.exception, TocsinError)
    assert words in str(done.exception)


def test_a_port_that_is_taken_is_said_before_anything_is_read(tmp_path):
    recorded = tmp_path / "no.jsonl"
    recorded.touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(tocsin, ["hub", "--replay", str(recorded), "--port", port])
    assert isinstance(done.exception, TocsinError)
    assert "expected an address that is free to listen on" in str(done.exception)
