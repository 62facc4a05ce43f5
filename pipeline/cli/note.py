"""`tocsin note`: words for the record of an episode."""

from __future__ import annotations

import click

from pipeline.cli.feedback import about_episode, say


@click.command()
@about_episode
def command(*, episode: str, author: str, note: str | None) -> int:
    """Add a note to the record of an EPISODE.

    EPISODE is an id as `tocsin episodes` shows it, or its first six digits or more.
    """
    if not note:
        raise click.UsageError("expected the words of the note: --note TEXT")
    return say(episode, "note", author=author, note=note)
