"""What the sections of a file must be to each other: tiers that exist, detectors that fit, playbooks with owners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.config.errors import faults, nearest, toml_key
from pipeline.config.layers import Layer, brand_playbooks, category_of, category_playbooks, merged, overrides, playbooks
from pipeline.config.links import link_faults
from pipeline.config.playbooks import PlaybookSection, case_faults, playbook_faults, whole_faults
from schemas.mention import BRAND_PATTERN

if TYPE_CHECKING:
    from pipeline.config.model import BrandSection, ConfigFile


def file_faults(file: ConfigFile) -> Iterator[str]:
    """Every fault of a file whose values are of their types, each on one line."""
    yield from _detector_faults(file, file.detection.detector, "detection")
    for tier, section in file.tiers.items():
        yield from _override_faults(file, section.detection, f"tiers.{toml_key(tier)}.detection")
    yield from _category_faults(file)
    for name, brand in file.brands.items():
        yield from _brand_faults(file, name, brand)
    yield from _playbook_faults(file)
    yield from link_faults(file.links)


def _category_faults(file: ConfigFile) -> Iterator[str]:
    members = {name: category_of(file, brand) for name, brand in sorted(file.brands.items())}
    first = {category: name for name, category in reversed(members.items()) if category is not None}
    for category, name in first.items():
        if category in file.brands:
            yield (
                f"brands.{toml_key(name)}.category={category!r}: must not be the name of a brand: alerts of the "
                "category carry its name as their key"
            )
    for category in file.categories:
        if category not in first:
            yield f"categories.{toml_key(category)}: must be the category of a brand{nearest(category, first)}"


def _brand_faults(file: ConfigFile, name: str, brand: BrandSection) -> Iterator[str]:
    where = f"brands.{toml_key(name)}"
    if not re.match(BRAND_PATTERN, name):
        yield f"{where}: a brand must match {BRAND_PATTERN}, got {name!r}"
    if brand.tier is not None and brand.tier not in file.tiers:
        yield (
            f"{where}.tier={brand.tier!r}: must be one of the tiers {sorted(file.tiers)}"
            f"{nearest(brand.tier, file.tiers)}"
        )
    yield from _override_faults(file, brand.detection, f"{where}.detection")
    category, default = category_of(file, brand), type(file.detection)().detector
    detector = merged(overrides(file, name, brand)).get("detector", file.detection.detector)
    if category and detector != default:
        yield (
            f"{where}.category={category!r}: brands of a category are compared by {default}, got "
            f"detection.detector={detector!r} for this one; take it out of the category, or give it that detector"
        )


def _override_faults(file: ConfigFile, given: dict[str, Any], where: str) -> Iterator[str]:
    """Faults of what a tier or a brand says of detection."""
    for fault in faults(given, type(file.detection)):
        yield f"{where}.{fault.text}"
    name = given.get("detector")
    if isinstance(name, str):
        yield from _detector_faults(file, name, where)


def _detector_faults(file: ConfigFile, name: str, where: str) -> Iterator[str]:
    if name == type(file.detection)().detector:
        return
    # River takes a second to import: only a configuration that names another detector pays it.
    from detectors.registry import UnknownDetectorError, entry  # noqa: PLC0415

    try:
        entry(name)
    except UnknownDetectorError as error:
        yield f"{where}.detector={name!r}: {error}"


def _playbook_faults(file: ConfigFile) -> Iterator[str]:
    """Playbooks of brands and categories that say what is to be done and not by whom."""
    own = [brand_playbooks(file, name, brand) for name, brand in file.brands.items() if brand.playbook is not None]
    own += [category_playbooks(file, name) for name, one in file.categories.items() if one.playbook is not None]
    for layers in own:
        where, values = layers[-1]
        if "owner" not in merged(layers):
            yield f"{where}={values!r}: object missing required field `owner`"
    sections: list[tuple[str, PlaybookSection | None]] = [("playbook", file.playbook)]
    sections += [(f"tiers.{toml_key(name)}.playbook", tier.playbook) for name, tier in file.tiers.items()]
    sections += [(f"brands.{toml_key(name)}.playbook", brand.playbook) for name, brand in file.brands.items()]
    sections += [(f"categories.{toml_key(name)}.playbook", one.playbook) for name, one in file.categories.items()]
    sections += [(f"playbook_cases[{number}]", case) for number, case in enumerate(file.playbook_cases)]
    for where, section in sections:
        if section is not None:
            yield from playbook_faults(where, section)
    categories = {name for brand in file.brands.values() if (name := category_of(file, brand)) is not None}
    yield from case_faults(file.playbook_cases, file.brands, categories)
    yield from _whole_playbook_faults(file, categories)


def _whole_playbook_faults(file: ConfigFile, categories: set[str]) -> Iterator[str]:
    """Playbooks that are too large once they are put together."""
    named = {name for case in file.playbook_cases for name in case.brands}
    seen: set[tuple[str | None, str | None]] = set()
    wholes: list[tuple[str, str, str | None, list[Layer]]] = [("playbook", "", None, playbooks(file))]
    wholes += [
        (f"categories.{toml_key(name)}", "", name, category_playbooks(file, name)) for name in sorted(categories)
    ]
    for name, brand in file.brands.items():
        category = category_of(file, brand)
        # Brands that say nothing of their own have the playbook of their tier and category: one of them is enough.
        if brand.playbook is None and name not in named:
            if (brand.tier, category) in seen:
                continue
            seen.add((brand.tier, category))
        wholes.append((f"brands.{toml_key(name)}", name, category, brand_playbooks(file, name, brand)))
    for where, name, category, layers in wholes:
        cases = [case for case in file.playbook_cases if case.may_hold(name, category)]
        if len(layers) + len(cases) > 1:
            yield from whole_faults(where, merged(layers), cases)
