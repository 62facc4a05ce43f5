"""The progress bar of what reads files knows how much there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import inputs
from pipeline.cli.main import tocsin
from tests.pipeline.mention_streams import START, mention


@pytest.mark.parametrize(
    "command", [("replay",), ("compare", "a.toml", "a.toml"), ("explain", "acme", "--at", "2026-01-01")]
)
def test_the_total_is_that_of_the_files(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes of mentions, and all of them are told of."""
    bars: list[tuple[str, float | None]] = []
    told: list[float] = []

    @contextmanager
    def noted(name: str, total: float | None) -> Iterator[Callable[[float], None]]:
        bars.append((name, total))
        yield told.append

    monkeypatch.setattr(inputs, "progress_bar", noted)
    monkeypatch.chdir(tmp_path)
    Path("a.toml").touch()
    Path("m.jsonl").write_bytes(b"".join(mention(id=str(n), at=START + n) + b"\n" for n in range(2500)))
    result = CliRunner().invoke(tocsin, [*command, "m.jsonl"], standalone_mode=False)
    assert result.exception is None
    size = Path("m.jsonl").stat().st_size
    assert bars == [(command[0], size)]
    assert sum(told) == size


def test_of_observations_rows_are_counted(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(f"brand,start,mentions,negatives\nacme,{START},5,1\nacme,{START + 300},5,1\n")
    with inputs.inputs_with_progress("replay", [str(tmp_path / "o.csv")], None) as (found, _):
        assert found.total == 2
