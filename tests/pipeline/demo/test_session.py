"""What the demo tells its worker of the simulated brands."""

from __future__ import annotations

from pathlib import Path

from pipeline.cli.demo import HISTORY_HOURS, names_of
from pipeline.config.load import load_config
from pipeline.demo.session import names_toml
from pipeline.simulation import demo_stream


def test_the_worker_of_the_demo_knows_what_people_call_the_simulated_brands(tmp_path: Path) -> None:
    names = names_of(demo_stream(seed=1, history_hours=HISTORY_HOURS).labels)
    assert len(names) == 200
    file = tmp_path / "brands.toml"
    file.write_text(names_toml(names | {"odd.one": {"en": 'A "quoted" \\ name'}}), encoding="utf-8")
    config = load_config(file)
    assert {brand: dict(config.brand(brand).names) for brand in names} == names
    assert config.brand("odd.one").names == {"en": 'A "quoted" \\ name'}
