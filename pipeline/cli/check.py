"""`tocsin check`: everything that can be wrong before the worker starts, with one line for each part that is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import config_option
from schemas.text import printable

if TYPE_CHECKING:
    from pipeline.config.model import Config
    from pipeline.config.settings import Settings


@click.command()
@config_option
@click.option("--broker", is_flag=True, help="Also check that the topics of the broker are those of the catalogue.")
def command(config_path: Path | None, broker: bool) -> None:
    """Validate the environment, the configuration, the topic catalogue and the schemas.

    Prints one line for each on stdout, and ends with exit code 1 at the first that has faults, all of which it lists.
    What is legal and does not do what it seems to is named on stderr. Only with --broker does it connect to anything.
    """
    from pipeline.config.advice import advice, unheard_of
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.wording import counted

    settings = load_settings()
    click.echo(f"environment    ok: {counted(len(settings.masked()), 'setting')}, broker {settings.kafka_bootstrap}")
    source = config_path or settings.config
    config = load_config(source)
    sections = f"{counted(len(config.file.tiers), 'tier')}, {counted(len(config.file.brands), 'brand')} with a section"
    click.echo(f"configuration  ok: {source or 'every default'}, {sections}, hash {config.hash}")
    for line in advice(config):
        click.echo(f"configuration  warning: {line}", err=True)
    click.echo(f"topics         ok: {_check_topics()}")
    click.echo(f"schemas        ok: {_check_schemas()}")
    if broker:
        from pipeline.kafka.permissions import worker_operations
        from pipeline.kafka.topics import verify_topics

        worker_topics = worker_operations(
            ticks=config.worker.ticks,
            activity=config.worker.activity != "off",
            feedback=config.worker.relays_feedback,
        )
        found = verify_topics(settings, dict.fromkeys(worker_topics, ()))  # who checks need not be who works
        click.echo(
            f"broker         ok: {settings.kafka_bootstrap}, {counted(found.partitions, 'partition')} of mentions"
        )
        for one in found.kept:
            click.echo(f"broker         ok: {one}")
        if found.unverified:
            names = ", ".join(found.unverified)
            click.echo(
                f"broker         warning: no permission DescribeConfigs on {names}: whether they are kept as the "
                "catalogue says is not verified",
                err=True,
            )
        if config.file.brands:
            from pipeline.kafka.known_brands import known_brands

            for line in unheard_of(config, known_brands(settings, config.file.brands.keys())):
                click.echo(f"broker         warning: {line}", err=True)
        _look_at_keys(settings, config)


def _look_at_keys(settings: Settings, config: Config) -> None:
    """Whether the newest mentions lie where their keys belong; a fault of a producer is no reason not to start."""
    from pipeline.errors import BrokerError
    from pipeline.kafka.misplaced import look_at_keys

    try:
        placed = look_at_keys(settings, config)
    except BrokerError as error:  # who may not read mentions can still check the rest
        click.echo(f"keys           warning: not looked at: {error}", err=True)
        return
    warning = placed.warning(config)
    if warning:
        click.echo(f"keys           warning: {printable(warning, 1000)}", err=True)
    else:
        click.echo(f"keys           ok: the last {placed.looked_at:,} mentions lie where their keys belong")


def _check_topics() -> str:
    """Names and partitions of the catalogue, which must agree: partition n of each topic belongs together."""
    from pipeline.errors import ConfigError
    from pipeline.wording import counted
    from schemas.catalogue import topics

    try:
        catalogue = topics().values()
    except ValueError as error:
        raise ConfigError(str(error)) from None
    counts = ", ".join(f"{topic.name} ({counted(topic.partitions, 'partition')})" for topic in catalogue)
    if len({topic.partitions for topic in catalogue}) != 1:
        raise ConfigError(f"schemas/topics: expected equal partitions on every topic, got {counts}")
    return counts


def _check_schemas() -> str:
    """Record names with their versions; each document must have the fields of the record in this package."""
    from pipeline.errors import ConfigError
    from schemas.catalogue import topics
    from schemas.documents import RECORDS, json_schema, latest_version

    named = {(topic.schema, topic.version) for topic in topics().values() if topic.schema}
    try:
        latest = {record: latest_version(record) for record in RECORDS}
        documents = {pair: json_schema(*pair) for pair in sorted(named | set(latest.items()))}
    except ValueError as error:
        raise ConfigError(str(error)) from None
    for record, version in latest.items():
        odd = set(documents[record, version].get("properties", ())) ^ set(RECORDS[record].__struct_fields__)
        if odd:
            file = f"schemas/json/{record}.v{version}.schema.json"
            raise ConfigError(f"{file}: expected the fields of the record, it differs in {', '.join(sorted(odd))}")
    return ", ".join(f"{record} v{version}" for record, version in latest.items())
