"""Tables of observations for tests."""

from __future__ import annotations

import gzip
from pathlib import Path

from schemas.moments import moment
from tests.pipeline.mention_streams import START

HEAD = "brand,start,mentions,negatives\n"


def observation_rows(hours: int = 40) -> list[tuple[str, str, int, int]]:
    """Two brands; one falls into a crisis at the end."""
    rows = []
    for bucket in range(hours * 12):
        at = moment(START + bucket * 300).isoformat().replace("+00:00", "Z")
        burst = bucket > hours * 12 - 12
        rows.append(("acme", at, 60 if burst else 4 + bucket % 3, 40 if burst else bucket % 2))
        if bucket % 4 == 0:
            rows.append(("bolt", at, 2, 0))
    return rows


def write_csv(path: Path, rows: list[tuple[str, str, int, int]]) -> Path:
    text = "brand,start,mentions,negatives\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path
