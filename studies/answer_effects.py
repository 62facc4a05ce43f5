"""How often an answer that has no effect is said to have backfired: python -m studies.answer_effects [--seeds N].

Crises of the simulation that nobody answers are answered at chosen times after their first alert. Whatever the engine
says of those answers is chance: the rate should be small at every time, also while a crisis still grows.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import click
import msgspec

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import FEEDBACK_HEADER, FEEDBACK_OFFSET_HEADER, Record, SourceRecord
from pipeline.simulation import Simulation
from schemas.alert import Alert
from schemas.feedback import encode_feedback, new_feedback
from schemas.mention import record_key

MINUTES: Final = (30, 60, 120, 240)
_LONG_AFTER: Final = 4_102_444_800_000
"""The timestamp of every record: no event time lies ahead of it."""


class _When(msgspec.Struct):
    event_time: datetime


def crises(lines: list[bytes], answers: list[tuple[datetime, bytes]]) -> list[Alert]:
    """The crisis alerts of a stream into which feedback comes at these times."""
    engine, waiting, records = Engine(0, Config()), sorted(answers), list[SourceRecord]()
    decode = msgspec.json.Decoder(_When).decode
    for line in lines:
        while waiting and waiting[0][0] <= decode(line).event_time:
            headers = ((FEEDBACK_HEADER, waiting.pop(0)[1]), (FEEDBACK_OFFSET_HEADER, b"0"))
            records.append(Record(len(records), _LONG_AFTER, None, None, headers))
        records.append(Record(len(records), _LONG_AFTER, record_key(line), line))
    return [alert for alert in engine.process(records).alerts if alert.kind == "crisis"]


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Streams.")
@click.option("--first-seed", default=301, show_default=True)
@click.option("--brands", default=40, show_default=True)
def main(seeds: int, first_seed: int, brands: int) -> None:
    """Print the table."""
    told, blamed = Counter[int](), Counter[int]()
    for seed in range(first_seed, first_seed + seeds):
        simulation = Simulation("crises", brands=brands, hours=36.0, history_hours=240.0, seed=seed, mean_rate=12.0)
        lines = list(chain.from_iterable(batch.lines for batch in simulation.batches()))
        opened = [alert for alert in crises(lines, []) if alert.transition == "opened"]
        for minutes in MINUTES:
            answers = []
            for alert in opened:
                when = alert.detected_time + timedelta(minutes=minutes)
                answers.append((when, encode_feedback(new_feedback(alert, "answer", author="study", time=when))))
            found = crises(lines, answers)
            told[minutes] += sum("answer" in alert.changes for alert in found)
            blamed[minutes] += sum("backfired" in alert.changes for alert in found)
    click.echo("minutes after the alert  answers told  said to have backfired")
    for minutes in MINUTES:
        click.echo(f"{minutes:>23}  {told[minutes]:>12}  {blamed[minutes]:>22}")


if __name__ == "__main__":
    main()
