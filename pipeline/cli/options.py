"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file of detection and behaviour. [default: TOCSIN_CONFIG, else every default holds]",
)
partitions_option = click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    help="Partitions of the topic that the file stands for; each learns on its own. [default: as in the catalogue]",
)
