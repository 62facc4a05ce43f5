"""The TOML configuration: layers, its hash, and errors that say what to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import registry
from pipeline.config.errors import faults, without
from pipeline.config.load import load_config
from pipeline.config.model import (
    BrandSection,
    Config,
    ConfigFile,
    DetectionConfig,
    EngineConfig,
    SentimentConfig,
    TierSection,
    WorkerConfig,
)
from pipeline.config.playbooks import PlaybookConfig
from pipeline.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "tocsin.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[detecton]\n", "detecton={}: unknown key; did you mean 'detection'?"),
        ("[detection]\nquiet_minute = 60", "detection.quiet_minute=60: unknown key; did you mean 'quiet_minutes'?"),
        ("[engine]\nlateness = 1", "engine.lateness=1: unknown key; did you mean 'allowed_lateness_seconds'?"),
        ("[tiers.gold]\nzzz = 'b'", "tiers.gold.zzz='b': unknown key; known are: category, detection"),
        (
            "[tiers.gold.detection]\ncool_down = 3",
            "tiers.gold.detection.cool_down=3: unknown key; did you mean 'cool_down_minutes'?",
        ),
        (
            "[brands.acme.detection]\ncool_down_minuts = 3",
            "brands.acme.detection.cool_down_minuts=3: unknown key; did you mean 'cool_down_minutes'?",
        ),
        ("[brands.acme]\ntear = 'x'", "brands.acme.tear='x': unknown key; did you mean 'tier'?"),
        ("[brands.acme.playbook]\nownr = 'x'", "brands.acme.playbook.ownr='x': unknown key; did you mean 'owner'?"),
        ('"a\\nb" = 1', "'a\\nb'=1: unknown key; known are: brands, categories, detection, engine, links, "),
        ('[platforms.""]', "platforms.''={}: expected `str` of length >= 1 as a key"),
        ("[detection]\nquiet_minutes = 4", "detection.quiet_minutes=4: expected `int` >= 5"),
        ("[detection]\nquiet_minutes = 10081", "detection.quiet_minutes=10081: expected `int` <= 10080"),
        ("[detection]\nrelease_ratio = 0.0", "detection.release_ratio=0.0: expected `float` > 0.0"),
        ("[detection]\ncritical_ratio = nan", "detection.critical_ratio=nan: expected `float` >= 1.0"),
        ("[worker]\ncheckpoint_seconds = inf", "worker.checkpoint_seconds=inf: expected `float` <= 300.0"),
        (
            "[tiers.gold.detection]\nfalse_alarms_per_brand_year = 0",
            "tiers.gold.detection.false_alarms_per_brand_year=0: expected `float` >= 0.01",
        ),
        ("[detection]\nquiet_minutes = '60'", "detection.quiet_minutes='60': expected `int`, got `str`"),
        ("[detection]\nquiet_minutes = 60.5", "detection.quiet_minutes=60.5: expected `int`, got `float`"),
        ("[worker]\nticks = 1", "worker.ticks=1: expected `bool`, got `int`"),
        ("brands = 3", "brands=3: expected `object`, got `int`"),
        ("[brands.acme]\ndetection = 3", "brands.acme.detection=3: expected `object`, got `int`"),
        ("[brands.a.playbook]\n[brands.b]\n", "brands.a.playbook={}: object missing required field `owner`"),
        (
            "[brands.a]\n[brands.b.playbook]\nowner = 'x'\nrespond_within_minutes = 0",
            "brands.b.playbook.respond_within_minutes=0: expected `int` >= 1",
        ),
        (
            "[platforms.x]\nchannel = 'social'\n[platforms.reddit]\nchannel = 'forums'",
            "platforms.reddit.channel='forums': expected one of social, news, forum, video, review, other",
        ),
        (
            "[tiers.gold]\n[brands.acme]\ntier = 'glod'",
            "brands.acme.tier='glod': must be one of the tiers ['gold']; did you mean 'gold'?",
        ),
        ("[brands.acme]\ntier = 'gold'", "brands.acme.tier='gold': must be one of the tiers []; known are: none"),
        ("[brands.Acme]\n", "brands.Acme: a brand must match ^[a-z0-9][a-z0-9._-]{0,63}\\Z, got 'Acme'"),
        ('[brands."acme\\n"]\n', "brands.'acme\\n': a brand must match"),
        (
            "[brands.acme]\ncategory = 'airlines'\n[categories.airline.playbook]\nowner = 'x'",
            "categories.airline: must be the category of a brand; did you mean 'airlines'?",
        ),
        (
            "[brands.acme]\ncategory = 'airlines'\n[categories.airlines.playbook]\nlink = 'x'",
            "categories.airlines.playbook={'link': 'x'}: object missing required field `owner`",
        ),
        ("[detection]\nmute = ['crises']", "detection.mute=['crises']: expected one of crisis, sentiment_shift, "),
        ("[detection]\nmute = 'crisis'", "detection.mute='crisis': expected `array`, got `str`"),
        ("[detection\n", "expected TOML: "),
        (
            "[detection]\ndetector = 'daily-maxma'",
            (
                "detection.detector='daily-maxma': must be one of daily-maxima, ewma or begin with 'river:'; "
                "did you mean 'daily-maxima'?"
            ),
        ),
        (
            "[tiers.gold.detection]\ndetector = 'river: anomaly.GausianScorer()'",
            (
                "tiers.gold.detection.detector='river: anomaly.GausianScorer()': expected a class of River's whose "
                "state can be stored, got anomaly.GausianScorer; did you mean anomaly.GaussianScorer?"
            ),
        ),
        (
            "[brands.acme.detection]\ndetector = 'river: anomaly.LocalOutlierFactor(n_neighbors=10)'",
            "brands.acme.detection.detector='river: anomaly.LocalOutlierFactor(n_neighbors=10)': expected a class of",
        ),
        (
            "[brands.acme]\ncategory = 'airlines'\n[detection]\ndetector = 'ewma'",
            (
                "brands.acme.category='airlines': brands of a category are compared by daily-maxima, got "
                "detection.detector='ewma' for this one"
            ),
        ),
    ],
)
def test_a_broken_rule_is_named_with_file_key_value_and_rule_in_one_line(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_all_faults_are_listed_at_once_each_on_its_own_line(tmp_path):
    path = write(
        tmp_path,
        "[detection]\nquiet_minutes = 4\ncool_down = 3\n[tiers.gold.detection]\ncritical_ratio = 0.5\n"
        "[brands.Acme]\n[brands.bolt]\ntier = 'glod'\ntear = 1\n[brands.bolt.playbook]\nlink = 'x'\n"
        "[platforms.reddit]\nchannel = 'forums'\ndefault_reach = 0\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [line.removeprefix(f"{path}: ").partition("=")[0].partition(":")[0] for line in caught.value.lines] == [
        "detection.quiet_minutes",
        "detection.cool_down",
        "brands.bolt.tear",
        "platforms.reddit.channel",
        "platforms.reddit.default_reach",
        "tiers.gold.detection.critical_ratio",
        "brands.Acme",
        "brands.bolt.tier",
        "brands.bolt.playbook",
    ]
    assert all(line.startswith(f"{path}: ") for line in caught.value.lines)


def test_what_refers_to_a_table_that_cannot_be_read_is_no_fault_of_its_own(tmp_path):
    path = write(tmp_path, "tiers = 3\n[brands.acme]\ntier = 'gold'\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.lines == (f"{path}: tiers=3: expected `object`, got `int`",)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.floats(0, 9) | st.sampled_from(["crisis", "gold", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["tier", "detection", "mute", "owner", "playbook", "quiet_minutes"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*ConfigFile.__struct_fields__, "other"]), values))
def test_faults_are_found_exactly_where_a_document_cannot_be_converted(document):
    found = list(faults(document, ConfigFile))
    try:
        msgspec.convert(document, ConfigFile)
    except msgspec.ValidationError:
        assert found
    else:
        assert not found
    sound = without(document, (fault.path for fault in found))
    if not any(fault.path == () for fault in found):
        assert list(faults(sound, ConfigFile)) == []
    assert all("\n" not in fault.text for fault in found)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match="expected a TOML file that can be read: No such file"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="expected a TOML file that can be read: Is a directory"):
        load_config(tmp_path)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    path = tmp_path / "latin.toml"
    path.write_bytes("owner = 'é'".encode("latin-1"))
    with pytest.raises(ConfigError, match="expected TOML: "):
        load_config(path)


LAYERS = """
[detection]
quiet_minutes = 100
cool_down_minutes = 100
critical_ratio = 2.0
[tiers.flagship.detection]
cool_down_minutes = 200
critical_ratio = 3.0
[brands.acme]
tier = "flagship"
[brands.acme.detection]
critical_ratio = 4.0
[brands.acme.playbook]
owner = "duty-officer@acme.example"
[brands.bolt]
tier = "flagship"
[brands.core.detection]
critical_ratio = 5.0
"""


def test_a_brand_overrides_its_tier_which_overrides_the_defaults(tmp_path):
    config = load_config(write(tmp_path, LAYERS))
    values = {
        name: (found.quiet_minutes, found.cool_down_minutes, found.critical_ratio)
        for name in ("acme", "bolt", "core", "unheard-of")
        for found in [config.brand(name).detection]
    }
    assert values == {
        "acme": (100, 200, 4.0),
        "bolt": (100, 200, 3.0),
        "core": (100, 100, 5.0),
        "unheard-of": (100, 100, 2.0),
    }


def test_the_explanation_says_for_every_value_of_the_hash_where_it_comes_from(tmp_path):
    config = load_config(write(tmp_path, LAYERS))
    rows = {key: (value, source) for key, value, source in config.explain("acme")}
    assert rows["detection.quiet_minutes"] == (100, "detection")
    assert rows["detection.cool_down_minutes"] == (200, "tiers.flagship.detection")
    assert rows["detection.critical_ratio"] == (4.0, "brands.acme.detection")
    assert rows["detection.release_ratio"] == (DetectionConfig().release_ratio, "default")
    assert rows["playbook.owner"] == ("duty-officer@acme.example", "brands.acme.playbook")
    assert set(rows) == {
        f"{name}.{field}"
        for name, section in {
            "detection": DetectionConfig,
            "playbook": PlaybookConfig,
            "engine": EngineConfig,
            "sentiment": SentimentConfig,
        }.items()
        for field in section.__struct_fields__
    }


NAMED = """
[brands.acme.names]
en = "Acme"
zh = "顶点"
[brands.bolt]
"""


def test_names_of_a_brand_are_rows_of_its_explanation_and_change_its_hash_only_where_they_are_given(tmp_path):
    named, unnamed = load_config(write(tmp_path, NAMED)), Config(ConfigFile(brands={"acme": BrandSection()}))
    assert dict(named.brand("acme").names) == {"en": "Acme", "zh": "顶点"}
    assert dict(named.brand("bolt").names) == dict(named.brand("other").names) == {}
    rows = [row for row in named.explain("acme") if row[0].startswith("names.")]
    assert rows == [("names.en", "Acme", "brands.acme"), ("names.zh", "顶点", "brands.acme")]
    assert not [row for row in named.explain("bolt") if row[0].startswith("names.")]
    assert named.brand("bolt").config_hash == unnamed.brand("acme").config_hash == Config().default_hash
    renamed = load_config(write(tmp_path, NAMED.replace("顶点", "顶峰")))
    assert len({one.brand("acme").config_hash for one in (named, renamed, unnamed)}) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("eng = 'Acme'", "brands.acme.names.eng='Acme': unknown key; did you mean 'en'?"),
        ("xx = 7", "brands.acme.names.xx=7: unknown key; known are: de, en, es, fr, ja, pt, zh"),
        ("en = ''", "brands.acme.names.en=''"),
        (f"zh = '{'a' * 65}'", "brands.acme.names.zh="),
        ("en = 7", "brands.acme.names.en=7"),
    ],
)
def test_a_name_of_no_language_without_letters_or_of_too_many_is_refused(tmp_path, line, message):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, f"[brands.acme.names]\n{line}\n"))
    assert message in str(caught.value)


LINKED = ConfigFile(links={"hub": "https://hub.example/episodes/{episode_id}"}, brands={"acme": BrandSection()})


def test_links_are_rows_of_the_explanation_and_change_the_hash_where_there_are_some():
    config = Config(LINKED)
    assert dict(config.brand("acme").links) == dict(config.brand("other").links) == dict(LINKED.links)
    assert ("links.hub", "https://hub.example/episodes/{episode_id}", "links") in config.explain("acme")
    assert config.default_hash != Config().default_hash


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hub = 'ftp://hub.example'", "links.hub='ftp://hub.example': must begin with http:// or https://"),
        ("hub = 'https://hub.example/{episode}'", "must have no other fields than brand, category, detected, episode"),
        ("hub = 'https://hub.example/{brand!r}'", "must have {brand} as it stands here"),
        ("hub = 'https://hub.example/{brand.name}'", "must have no other fields than brand"),
        ("hub = 'https://hub.example/{}'", "must have no other fields than brand"),
        ("hub = 'https://hub.example/{brand'", "write a brace as {{ or }}"),
        ("\n".join(f"l{number} = 'https://x.example'" for number in range(9)), "links: must be 8 at most, got 9"),
        ("Hub = 'https://hub.example'", "links.Hub="),
    ],
)
def test_a_link_that_no_alert_could_fill_in_is_refused(tmp_path, line, message):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, f"[links]\n{line}\n"))
    assert message in str(caught.value)


@given(st.dictionaries(st.sampled_from(["quiet_minutes", "cool_down_minutes"]), st.integers(5, 10_080)))
def test_the_explanation_agrees_with_what_holds(overrides):
    config = Config(ConfigFile(brands={"acme": BrandSection(detection=overrides)}))
    detection = msgspec.structs.asdict(config.brand("acme").detection)
    explained = {key.split(".")[1]: value for key, value, _ in config.explain("acme") if key.startswith("detection.")}
    assert explained == detection


def test_a_brands_detector_comes_from_its_own_section_its_tier_or_the_default(tmp_path):
    config = load_config(
        write(
            tmp_path,
            "[detection]\ndetector = 'ewma'\n[tiers.calm.detection]\ndetector = 'river: anomaly.GaussianScorer()'\n"
            "[brands.acme]\ntier = 'calm'\n[brands.bolt]\ntier = 'calm'\n[brands.bolt.detection]\n"
            "detector = 'daily-maxima'\n",
        )
    )
    found = [config.brand(name).detection.detector for name in ("acme", "bolt", "core")]
    assert found == ["river: anomaly.GaussianScorer()", "daily-maxima", "ewma"]
    assert len({config.brand(name).config_hash for name in ("acme", "bolt", "core")}) == 3


def test_the_default_is_that_of_the_registry():
    assert DetectionConfig().detector == registry.DEFAULT


def test_brands_without_a_section_share_one_value_and_one_hash(tmp_path):
    config = load_config(write(tmp_path, LAYERS))
    assert config.brand("one") is config.brand("two")
    assert config.brand("one").config_hash not in {config.brand(name).config_hash for name in ("acme", "bolt", "core")}


def digest(file: ConfigFile) -> str:
    return Config(file).brand("acme").config_hash


SAME_EFFECT = [
    ConfigFile(),
    ConfigFile(worker=WorkerConfig(checkpoint_seconds=1.0, ticks=False, top_brands=0)),
    ConfigFile(detection=DetectionConfig(quiet_minutes=DetectionConfig().quiet_minutes)),
    ConfigFile(tiers={"gold": TierSection(detection={"quiet_minutes": 60})}),
    ConfigFile(brands={"other": BrandSection(detection={"quiet_minutes": 60})}),
    ConfigFile(brands={"acme": BrandSection()}),
    ConfigFile(brands={"acme": BrandSection(detection={"quiet_minutes": DetectionConfig().quiet_minutes})}),
    ConfigFile(brands={"acme": BrandSection(tier="gold")}, tiers={"gold": TierSection()}),
]


def test_the_hash_stays_when_no_value_that_holds_for_the_brand_changes():
    for file in SAME_EFFECT:
        assert digest(file) == digest(ConfigFile()), file


def other_than(value: Any) -> Any:
    """Another legal value of a key whose default this is."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return {"story": "count", "daily-maxima": "ewma"}[value]
    if isinstance(value, tuple):
        return (*value, "volume_surge")
    if isinstance(value, dict):
        return {"news": 3600}
    return value + (0.125 if isinstance(value, float) else 1)


