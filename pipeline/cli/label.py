"""`tocsin label`: whether an alarm was right."""

from __future__ import annotations

from typing import cast

import click

from pipeline.cli.feedback import about_episode, say
from schemas.feedback import LABELS, Label


@click.command()
@about_episode
@click.argument("label", type=click.Choice(LABELS), metavar="LABEL")
def command(*, episode: str, label: str, author: str, note: str | None) -> int:
    """Say whether the alarm of an EPISODE was right. A later label replaces an earlier one.

    EPISODE is an id as `tocsin episodes` shows it, or its first six digits or more; LABEL is true, false or unsure.
    """
    return say(episode, "label", author=author, label=cast("Label", label), note=note)
