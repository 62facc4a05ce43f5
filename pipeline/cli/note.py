"""`tocsin note`: words for the record of an episode."""

from __future__ import annotations

import click

from pipeline.cli.feedback import about_episode, say


@click.command()
@about_episode
@click.argument("text", required=False)
def command(*, episode: str, text: str | None, author: str, note: str | None) -> int:
    """Add a note to the record of an EPISODE: TEXT, or the words of --note.

    EPISODE is an id as `tocsin episodes` shows it, or its first six digits or more.
    """
    if bool(text) == bool(note):
        raise click.UsageError(f"expected the words of the note once, got {'two' if text else 'none'}")
    return say(episode, "note", author=author, note=text or note)
