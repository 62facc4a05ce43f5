"""What the demo tells its worker of the simulated brands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.demo import HISTORY_HOURS, names_of
from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.demo.naming import with_names
from pipeline.demo.playbook import DEPUTY, OWNER, playbook_toml, says_who_acts
from pipeline.simulation import demo_stream

HUB = "http://127.0.0.1:9480/episodes/{episode_id}"
NAMES = names_of(demo_stream(seed=1, history_hours=HISTORY_HOURS).labels)
FIRST = min(NAMES)


def loaded(tmp_path: Path, given: str, names: dict[str, dict[str, str]] = NAMES, speed: float = 900) -> Config:
    """The configuration that the worker of the demo is given beside such a file."""
    extended, told = with_names(given, names, HUB, playbook_toml(speed))
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
    extended, told = with_names(given, NAMES, HUB, playbook_toml(900))
    assert extended.startswith(given)
    assert HUB in extended  # the address fits in all the same
    assert "200 brands of the demo go without a name" in told


@pytest.mark.parametrize(("speed", "minutes"), [(1.0, 30), (60.0, 30), (900.0, 450), (3600.0, 1800), (1e9, 10_080)])
def test_somebody_must_act_by_a_time_that_gives_a_person_half_a_minute(
    speed: float, minutes: int, tmp_path: Path
) -> None:
    config = loaded(tmp_path, "", speed=speed)
    playbook = config.brand(FIRST).playbook
    assert playbook is not None
    assert playbook.respond_within_minutes == minutes
    assert (playbook.owner, playbook.deputies) == (OWNER, (DEPUTY,))
    assert len(playbook.steps or ()) == 3
    assert "{term}" in (playbook.drafts or {})["en"]


@pytest.mark.parametrize(
    "given",
    [
        '[playbook]\nlink = "https://wiki.acme.example"',
        '[[playbook_cases]]\ncauses = ["safety"]\nowner = "Ann"',
        f'[brands."{FIRST}".playbook]\nowner = "Ann"',
        '[tiers.gold.playbook]\nowner = "Ann"',
        f'[categories.gadgets.playbook]\nowner = "Ann"\n[brands."{FIRST}"]\ncategory = "gadgets"',
    ],
)
def test_a_file_with_any_playbook_gets_no_other(given: str, tmp_path: Path) -> None:
    assert says_who_acts(given)
    assert loaded(tmp_path, given).brand(max(NAMES)).playbook is None


def test_a_file_without_a_playbook_gets_one_even_where_it_writes_brands_inline() -> None:
    assert not says_who_acts('brands = { acme = { category = "gadgets" } }\n')
    assert OWNER in with_names('brands = { acme = { category = "gadgets" } }\n', NAMES, HUB, playbook_toml(900))[0]
