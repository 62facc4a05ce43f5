"""Whether alerts name the trigger and the cause, on simulated crises: python -m studies.alert_evidence [--seeds N].

Every crisis of the scenario has one trigger post and one cause, which the labels know. Asked are the first alert of the
crisis and the last one before it is resolved.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import chain
from typing import Final

import click

from pipeline.config.model import Config
from pipeline.engine.alerts.surge_evidence import UNSURE
from pipeline.replay import replay_mentions
from pipeline.simulation import Simulation
from pipeline.simulation.stream.labels import Label
from schemas.alert import Alert

MOMENTS: Final = ("first", "last")
CAUSES: Final[dict[str, tuple[str, ...]]] = {
    "insensitive_post": ("insensitive_content",),
    "scandal": ("employee_behaviour", "safety"),
}
"""What the simulation's causes are called in alerts, where that is not the same: its scandal is accidents at work that
were hidden, and those dismissed who spoke."""


def alerts_of(label: Label, alerts: list[Alert]) -> tuple[Alert, Alert] | None:
    """The first and the last alert of a labelled crisis before it is resolved; None where it was not found."""
    found = [
        alert
        for alert in alerts
        if alert.brand == label.brand
        and alert.kind == "crisis"
        and alert.transition != "resolved"
        and label.trigger_time <= alert.detected_time <= label.end_time
    ]
    return (found[0], found[-1]) if found else None


def judge(label: Label, alert: Alert) -> Counter[str]:
    """What an alert of a labelled crisis gets right."""
    named = label.cause or ""
    causes = CAUSES.get(named, (named,))
    ids = [trigger.id for trigger in alert.evidence.triggers]
    cause = alert.evidence.cause
    is_sure = cause is not None and cause.name not in UNSURE
    return Counter(
        {
            "alerts": 1,
            "trigger first": int(ids[:1] == [label.trigger_id]),
            "trigger in three": int(label.trigger_id in ids),
            "sure of the cause": int(is_sure),
            "cause right": int(is_sure and cause is not None and cause.name in causes),
            "has terms": int(bool(alert.evidence.terms)),
        }
    )


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Streams.")
@click.option("--first-seed", default=101, show_default=True)
@click.option("--brands", default=30, show_default=True)
@click.option("--scenario", default="crises", show_default=True)
def main(seeds: int, first_seed: int, brands: int, scenario: str) -> None:
    """Print the table."""
    crises = 0
    totals: dict[tuple[str, str], Counter[str]] = {}
    for seed in range(first_seed, first_seed + seeds):
        simulation = Simulation(scenario, brands=brands, hours=36.0, history_hours=240.0, seed=seed, mean_rate=12.0)
        lines = chain.from_iterable(batch.lines for batch in simulation.batches())
        report = replay_mentions(lines, Config(), partitions=1, now=datetime(2100, 1, 1, tzinfo=UTC))
        languages = {brand.brand: brand.language for brand in simulation.labels.brands}
        for label in simulation.labels.labels:
            if label.kind != "crisis":
                continue
            crises += 1
            found = alerts_of(label, report.alerts)
            for moment, alert in zip(MOMENTS, found or (), strict=bool(found)):
                for group in ("all", languages[label.brand]):
                    totals.setdefault((moment, group), Counter()).update(judge(label, alert))
    click.echo(f"{crises} crises")
    for (moment, group), total in sorted(totals.items()):
        shares = {name: f"{count} of {total['alerts']}" for name, count in total.items() if name != "alerts"}
        click.echo(f"{moment:5} {group:3} " + ", ".join(f"{name} {share}" for name, share in shares.items()))


if __name__ == "__main__":
    main()
