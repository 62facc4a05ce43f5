"""Options that several commands have in common."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file of detection and behaviour. [default: TOCSIN_CONFIG; without it, every value is the default]",
)
partitions_option = click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    help="Number of partitions of the topic to emulate; each learns on its own. [default: as in the catalogue]",
)