@pytest.mark.parametrize("section", ["detection", "engine", "sentiment"])
def test_the_hash_changes_with_every_value_that_holds_for_the_brand(section):
    defaults = getattr(ConfigFile(), section)
    for field, value in msgspec.structs.asdict(defaults).items():
        changed = ConfigFile(**{section: msgspec.structs.replace(defaults, **{field: other_than(value)})})
        assert digest(changed) != digest(ConfigFile()), field


def test_the_hash_changes_with_the_playbook():
    playbooks = [
        None,
        PlaybookConfig(owner="a"),
        PlaybookConfig(owner="b"),
        PlaybookConfig(owner="a", link="https://wiki.acme.example"),
        PlaybookConfig(owner="a", respond_within_minutes=30),
    ]
    found = {digest(ConfigFile(brands={"acme": BrandSection(playbook=playbook)})) for playbook in playbooks}
    assert len(found) == len(playbooks)


def test_the_hash_does_not_depend_on_which_layer_a_value_comes_from():
    layers = [
        ConfigFile(detection=DetectionConfig(quiet_minutes=60)),
        ConfigFile(tiers={"t": TierSection(detection={"quiet_minutes": 60})}, brands={"acme": BrandSection(tier="t")}),
        ConfigFile(brands={"acme": BrandSection(detection={"quiet_minutes": 60})}),
    ]
    assert len({digest(file) for file in layers}) == 1


