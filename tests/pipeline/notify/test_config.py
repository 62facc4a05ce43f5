"""The file of targets: every fault at once, with the nearest key, and never a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.notify.config import TargetSection, load_targets
from pipeline.notify.secrets import Address, address_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def load(tmp_path):
    def loaded(text: str):
        path = tmp_path / "notify.toml"
        path.write_text(text, encoding="utf-8")
        return load_targets(path)

    return loaded


def faults(load, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return "\n".join(caught.value.lines)


def test_the_example_is_one_and_with_all_that_is_commented_out_it_has_every_type_and_key(load):
    path = ROOT / "deploy" / "notify.toml"
    assert list(load_targets(path).targets) == ["alertmanager"]
    text = re.sub(r"^#(?=\S)", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = load(text).targets.values()
    assert {section.type for section in sections} == {"alertmanager", "apprise", "pagerduty", "webhook"}
    assert {key for key in TargetSection.__struct_fields__ if f"\n{key} = " in text} >= {
        *TargetSection.__struct_fields__
    } - {"categories", "secret_file"}


def test_every_fault_is_said_at_once_with_the_nearest_key(load):
    said = faults(
        load,
        """
        hub_urls = "https://hub.example"
        [targets.chat]
        type = "apprise"
        url_file = "chat"
        min_severty = "warning"
        language = "fr"
        [targets.hook]
        type = "webhook"
        url = "https://hook.example"
        quiet_hours = "always"
        [targets.pager]
        type = "pagerduty"
        secret_file = "key"
        transitions = ["opened"]
        """,
    )
    assert "hub_urls" in said
    assert "did you mean 'hub_url'?" in said
    assert "targets.chat.min_severty='warning': unknown key; did you mean 'min_severity'?" in said
    assert "targets.chat.language='fr': expected one of alert, en, zh, ja" in said
    assert "targets.hook: expected secret_file or secret_env with the key that signs, got none" in said
    assert "targets.hook.quiet_hours='always': expected HH:MM-HH:MM" in said
    assert "targets.pager.transitions: pagerduty closes what it opens" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "targets: expected at least one [targets.NAME]"),
        ("[targets]", "expected at least one"),
        ("targets = 1", "targets=1"),
        ("[targets.x]", "missing required field `type`"),
        ('[targets.x]\ntype = "apprise"', "expected one of url, url_file, url_env, got none"),
        ('[targets.x]\ntype = "apprise"\nurl = "a://b"\nurl_env = "B"', "got url and url_env"),
        ('[targets.x]\ntype = "apprise"\nurl_env = "B"\nsecret_env = "C"', "part of its URL"),
        ('[targets.X]\ntype = "apprise"\nurl_env = "B"', "expected `str` matching regex"),
        ("[targets", "expected TOML"),
    ],
)
def test_what_is_missing_or_too_much_is_said(load, text, expected):
    assert expected in faults(load, text)


@pytest.mark.parametrize(
    "text",
    [
        '[target.x]\ntype = "apprise"\nurl = "slack://T0/SESAME"',
        '[targets.x]\ntype = "chat"\nurl = "slack://T0/SESAME"',
        '[targets.x]\ntype = "apprise"\nurl = ["slack://T0/SESAME"]',
        '[targets.x]\ntype = "apprise"\nadress = "slack://T0/SESAME"',
        '[targets.x]\ntype = "pagerduty"\nrouting_key = "SESAME"\n',
        '[targets.x]\ntype = "webhook"\nurl = "http://x"\nsecret = "SESAME"\n',
    ],
)
def test_no_fault_shows_an_address_or_a_secret_however_it_is_misspelt(load, text):
    assert "SESAME" not in faults(load, text)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigError, match="expected a TOML file that can be read: No such file"):
        load_targets(tmp_path / "none.toml")


def test_addresses_and_secrets_come_from_files_beside_the_configuration_or_the_environment(load, tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("k" * 32 + "\n", encoding="utf-8")
    monkeypatch.setenv("HOOK_URL", "https://hook.example/T0")
    file = load('[targets.x]\ntype = "webhook"\nurl_env = "HOOK_URL"\nsecret_file = "secret"')
    address = address_of("x", file.targets["x"], tmp_path)
    assert address == Address("https://hook.example/T0", "k" * 32)
    assert "hook.example" not in repr(address)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ('url_env = "UNSET_HERE"\nsecret_file = "long"', "x.url_env='UNSET_HERE': must name an environment variable"),
        ('url_env = "TOCSIN_HOME"\nsecret_file = "long"', "of your own"),
        ('url_file = "none"\nsecret_file = "long"', "x.url_file='none': must name a file that can be read: No such"),
        ('url = "hook.example/SESAME"\nsecret_file = "long"', "x: expected a URL that begins with http"),
        ('url = "https://h.example"\nsecret_file = "short"', "at least 24 bytes"),
        ('url = "https://h.example"\nsecret_file = "two"', "on one line"),
    ],
)
def test_a_secret_that_cannot_be_used_is_said_without_showing_it(load, tmp_path, section, expected):
    for name, text in {"long": "k" * 32, "short": "SESAME", "two": "SESAME\nSESAME"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    file = load(f'[targets.x]\ntype = "webhook"\n{section}')
    with pytest.raises(ConfigError, match=expected) as caught:
        address_of("x", file.targets["x"], tmp_path)
    assert "SESAME" not in str(caught.value)
