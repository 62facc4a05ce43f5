"""What the demo tells its worker of the simulated brands."""

from __future__ import annotations

from pathlib import Path

from pipeline.cli.demo import simulated_names
from pipeline.config.load import load_config
from pipeline.demo.session import names_toml


def test_the_worker_of_the_demo_knows_what_people_call_the_simulated_brands(tmp_path: Path) -> None:
    names = simulated_names(1)
    assert len(names) == 200
    file = tmp_path / "brands.toml"
    file.write_text(names_toml(names | {"odd.one": {"en": 'A "quoted" \\ name'}}), encoding="utf-8")
    config = load_config(file)
    assert {brand: dict(config.brand(brand).names) for brand in names} == names
    assert config.brand("odd.one").names == {"en": 'A "quoted" \\ name'}
