"""Apache Kafka's jars."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from pipeline.errors import BrokerError
from pipeline.kafka.local import jars


def _note_turn(log: Path, name: str, is_here: Event) -> None:
    is_here.set()
    with jars.alone_in_cache(), log.open("a") as lines:
        lines.write(f"{name} begins\n")
        lines.flush()
        lines.write(f"{name} ends\n")


def test_a_folder_that_cannot_be_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match=r"file/home: expected a folder for the jars.*set TOCSIN_HOME"):
        jars.class_path(tmp_path / "file" / "home")


def test_two_processes_that_need_the_jars_fetch_them_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Maven cache is the user's, and to fill it twice at once fails; so two fresh clones must take turns."""
    log = tmp_path / "log"
    spawning = multiprocessing.get_context("spawn")
    is_here = spawning.Event()
    other = spawning.Process(target=_note_turn, args=(log, "the other", is_here))

    def fetch(folder: Path, _progress: jars.Progress) -> None:
        other.start()
        assert is_here.wait(60.0)
        other.join(0.5)  # time for a wrong turn: without the lock it ends now
        log.write_text("the first ends\n")
        (folder / "kafka.jar").touch()

    monkeypatch.setattr(jars, "_fetch", fetch)
    assert jars.class_path(tmp_path / "home").startswith(str(tmp_path / "home"))
    other.join()
    assert log.read_text().splitlines() == ["the first ends", "the other begins", "the other ends"]
