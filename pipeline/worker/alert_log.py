"""A line in the log for every alert that has been committed, for whoever reads logs and not topics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from pipeline.engine.encoding import OutRecord
from schemas.alert import decode_alert

LINES: Final = 20
"""Lines between two turns of the event loop: a flood of alerts must not stop it."""

logger = structlog.get_logger("tocsin.alerts")


async def log_alerts(alerts: Sequence[OutRecord]) -> None:
    """Write one line for each alert.

    Args:
        alerts: as they stand on the topic now.
    """
    for number, record in enumerate(alerts, 1):
        alert = decode_alert(record.value or b"")
        logger.info(
            "alert",
            brand=alert.brand,
            scope=alert.scope,
            kind=alert.kind,
            transition=alert.transition,
            severity=alert.severity,
            onset_time=alert.onset_time.isoformat(),
            detected_time=alert.detected_time.isoformat(),
            score=alert.score.value,
            threshold=alert.score.threshold,
            mentions=alert.observed.mentions,
            expected=alert.expected.value,
            negative_share=alert.observed.negative_share,
            id=alert.id,
            episode_id=alert.episode_id,
            config_hash=alert.config_hash,
        )
        if number % LINES == 0:
            await asyncio.sleep(0)
