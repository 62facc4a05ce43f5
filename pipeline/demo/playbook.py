"""The playbook of the demo: who acts on the crises of its simulated brands, by when, in which steps."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from typing import Any, Final

OWNER: Final = "duty-officer@demo.example"
DEPUTY: Final = "second-officer@demo.example"
LEAST_MINUTES: Final = 30
READER_SECONDS: Final = 30.0
"""On the clock of whoever looks on: time to open the page, to read the alarm and to acknowledge it."""
_MOST_MINUTES: Final = 10_080
_STEPS: Final = (
    ("verify-facts", "Ask quality control what is true of it."),
    ("decide-tone", "Decide with the deputy whether to answer, and in which tone."),
    ("publish", "Publish the answer where people talk, and record it here."),
)
_DRAFT: Final = "We have seen what you report about {term}. We are looking into it and will say here what we find."


def response_minutes(speed: float) -> int:
    """Within how many minutes of event time somebody is to act, so that a person has time for that.

    Args:
        speed: seconds of event time per second of the wall clock.
    """
    return min(max(LEAST_MINUTES, math.ceil(speed * READER_SECONDS / 60.0)), _MOST_MINUTES)


def playbook_toml(speed: float) -> str:
    """The section `playbook` of a configuration; `speed` as of `response_minutes`."""
    steps = ", ".join(f"{{ id = {json.dumps(name)}, text = {json.dumps(text)} }}" for name, text in _STEPS)
    return (
        "[playbook]\n"
        f"owner = {json.dumps(OWNER)}\n"
        f"deputies = [{json.dumps(DEPUTY)}]\n"
        f"respond_within_minutes = {response_minutes(speed)}\n"
        f"steps = [{steps}]\n"
        f"drafts = {{ en = {json.dumps(_DRAFT)} }}\n"
    )


def playbook_words(speed: float) -> str:
    """What the playbook asks for, in one line for people; `speed` as of `response_minutes`."""
    minutes = response_minutes(speed)
    hours, rest = divmod(minutes, 60)
    length = " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0))
    return (
        f"the demo's playbook: {OWNER} acts on a crisis within {length} of event time ({60 * minutes / speed:.0f} s "
        "here), or it is escalated; acknowledge it on the page"
    )


def says_who_acts(given: str) -> bool:
    """Whether the text of a TOML file has a playbook of any kind, for everybody, for some or in some case."""
    known = tomllib.loads(given)
    sections: list[Mapping[str, Any]] = [
        section for table in ("tiers", "brands", "categories") for section in known.get(table, {}).values()
    ]
    return "playbook_cases" in known or any("playbook" in section for section in (known, *sections))
