"""`tocsin worker`: read mentions, detect crises of every brand, write alerts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import config_option

if TYPE_CHECKING:
    from pipeline.config.settings import Settings


@click.command()
@config_option
def command(config_path: Path | None) -> int:
    """Read mentions, detect crises of every brand, write alerts (runs until stopped).

    Addresses, secrets and names come from the TOCSIN_ environment, detection from the TOML file of --config or
    TOCSIN_CONFIG. On SIGTERM, SIGHUP or Ctrl-C the worker writes a last checkpoint and ends with exit code 0 within 5
    seconds. On any error it ends with one line and exit code 1; started again, it continues from the last checkpoint.
    """
    from pipeline.config.settings import load_settings
    from pipeline.errors import TocsinError
    from pipeline.telemetry.logs import configure_logging, say_fatal
    from schemas.text import printable

    settings = load_settings()
    if config_path is not None:
        settings = settings.model_copy(update={"config": config_path})
    configure_logging(settings)
    try:
        _work(settings)
    except TocsinError as error:  # from here on in the form of the log, which a program may be reading
        say_fatal(printable(str(error), 4000))
        return 1
    return 0


def _work(settings: Settings) -> None:
    import structlog

    from pipeline.config.advice import advice
    from pipeline.config.load import load_config

    logger = structlog.get_logger("tocsin.worker")
    logger.info("settings", **settings.masked())
    config = load_config(settings.config)
    logger.info("configuration", hash=config.hash, **config.document())
    for line in advice(config):
        logger.warning("the configuration says what has no effect, or another than it seems", what=line)

    from pipeline.kafka.clients import topic_name
    from pipeline.kafka.group import verify_group
    from pipeline.kafka.permissions import worker_operations
    from pipeline.kafka.topics import verify_topics

    needed = worker_operations(
        ticks=config.worker.ticks,
        reroutes=config.worker.misplaced == "reroute",
        activity=config.worker.activity != "off",
        feedback=config.worker.relays_feedback,
    )
    verified = verify_topics(settings, needed)
    group = verify_group(settings)
    if group.namesake is not None:
        logger.warning(
            "a worker of this name is in the group: its place is taken, and it ends if it still runs",
            instance=settings.instance,
            group=settings.group,
            host=group.namesake,
        )
    if verified.unverified:
        logger.warning(
            "no permission DescribeConfigs: whether these topics are kept as the catalogue says is not verified",
            topics=list(verified.unverified),
        )
    logger.info("topics verified", partitions=verified.partitions, kept=list(verified.kept))

    from pipeline.engine.engine import Engine
    from pipeline.worker.driver.installation import install
    from pipeline.worker.process import run_worker

    install()
    mentions = topic_name(settings, "mentions")

    def engine(partition: int) -> Engine:
        return Engine(partition, config, partitions=verified.partitions, topic=mentions)

    asyncio.run(run_worker(settings, config, engine, verified.topics, group.committed))
