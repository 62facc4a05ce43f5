"""`tocsin topics plan|apply`: the catalogue's topics on the broker."""

from __future__ import annotations

import click

from pipeline.cli.options import Commands
from pipeline.config.settings import load_settings
from pipeline.kafka.topics import Step, apply_topics, plan_topics, refusals
from pipeline.wording import counted

_partitions = click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    help="Number of partitions of every topic. [default: as in the catalogue]",
)
_replication = click.option(
    "--replication",
    type=click.IntRange(1, 10),
    help="Number of replicas of each partition of a new topic. [default: 3, or the number of brokers if that is less]",
)


@click.group(cls=Commands)
def command() -> None:
    """Show or create the Kafka topics of the catalogue (schemas/topics)."""


@command.command()
@_partitions
@_replication
def plan(partitions: int | None, replication: int | None) -> int:
    """Show what `apply` would do, and change nothing. The exit code is 1 when `apply` would refuse."""
    steps = plan_topics(load_settings(), partitions, replication)
    _print(steps)
    changes = _changes(steps)
    if refusals(steps):
        click.echo("topics: apply would refuse, and change nothing", err=True)
        return 1
    click.echo(
        f"topics: {changes} to make: run `tocsin topics apply`" if changes else "topics: nothing to do", err=True
    )
    return 0


@command.command()
@_partitions
@_replication
def apply(partitions: int | None, replication: int | None) -> None:
    """Create and configure the topics. A second run changes nothing."""
    steps = apply_topics(load_settings(), partitions, replication)
    _print(steps)
    changes = _changes(steps)
    click.echo(f"topics: {changes} made" if changes else "topics: nothing to do", err=True)


def _changes(steps: list[Step]) -> str:
    count = sum(step.action not in {"keep", "refuse"} for step in steps)
    return counted(count, "change") if count else ""


def _print(steps: list[Step]) -> None:
    action_width = max(len(step.action) for step in steps)
    topic_width = max(len(step.topic) for step in steps)
    for step in steps:
        click.echo(f"{step.action:<{action_width}}  {step.topic:<{topic_width}}  {step.detail}")
