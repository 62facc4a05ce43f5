"""What the demo tells its worker of the simulated brands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.demo import HISTORY_HOURS, names_of
from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.demo.naming import with_names
from pipeline.simulation import demo_stream

HUB = "http://127.0.0.1:9480/episodes/{episode_id}"
NAMES = names_of(demo_stream(seed=1, history_hours=HISTORY_HOURS).labels)
FIRST = min(NAMES)


def loaded(tmp_path: Path, given: str, names: dict[str, dict[str, str]] = NAMES) -> Config:
    """The configuration that the worker of the demo is given beside such a file."""
    extended, told = with_names(given, names, HUB)
    assert told == ""
    file = tmp_path / "brands.toml"
    file.write_text(extended, encoding="utf-8")
    return load_config(file)


def test_the_worker_of_the_demo_knows_what_people_call_the_simulated_brands(tmp_path: Path) -> None:
    config = loaded(tmp_path, "", NAMES | {"odd.one": {"en": 'A "quoted" \\ name'}})
    assert {brand: dict(config.brand(brand).names) for brand in NAMES} == NAMES
    assert config.brand("odd.one").names == {"en": 'A "quoted" \\ name'}


@pytest.mark.parametrize(
    "given",
    [
        f'[playbook]\nowner = "duty"\n[brands."{FIRST}"]\ncategory = "gadgets"',
        f'[playbook]\nowner = "duty"\n[brands."{FIRST}".playbook]\nowner = "Ann"',
        '[playbook]\nowner = "duty"  # no line after this',
    ],
)
def test_beside_a_given_file_the_names_hold_and_so_does_the_file(tmp_path: Path, given: str) -> None:
    config = loaded(tmp_path, given)
    assert {brand: dict(config.brand(brand).names) for brand in NAMES} == NAMES
    others = config.brand(max(NAMES))
    assert others.playbook is not None
    assert others.playbook.owner == "duty"
    assert others.links["hub"] == HUB


def test_what_the_given_file_says_itself_goes_before(tmp_path: Path) -> None:
    given = f'[links]\nhub = "https://hub.example/{{episode_id}}"\n[brands."{FIRST}".names]\nen = "Our own"\n'
    config = loaded(tmp_path, given)
    assert dict(config.brand(FIRST).names) == {"en": "Our own"}
    other = max(NAMES)
    assert dict(config.brand(other).names) == NAMES[other]
    assert config.brand(other).links["hub"] == "https://hub.example/{episode_id}"


def test_a_file_that_writes_brands_inline_gets_no_names_and_that_is_said() -> None:
    given = 'brands = { acme = { category = "gadgets" } }\n'
    extended, told = with_names(given, NAMES, HUB)
    assert extended.startswith(given)
    assert HUB in extended  # the address fits in all the same
    assert "200 brands of the demo go without a name" in told
