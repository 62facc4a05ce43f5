"""What is legal in a configuration and does not do what it seems to: said by `check` and `explain-config`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from detectors.topics.causes import CAUSES
from pipeline.config.errors import near, toml_key
from pipeline.config.layers import brand_playbooks, merged, overrides, playbooks
from pipeline.config.model import BrandSection, Config, ConfigFile, PlatformSection
from schemas.alert import KINDS
from schemas.mention import CHANNELS

_NAMED_CAUSES: Final = tuple(cause for cause in CAUSES if cause != "other")
RATES: Final = {
    "false_alarms_per_brand_year": "crisis_alerts_per_brand_year",
    "volume_surges_per_brand_year": "volume_surge_alerts_per_brand_year",
    "high_reach_posts_per_brand_year": "high_reach_post_alerts_per_brand_year",
}
"""Rates that set a threshold, and the alert budget of the same kind."""

ZERO: Final = {
    "detection.crisis_alerts_per_brand_year": "no budget",
    "detection.sentiment_shift_alerts_per_brand_year": "no budget",
    "detection.volume_surge_alerts_per_brand_year": "no budget",
    "detection.high_reach_post_alerts_per_brand_year": "no budget",
    "detection.high_reach_posts_per_brand_year": "none opens",
    "detection.cool_down_minutes": "no cool-down",
    "detection.volume_surge_cool_down_minutes": "no cool-down",
    "engine.dead_letter_run_limit": "no limit",
    "engine.allowed_lateness_seconds": "no waiting",
    "worker.top_brands": "only brands with an open episode",
}
"""What a value of 0 means where it is not simply none."""


def zero_means(key: str, value: object) -> str:
    """What 0 means for a key; empty for any other value, and where 0 is simply none."""
    return ZERO.get(key, "") if value == 0 and not isinstance(value, bool) else ""


def advice(config: Config) -> list[str]:
    """One line for everything in the file that has no effect, or another one than it seems to."""
    file = config.file
    lines = []
    lines += [
        f"platforms.{toml_key(name)} is empty: it has no effect"
        for name, platform in file.platforms.items()
        if platform == PlatformSection()
    ]
    lines += [
        f"{name}.{key}=0: {ZERO[f'{name}.{key}']}"
        for name, section in (("engine", file.engine), ("worker", file.worker))
        for key, value in _changed(section).items()
        if zero_means(f"{name}.{key}", value)
    ]
    if file.engine.forget_new_after_days > file.engine.forget_after_days:
        lines.append("engine.forget_new_after_days is above engine.forget_after_days: new brands outlast known ones")
    lines += [
        f"engine.allowed_lateness_seconds_by_source.{toml_key(source)}={seconds} has no effect: any mention may be as "
        f"late as that (engine.allowed_lateness_seconds={file.engine.allowed_lateness_seconds})"
        for source, seconds in file.engine.allowed_lateness_seconds_by_source.items()
        if seconds <= file.engine.allowed_lateness_seconds
    ]
    lines += [
        f"engine.allowed_lateness_seconds_by_source.{toml_key(source)} is no channel: it holds for a platform of that "
        f"name{hint}"
        for source in file.engine.allowed_lateness_seconds_by_source
        if source not in CHANNELS and (hint := near(source, CHANNELS))
    ]
    if not file.worker.ticks and "tick_idle_seconds" in _changed(file.worker):
        lines.append("worker.tick_idle_seconds has no effect: worker.ticks is false")
    lines += _of_detection("detection", _changed(file.detection), msgspec.structs.asdict(file.detection))
    lines += _of_tiers(file)
    for name, brand in file.brands.items():
        where = f"brands.{toml_key(name)}"
        lines += _of_detection(f"{where}.detection", brand.detection, _detection_of(file, name, brand))
        if brand == BrandSection():
            lines.append(f"{where} is empty: it has no effect")
    lines += [
        f"playbook_cases[{number}].causes={cause!r} is no cause that an alert is sure of: it has no effect"
        f"{near(cause, _NAMED_CAUSES)}"
        for number, case in enumerate(file.playbook_cases)
        for cause in case.causes
        if cause not in _NAMED_CAUSES
    ]
    for layers in (playbooks(file), *(playbooks(file, tier) for tier in file.tiers)):
        if layers and "owner" not in merged(layers):
            lines.append(f"{layers[-1][0]} has no owner: it holds only for brands whose own section gives one")
    return list(dict.fromkeys(lines))


def advice_for(config: Config, name: str) -> list[str]:
    """The part of it that holds for one brand, and whether the file knows the brand at all."""
    file = config.file
    brand = file.brands.get(name)
    if brand is None:
        hint = near(name, file.brands)
        return [f"brands.{toml_key(name)} is not in the file: it has the values of every such brand{hint}"]
    lines = _of_detection("detection", _changed(file.detection), _detection_of(file, name, brand))
    for where, given in overrides(file, name, brand):
        lines += _of_detection(where, given, _detection_of(file, name, brand))
    if brand_playbooks(file, name, brand) and config.brand(name).playbook is None:
        lines.append("its playbook has no owner: alerts carry none")
    return list(dict.fromkeys(lines))


def unheard_of(config: Config, known: Iterable[str]) -> list[str]:
    """One line for each brand of the file that is none of those that are known, with the nearest of them."""
    names = set(known)
    return [
        f"brands.{toml_key(name)}: no mention of this brand was ever read{near(name, names)}"
        for name in config.file.brands
        if name not in names
    ]


def _of_tiers(file: ConfigFile) -> Iterator[str]:
    used = {brand.tier for brand in file.brands.values()}
    for tier, section in file.tiers.items():
        where = f"tiers.{toml_key(tier)}"
        if tier not in used:
            yield f"{where} is the tier of no brand: it has no effect"
        elif not (section.detection or section.category or section.playbook):
            yield f"{where} is empty: it has no effect"
        yield from _of_detection(
            f"{where}.detection", section.detection, msgspec.structs.asdict(file.detection) | section.detection
        )


def _of_detection(where: str, given: dict[str, Any], holds: dict[str, Any]) -> list[str]:
    """About what one section says of detection, where this holds altogether."""
    lines = []
    for key, value in given.items():
        if key.endswith("_alerts_per_brand_year") and value == 0:
            lines.append(f"{where}.{key}=0: no budget, any number of alerts; to have none of a kind, put it into mute")
        elif zero_means(f"detection.{key}", value):
            lines.append(f"{where}.{key}=0: {ZERO[f'detection.{key}']}")
    for rate, budget in RATES.items():
        if {rate, budget} & set(given) and 0 < holds[budget] < holds[rate]:
            lines.append(
                f"{where}.{rate}={holds[rate]:g} is above {budget}={holds[budget]:g}: "
                "the budget suppresses what is over it"
            )
    if len(set(holds["mute"])) == len(KINDS) and "mute" in given:
        lines.append(f"{where}.mute names every kind: no alert can come")
    return lines


def _changed(section: msgspec.Struct) -> dict[str, Any]:
    """What a section says other than the default."""
    default = type(section)()
    values = msgspec.structs.asdict(section)
    return {key: value for key, value in values.items() if value != getattr(default, key)}


def _detection_of(file: ConfigFile, name: str, brand: BrandSection) -> dict[str, Any]:
    return msgspec.structs.asdict(file.detection) | merged(overrides(file, name, brand))
