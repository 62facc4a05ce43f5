"""The examples of alerts, with changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from schemas.alert import Alert, decode_alert

FOLDER = Path(__file__).parents[3] / "schemas" / "examples" / "alert" / "v1" / "valid"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def example(name: str, **changes: Any) -> Alert:
    return msgspec.structs.replace(decode_alert((FOLDER / f"{name}.json").read_bytes()), **changes)


def crisis(transition: str = "opened", number: int = 1, episode: int = 1, **changes: Any) -> Alert:
    """An alert of a crisis; episodes and alerts are told apart by their numbers."""
    identity = {"id": f"{number:012x}", "episode_id": f"{episode:012x}", "incident_id": None}
    return example("crisis-opened", **({"transition": transition} | identity | changes))
