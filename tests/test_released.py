"""The alerts of a released version, byte for byte: nothing that is meant to change the code alone changes them.

    python -m pytest tests/test_released.py

simulates a stream, replays it and the mentions of tests/data/stocknet, and compares with the files of
tests/data/released, which commit e01df5b wrote. By hand, for one of them:

    tocsin simulate --scenario crises --brands 12 --hours 24 --history-hours 48 --seed 11 --out m.jsonl --labels l.json
    tocsin replay m.jsonl --partitions 1 --config tests/data/released/crises-in-a-category.toml --alerts alerts.jsonl
    gzip -dc tests/data/released/crises-in-a-category.jsonl.gz | diff - alerts.jsonl

`config_hash` and `detector` may differ: they name the configuration's keys and the detector, not what was found. After
a change of the alerts that is announced in the changelog `python -m tests.test_released` writes the files anew.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin

DATA = Path(__file__).parent / "data"
RELEASED = DATA / "released"
SIMULATION = ("--scenario", "crises", "--brands", "12", "--hours", "24", "--history-hours", "48", "--seed", "11")
STREAM_SHA256 = "ec49913b0f52ed588ffc1f293b2dcdc4ae4f1a1ccead6f793f123855755e1227"
NOT_COMPARED = re.compile(rb'"(config_hash|detector)":"[^"]*"')


class Run(NamedTuple):
    """A replay: of the simulated stream or of a file, with which options."""

    source: Path | None
    options: tuple[str, ...]


RUNS = {
    "crises": Run(None, ()),
    "crises-in-a-category": Run(None, ("--partitions", "1", "--config", str(RELEASED / "crises-in-a-category.toml"))),
    "stocknet": Run(DATA / "stocknet" / "mentions.jsonl.gz", ("--partitions", "1")),
}


def run(*arguments: str) -> None:
    result = CliRunner().invoke(tocsin, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def simulated(folder: Path) -> Path:
    path = folder / "mentions.jsonl"
    run("simulate", *SIMULATION, "--out", str(path), "--labels", str(folder / "labels.json"))
    return path


def replayed(name: str, stream: Path, folder: Path) -> bytes:
    source, options = RUNS[name]
    alerts = folder / f"{name}.jsonl"
    run("replay", str(source or stream), *options, "--alerts", str(alerts))
    return alerts.read_bytes()


def compared(alerts: bytes) -> list[bytes]:
    """The alerts, one a line, without what may differ."""
    return NOT_COMPARED.sub(rb'"\1":""', alerts).splitlines()


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("released"))


def test_the_simulated_stream_is_the_one_that_was_released(stream: Path) -> None:
    assert hashlib.sha256(stream.read_bytes()).hexdigest() == STREAM_SHA256


@pytest.mark.parametrize("name", RUNS)
def test_the_alerts_are_those_that_were_released(name: str, stream: Path, tmp_path: Path) -> None:
    expected = gzip.decompress((RELEASED / f"{name}.jsonl.gz").read_bytes())
    assert expected
    assert compared(replayed(name, stream, tmp_path)) == compared(expected)


def test_an_alert_that_differs_in_anything_else_is_found() -> None:
    one = b'{"id":"a","score":1.5,"config_hash":"0123","detector":"x"}\n'
    assert compared(one) == compared(one.replace(b"0123", b"4567").replace(b'"x"', b'"y"'))
    assert compared(one) != compared(one.replace(b"1.5", b"1.6"))
    assert compared(one) != compared(one * 2)


def write() -> None:
    """Take the alerts of this version as those that are expected from now on."""
    with tempfile.TemporaryDirectory() as folder:
        path = simulated(Path(folder))
        for name in RUNS:
            alerts = replayed(name, path, Path(folder))
            (RELEASED / f"{name}.jsonl.gz").write_bytes(gzip.compress(alerts, mtime=0))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != STREAM_SHA256:
        sys.exit(f"the simulated stream has changed: STREAM_SHA256 is now {digest}")


if __name__ == "__main__":
    write()
