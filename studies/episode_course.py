"""Whether alerts date the first news item and tell a second wave of a crisis: python -m studies.episode_course.

Every mention of these simulated streams carries its true tone. Asked are, of each crisis of the scenario `crises`, the
first negative news item that its last alert names against the first in the stream, and, of each crisis with a second
wave (scenario `flare-up`), the episodes that it makes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, pairwise

import click
import msgspec

from pipeline.config.model import Config
from pipeline.replay import replay_mentions
from pipeline.simulation import Simulation
from pipeline.simulation.stream.labels import Label
from schemas.alert import Alert
from schemas.mention import Mention
from studies.alert_evidence import alerts_of

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def negative_news(lines: list[bytes], below: float) -> Iterator[Mention]:
    """News items of a stream that are truly negative, by time."""
    for line in lines:
        mention = msgspec.json.decode(line, type=Mention)
        if mention.channel == "news" and mention.sentiment is not None and mention.sentiment <= below:
            yield mention


def news_verdict(label: Label, alert: Alert, items: list[Mention]) -> str:
    """How the first news item of a crisis's alert compares with the truth."""
    spread = alert.evidence.spread
    told = None if spread is None else spread.first_news
    true = next(
        (
            item
            for item in items
            if item.brand == label.brand and label.trigger_time <= item.event_time < alert.detected_time
        ),
        None,
    )
    if true is None:
        return "none, and none told" if told is None or told.event_time < label.trigger_time else "none, but one told"
    if told is None:
        return "missed"
    if told.id == true.id:
        return "exact"
    return "earlier than the crisis" if told.event_time < label.trigger_time else "another one"


def waves(label: Label, alerts: list[Alert]) -> str:
    """What the episodes of a crisis with a second wave look like."""
    found = [
        alert
        for alert in alerts
        if alert.brand == label.brand and alert.kind == "crisis" and alert.detected_time >= label.trigger_time
    ]
    opened = [alert for alert in found if alert.transition == "opened"]
    if len(opened) == 1:
        told = sum("volume" in alert.changes for alert in found if alert.transition == "updated")
        return "one episode, second wave told as update" if told else "one episode, second wave not told"
    linked = all(alert.parent_episode_id == before.episode_id for before, alert in pairwise(opened))
    return f"{len(opened)} episodes, {'linked' if linked else 'not linked'}"


@click.command()
@click.option("--seeds", default=5, show_default=True, help="Streams of each scenario.")
@click.option("--first-seed", default=301, show_default=True)
def main(seeds: int, first_seed: int) -> None:
    """Print both tables."""
    config = Config()
    news: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for seed in range(first_seed, first_seed + seeds):
        for scenario, brands in (("crises", 30), ("flare-up", 12)):
            simulation = Simulation(
                scenario, brands=brands, hours=36.0, history_hours=240.0, seed=seed, labelled_share=1.0, mean_rate=12.0
            )
            lines = list(chain.from_iterable(batch.lines for batch in simulation.batches()))
            alerts = replay_mentions(iter(lines), config, partitions=1, now=LATER).alerts
            items = list(negative_news(lines, config.sentiment.negative_below))
            for label in simulation.labels.labels:
                if label.kind != "crisis":
                    continue
                if scenario == "flare-up":
                    second[waves(label, alerts)] += 1
                elif found := alerts_of(label, alerts):
                    news[news_verdict(label, found[1], items)] += 1
    for name, table in (("first negative news item", news), ("a crisis with a second wave", second)):
        click.echo(f"{name}: " + ", ".join(f"{verdict} {count}" for verdict, count in table.most_common()))


if __name__ == "__main__":
    main()
