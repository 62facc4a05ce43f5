"""Where a brand's values come from: what holds for every brand, its tier, its own section, each over the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pipeline.config.errors import toml_key
from pipeline.config.playbooks import given_keys

if TYPE_CHECKING:
    from pipeline.config.model import BrandSection, ConfigFile
    from pipeline.config.playbooks import PlaybookSection

Layer = tuple[str, dict[str, Any]]
"""Where in the file values stand, and the values given there."""


def category_of(file: ConfigFile, brand: BrandSection) -> str | None:
    """The category of a brand: its own, or its tier's."""
    tier = file.tiers.get(brand.tier) if brand.tier else None
    return brand.category or (tier.category if tier else None)


def overrides(file: ConfigFile, name: str, brand: BrandSection) -> Iterator[Layer]:
    """What the brand's tier and its own section say of `detection`."""
    if brand.tier in file.tiers:
        yield f"tiers.{toml_key(brand.tier)}.detection", file.tiers[brand.tier].detection
    yield f"brands.{toml_key(name)}.detection", brand.detection


def playbooks(
    file: ConfigFile, tier: str | None = None, own: tuple[str, PlaybookSection | None] = ("", None)
) -> list[Layer]:
    """What the file says of a playbook, for every brand, for a tier and in a section of its own.

    Args:
        file: the whole.
        tier: of the brand, if it has one.
        own: where the own section would stand, and the section if there is one.
    """
    sections = [("playbook", file.playbook)]
    if tier in file.tiers:
        sections.append((f"tiers.{toml_key(tier)}.playbook", file.tiers[tier].playbook))
    return [(where, given_keys(section)) for where, section in (*sections, own) if section is not None]


def brand_playbooks(file: ConfigFile, name: str, brand: BrandSection) -> list[Layer]:
    """What the file says of the playbook of a brand."""
    return playbooks(file, brand.tier, (f"brands.{toml_key(name)}.playbook", brand.playbook))


def category_playbooks(file: ConfigFile, name: str) -> list[Layer]:
    """What the file says of the playbook of a category."""
    section = file.categories.get(name)
    return playbooks(file, own=(f"categories.{toml_key(name)}.playbook", section.playbook if section else None))


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """The values that hold: of each key the last one given."""
    return {key: value for _, values in layers for key, value in values.items()}
