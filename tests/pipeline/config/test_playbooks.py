"""Playbooks for cases: what holds for a cause, a severity, a language, a brand or a category, and what is refused."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.errors import ConfigError

CASES = """
[playbook]
owner = "duty"
respond_within_minutes = 60
channel = "#war-room"
[brands.acme]
category = "airlines"
[brands.bolt]
[[playbook_cases]]
causes = ["data_breach", "safety"]
legal_reviewer = "privacy"
respond_within_minutes = 15
[[playbook_cases]]
severities = ["critical"]
categories = ["airlines"]
owner = "board"
inform = { critical = ["ceo"] }
[[playbook_cases]]
languages = ["ja"]
brands = ["acme"]
spokesperson = "tokyo"
drafts = { ja = "{name}の{term}について確認しています。" }
[[playbook_cases.steps]]
id = "verify-facts"
text = "Ask the Tokyo desk."
"""


@pytest.fixture
def config(tmp_path) -> Config:
    path = tmp_path / "tocsin.toml"
    path.write_text(CASES, encoding="utf-8")
    return load_config(path)


def said(config: Config, brand: str, *case: str) -> dict[str, object]:
    playbook = config.brand(brand).playbook_for(*case)  # type: ignore[arg-type]
    return {} if playbook is None else {k: v for k, v in msgspec.structs.asdict(playbook).items() if v is not None}


def test_without_a_case_the_playbook_of_the_brand_holds(config):
    assert said(config, "acme", "warning") == {"owner": "duty", "respond_within_minutes": 60, "channel": "#war-room"}


def test_a_case_holds_where_every_list_names_what_the_alert_is_about(config):
    assert said(config, "bolt", "warning", "safety")["legal_reviewer"] == "privacy"
    assert said(config, "acme", "critical")["owner"] == "board"
    assert said(config, "bolt", "critical")["owner"] == "duty", "another category"
    assert said(config, "acme", "warning", "", "ja")["spokesperson"] == "tokyo"
    assert "spokesperson" not in said(config, "bolt", "warning", "", "ja"), "another brand"
    assert "spokesperson" not in said(config, "acme", "warning", "", "en"), "another language"


def test_later_cases_come_over_earlier_ones_key_by_key(config):
    found = said(config, "acme", "critical", "data_breach", "ja")
    assert (found["owner"], found["legal_reviewer"], found["respond_within_minutes"]) == ("board", "privacy", 15)
    assert (found["spokesperson"], found["channel"]) == ("tokyo", "#war-room")


def test_a_case_changes_the_hash_of_the_brands_for_which_it_may_hold(config, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(CASES.replace('"tokyo"', '"osaka"'), encoding="utf-8")
    other = load_config(path)
    assert other.brand("acme").config_hash != config.brand("acme").config_hash
    assert other.brand("bolt").config_hash == config.brand("bolt").config_hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[playbook_cases]]\ncauses = ['safety']", "playbook_cases[0]: must say something of the playbook"),
        (
            "[[playbook_cases]]\nlanguages = ['ja']\nrespond_within_minutes = 5",
            "playbook_cases[0].respond_within_minutes: must not stand in a case with languages",
        ),
        (
            "[brands.acme]\n[[playbook_cases]]\nbrands = ['acne']\nowner = 'x'",
            "playbook_cases[0].brands='acne': must have a section in [brands]; did you mean 'acme'?",
        ),
        (
            "[[playbook_cases]]\ncategories = ['airlines']\nowner = 'x'",
            "playbook_cases[0].categories='airlines': must be the category of a brand",
        ),
        ("[playbook]\nowner = 'x'\ndrafts = { en = '{mame}' }", "playbook.drafts.en: must have no other fields than"),
        ("[playbook]\nowner = 'x'\ndrafts = { en = '{name' }", "playbook.drafts.en: must have fields like {name}"),
        ("[playbook]\nowner = 'x'\ndrafts = { en = '{name!r}' }", "drafts.en: must have {name} as it stands here"),
        ("[links]\nhub = 'https://x/{brand:>9}'", "links.hub='https://x/{brand:>9}': must have {brand} as it stands"),
        ("[playbook]\nowner = 'x'\ndrafts = { en = '{name.x}' }", "playbook.drafts.en: must have no other fields than"),
        (
            "[playbook]\nowner = 'x'\nsteps = [{ id = 'a', text = 'b' }, { id = 'a', text = 'c' }]",
            "playbook.steps: must have different ids, got a, a",
        ),
        (
            f"[playbook]\nowner = 'x'\ndrafts = {{ {', '.join(f'{n} = {chr(39)}{chr(0x4E2D) * 1000}{chr(39)}' for n in ('en', 'zh', 'ja'))} }}",  # noqa: E501
            "playbook: must be 6,144 bytes at most, got",
        ),
        ("[[playbook_cases]]\nseverity = 'critical'\nowner = 'x'", "unknown key; did you mean 'severities'?"),
    ],
)
def test_a_playbook_that_could_not_be_followed_is_refused(tmp_path, text, message):
    path = tmp_path / "tocsin.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert message in str(caught.value)


LONG = f"""
[playbook]
owner = "duty"
drafts = {{ zh = "{"中" * 1000}" }}
[[playbook_cases]]
causes = ["safety"]
deputies = [{", ".join('"' + "大" * 190 + '"' for _ in range(8))}]
[[playbook_cases]]
causes = ["CAUSE"]
steps = [{", ".join(f'{{ id = "s{n}", text = "{"火" * 180}" }}' for n in range(9))}]
"""


def test_what_sections_and_cases_give_together_must_have_room_in_an_alert(tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_text(LONG.replace("CAUSE", "safety"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"playbook: put together for an alert \(critical, safety\) must be 12,288 byt"
    ):
        load_config(path)
    path.write_text(LONG.replace("CAUSE", "strike"), encoding="utf-8")  # never together
    assert load_config(path).brand("acme").playbook_for("critical", "strike") is not None