def test_a_whole_number_and_the_same_number_with_a_point_have_one_hash(tmp_path):
    whole = load_config(write(tmp_path, "[brands.acme.detection]\ncritical_ratio = 2"))
    point = load_config(write(tmp_path, "[brands.acme.detection]\ncritical_ratio = 2.0"))
    assert whole.brand("acme").config_hash == point.brand("acme").config_hash


def test_the_document_is_the_file_with_every_default_filled_in(tmp_path):
    document = load_config(write(tmp_path, "[detection]\nquiet_minutes = 60")).document()
    assert document["detection"] == msgspec.structs.asdict(DetectionConfig(quiet_minutes=60))
    assert document["engine"] == msgspec.structs.asdict(EngineConfig())


def test_without_a_file_every_default_holds():
    config = load_config(None)
    assert config.brand("acme").detection == DetectionConfig()
    assert config.brand("acme").playbook is None
    assert config.engine == EngineConfig()


PLAYBOOKS = """
[playbook]
owner = "duty-desk"
respond_within_minutes = 120
[tiers.flagship.playbook]
respond_within_minutes = 15
[brands.acme]
tier = "flagship"
category = "airlines"
[brands.acme.playbook]
owner = "acme-desk"
[brands.bolt]
tier = "flagship"
[categories.airlines.playbook]
link = "https://wiki.example/airlines"
"""


