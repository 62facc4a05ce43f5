"""tocsin worker: read mentions, watch every brand, write alerts."""

from __future__ import annotations

import asyncio

import click


@click.command()
def command() -> None:
    """Read mentions, watch every brand, write alerts (runs until stopped).

    Addresses, secrets and names come from the TOCSIN_ environment, detection from the TOML file that TOCSIN_CONFIG
    names. SIGTERM or Ctrl-C writes a last checkpoint and ends with exit code 0 within 5 seconds. Anything unexpected
    ends with one line and exit code 1; started again, the worker goes on from the last checkpoint.
    """
    import structlog

    from pipeline.config import load_config
    from pipeline.logs import configure_logging
    from pipeline.settings import load_settings

    settings = load_settings()
    config = load_config(settings.config)
    configure_logging(settings)
    logger = structlog.get_logger("tocsin.worker")
    logger.info("settings", **settings.masked())
    logger.info("configuration", **config.document())

    from pipeline.kafka_clients import topic_name
    from pipeline.topics import verify_topics

    partitions = verify_topics(settings)
    logger.info("topics verified", partitions=partitions)

    from pipeline.app import run_worker
    from pipeline.engine import Engine

    mentions = topic_name(settings, "mentions")
    asyncio.run(run_worker(settings, config, lambda partition: Engine(partition, config, topic=mentions)))
