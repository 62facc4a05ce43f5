"""`tocsin ack`: somebody acts."""

from __future__ import annotations

import click

from pipeline.cli.feedback import about_episode, say


@click.command()
@about_episode
def command(*, episode: str, author: str, note: str | None) -> int:
    """Acknowledge an EPISODE: say that somebody acts.

    EPISODE is an id as `tocsin episodes` shows it, or its first six digits or more.
    """
    return say(episode, "acknowledged", author=author, note=note)
