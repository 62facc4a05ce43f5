"""`tocsin kafka start|stop|status`: a local single-node Apache Kafka for trying things out."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.options import Commands
from pipeline.config.settings import DEFAULT_PORT, load_settings
from pipeline.kafka.local import KAFKA_VERSION, LocalKafka

_home = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of its jars, data, log and pid. [default: TOCSIN_HOME, or .tocsin in the current folder, with the "
    "jars in ~/.cache/tocsin]",
)


@click.group(cls=Commands)
def command() -> None:
    """Start, stop or inspect a local Apache Kafka (one node, on 127.0.0.1 only)."""


@command.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port that it listens on; 0 takes a free one. [default: 9092]"
)
@_home
def start(port: int | None, home: Path | None) -> None:
    """Start the local Kafka and leave it running. The first start downloads its jars (about 45 MB)."""
    if port is None:
        running = _kafka(home, 0).status()
        port = running.port if running.pid else DEFAULT_PORT
    kafka = _kafka(home, port)
    outcome = f"Apache Kafka {KAFKA_VERSION} runs" if kafka.start() else "Apache Kafka runs already"
    click.echo(f"{outcome} at {kafka.bootstrap} (pid {kafka.status().pid}, {kafka.home})")
    if kafka.port != DEFAULT_PORT:
        click.echo(f"For the other commands: export TOCSIN_KAFKA_BOOTSTRAP={kafka.bootstrap}", err=True)


@command.command()
@_home
def stop(home: Path | None) -> None:
    """Stop the local Kafka. Its data are kept."""
    kafka = _kafka(home, 0)
    click.echo("Apache Kafka has stopped" if kafka.stop() else f"Apache Kafka was not running ({kafka.home})")


@command.command()
@_home
def status(home: Path | None) -> int:
    """Say whether the local Kafka runs and answers. The exit code is 1 when it does not."""
    kafka = _kafka(home, 0)
    found = kafka.status()
    if found.pid is None:
        click.echo(f"Apache Kafka does not run ({kafka.home})")
        return 1
    manner = "answers" if found.answers else "runs but does not answer"
    click.echo(f"Apache Kafka {manner} at 127.0.0.1:{found.port} (pid {found.pid}, {kafka.home})")
    return 0 if found.answers else 1


def _kafka(home: Path | None, port: int) -> LocalKafka:
    settings = load_settings()
    return LocalKafka((home or settings.home) / "kafka", port, jars=home or settings.jars)
