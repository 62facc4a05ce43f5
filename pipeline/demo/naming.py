"""A configuration that knows the demo's brands and who acts for them, beside what the file that was given says."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping

from pipeline.demo.playbook import says_who_acts
from pipeline.wording import counted

Names = Mapping[str, Mapping[str, str]]
"""By brand and language what people call a brand."""


def with_names(given: str, names: Names, hub: str, playbook: str) -> tuple[str, str]:
    """The given file with what it does not say itself of names, of the hub's address and of who acts.

    Args:
        given: the text of a TOML file; "" for none.
        names: a brand to which the file gives a name keeps that one.
        hub: the address of an episode's page, for a file without a table `links`.
        playbook: the section `playbook`, for a file that has none of any kind.

    Returns:
        The text of the extended file, and what could not be added, for people; "" where nothing is missing.
    """
    known = tomllib.loads(given)
    brands = known.get("brands", {})
    missing = {brand: called for brand, called in names.items() if "names" not in brands.get(brand, {})}
    link = "" if "links" in known else f"[links]\nhub = {json.dumps(hub)}\n\n"
    acting = "" if says_who_acts(given) else f"{playbook}\n"
    extended = f"{given.rstrip()}\n\n{link}{acting}{names_toml(missing)}".lstrip()
    try:
        tomllib.loads(extended)
    except tomllib.TOMLDecodeError:  # brands in one line, `brands = {...}`, cannot be added to
        alone = f"{given.rstrip()}\n\n{link}{acting}".lstrip()
        return alone, f"{counted(len(missing), 'brand')} of the demo go without a name: the file writes brands inline"
    told = (
        "" if "hub" in known.get("links", {"hub": hub}) else "alerts go without the hub's address: [links] has no hub"
    )
    return extended, told


def names_toml(names: Names) -> str:
    """Sections that say what people call brands."""
    sections = []
    for brand, by_language in sorted(names.items()):
        lines = [
            f"{language} = {json.dumps(name, ensure_ascii=False)}" for language, name in sorted(by_language.items())
        ]
        sections.append("\n".join([f'[brands."{brand}".names]', *lines]))
    return "\n\n".join(sections) + "\n"
