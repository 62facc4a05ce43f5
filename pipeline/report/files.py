"""Material from files: alerts, activity, feedback and deliveries as JSON, one record on each line, plain or gzipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pipeline.files.mentions import lines
from pipeline.report.material import Brand, Material, kept, take
from pipeline.report.trail import Place
from schemas.activity import decode_activity
from schemas.alert import decode_alert
from schemas.delivery import decode_delivery
from schemas.feedback import decode_feedback

_brand_of = msgspec.json.Decoder(Brand)


def read_files(alerts: Sequence[str], feedback: Sequence[str], deliveries: Sequence[str] = ()) -> Material:
    """Alerts, feedback and deliveries of files; without activity, which is read once the brand is known.

    Raises:
        TocsinError: a file cannot be read.
    """
    found = Material()

    for path in alerts:
        _read(path, kept(found.alerts, decode_alert), "an alert", found)
    for path in feedback:
        _read(path, kept(found.feedback, decode_feedback), "feedback", found)
    for path in deliveries:
        _read(path, kept(found.deliveries, decode_delivery), "a delivery", found)
    return found


def read_activity(found: Material, files: Sequence[str], brand: str) -> None:
    """Add the activity of a brand to the material.

    Raises:
        TocsinError: a file cannot be read.
    """

    def keep(value: bytes, _: Place) -> None:
        if _brand_of.decode(value).brand == brand:
            found.activity.append(decode_activity(value))

    for path in files:
        _read(path, keep, "an activity", found)


def _read(path: str, keep: Callable[[bytes, Place], None], expected: str, found: Material) -> None:
    # The name alone: where it lay on this machine is nobody's business who reads the report.
    name = Path(path).name
    for number, value in enumerate(lines(path), 1):
        place = Place(source=name, line=number, value=value)
        problem = take(keep, value, place, f"{path}:{number}", expected)
        if problem:
            found.problems.append(problem)
