"""What a configuration says that has no effect, or another than it seems: named, with the key, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config.advice import advice, advice_for, unheard_of, zero_means
from pipeline.config.load import load_config
from pipeline.config.model import Config
from tests.deploy.deployment import DEPLOY


def read(folder: Path, text: str) -> Config:
    path = folder / "tocsin.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "[detection]\nfalse_alarms_per_brand_year = 20",
            [
                (
                    "detection.false_alarms_per_brand_year=20 is above crisis_alerts_per_brand_year=6: "
                    "the budget suppresses what is over it"
                )
            ],
        ),
        (
            "[tiers.gold.detection]\nvolume_surge_alerts_per_brand_year = 4\n[brands.acme]\ntier = 'gold'",
            [
                (
                    "tiers.gold.detection.volume_surges_per_brand_year=24 is above "
                    "volume_surge_alerts_per_brand_year=4: the budget suppresses what is over it"
                )
            ],
        ),
        ("[detection]\nfalse_alarms_per_brand_year = 20\ncrisis_alerts_per_brand_year = 30", []),
        (
            "[brands.acme.detection]\ncrisis_alerts_per_brand_year = 0",
            [
                (
                    "brands.acme.detection.crisis_alerts_per_brand_year=0: no budget, any number of alerts; "
                    "to have none of a kind, put it into mute"
                )
            ],
        ),
        ("[engine]\ndead_letter_run_limit = 0", ["engine.dead_letter_run_limit=0: no limit"]),
        (
            "[engine]\nallowed_lateness_seconds_by_source = { news = 60, rss = 3600 }",
            [
                (
                    "engine.allowed_lateness_seconds_by_source.news=60 has no effect: any mention may be as late as "
                    "that (engine.allowed_lateness_seconds=120)"
                )
            ],
        ),
        (
            "[engine]\nallowed_lateness_seconds_by_source = { newz = 3600 }",
            [
                (
                    "engine.allowed_lateness_seconds_by_source.newz is no channel: it holds for a platform of that "
                    "name; did you mean 'news'?"
                )
            ],
        ),
        ("[detection]\ncool_down_minutes = 0", ["detection.cool_down_minutes=0: no cool-down"]),
        ("[tiers.gold.detection]\nquiet_minutes = 60", ["tiers.gold is the tier of no brand: it has no effect"]),
        ("[tiers.gold]\n[brands.acme]\ntier = 'gold'", ["tiers.gold is empty: it has no effect"]),
        ("[brands.acme]", ["brands.acme is empty: it has no effect"]),
        ("[platforms.x]", ["platforms.x is empty: it has no effect"]),
        ("[platforms.x]\ndefault_reach = 5000", []),
        (
            "[worker]\nticks = false\ntick_idle_seconds = 5.0",
            ["worker.tick_idle_seconds has no effect: worker.ticks is false"],
        ),
        (
            "[playbook]\nrespond_within_minutes = 30",
            ["playbook has no owner: it holds only for brands whose own section gives one"],
        ),
        (
            "[playbook]\nowner = 'x'\n[[playbook_cases]]\ncauses = ['safety', 'saftey', 'other']\nlink = 'y'",
            [
                (
                    "playbook_cases[0].causes='saftey' is no cause that an alert is sure of: it has no effect; did you "
                    "mean 'safety'?"
                ),
                "playbook_cases[0].causes='other' is no cause that an alert is sure of: it has no effect",
            ],
        ),
        (
            "[detection]\nmute = ['crisis', 'sentiment_shift', 'volume_surge', 'high_reach_post']",
            ["detection.mute names every kind: no alert can come"],
        ),
        ("[detection]\nquiet_minutes = 60\n[brands.acme.detection]\nquiet_minutes = 90", []),
    ],
)
def test_what_does_not_do_what_it_seems_to_is_named(tmp_path, text, lines):
    assert advice(read(tmp_path, text)) == lines


def test_the_defaults_and_the_file_that_is_shipped_need_no_advice():
    assert advice(Config()) == []
    assert advice(load_config(DEPLOY / "tocsin.toml")) == []


def test_advice_for_a_brand_is_what_holds_for_it(tmp_path):
    config = read(
        tmp_path,
        "[tiers.gold.detection]\nfalse_alarms_per_brand_year = 20\n[brands.acme]\ntier = 'gold'\n"
        "[brands.bolt.detection]\nquiet_minutes = 60\n",
    )
    (line,) = advice_for(config, "acme")
    assert line.startswith("tiers.gold.detection.false_alarms_per_brand_year=20 is above ")
    assert advice_for(config, "bolt") == []


def test_a_brand_that_the_file_does_not_know_is_told_with_the_nearest_that_it_does(tmp_path):
    config = read(tmp_path, "[brands.acme-air.detection]\nquiet_minutes = 60\n")
    assert advice_for(config, "acme_air") == [
        "brands.acme_air is not in the file: it has the values of every such brand; did you mean 'acme-air'?"
    ]
    assert advice_for(Config(), "zzz") == ["brands.zzz is not in the file: it has the values of every such brand"]


def test_a_brand_of_the_file_that_nobody_ever_mentioned_is_told_with_the_nearest_that_is(tmp_path):
    config = read(
        tmp_path, "[brands.acmee.detection]\nquiet_minutes = 60\n[brands.bolt.detection]\nquiet_minutes = 9\n"
    )
    assert unheard_of(config, ["acme", "bolt"]) == [
        "brands.acmee: no mention of this brand was ever read; did you mean 'acme'?"
    ]


def test_zero_is_explained_where_it_is_more_than_none():
    assert zero_means("detection.crisis_alerts_per_brand_year", 0.0) == "no budget"
    assert zero_means("detection.crisis_alerts_per_brand_year", 6.0) == ""
    assert zero_means("worker.ticks", value=False) == ""