def test_a_playbook_is_put_together_key_by_key_from_default_tier_and_brand(tmp_path):
    config = load_config(write(tmp_path, PLAYBOOKS))
    assert {name: config.brand(name).playbook for name in ("acme", "bolt", "other")} == {
        "acme": PlaybookConfig(owner="acme-desk", respond_within_minutes=15),
        "bolt": PlaybookConfig(owner="duty-desk", respond_within_minutes=15),
        "other": PlaybookConfig(owner="duty-desk", respond_within_minutes=120),
    }
    assert config.category("airlines").playbook == PlaybookConfig(
        owner="duty-desk", link="https://wiki.example/airlines", respond_within_minutes=120
    )
    rows = {key: source for key, _, source in config.explain("acme")}
    assert rows["playbook.owner"] == "brands.acme.playbook"
    assert rows["playbook.respond_within_minutes"] == "tiers.flagship.playbook"
    assert rows["playbook.link"] == "default"


def test_a_deadline_without_an_owner_is_no_playbook(tmp_path):
    config = load_config(
        write(tmp_path, "[playbook]\nrespond_within_minutes = 30\n[brands.acme.playbook]\nowner = 'a'")
    )
    assert config.brand("acme").playbook == PlaybookConfig(owner="a", respond_within_minutes=30)
    assert config.brand("other").playbook is None


def test_a_kind_is_muted_for_all_a_tier_or_a_brand(tmp_path):
    config = load_config(
        write(
            tmp_path,
            "[detection]\nmute = ['volume_surge']\n"
            "[tiers.quiet.detection]\nmute = ['volume_surge', 'sentiment_shift']\n"
            "[brands.acme]\ntier = 'quiet'\n[brands.bolt.detection]\nmute = []\n",
        )
    )
    muted = {name: config.brand(name).detection.mute for name in ("acme", "bolt", "other")}
    assert muted == {"acme": ("volume_surge", "sentiment_shift"), "bolt": (), "other": ("volume_surge",)}


def test_the_defaults_hold_their_own_rules():
    """msgspec checks bounds when converting, not when a default is taken."""
    assert msgspec.convert(msgspec.to_builtins(ConfigFile()), ConfigFile) == ConfigFile()
