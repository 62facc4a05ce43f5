"""`tocsin answer`: the brand has answered in public."""

from __future__ import annotations

import click

from pipeline.cli.feedback import about_episode, say
from pipeline.cli.options import MOMENT_HELP, MOMENT_TEXT


@click.command()
@about_episode
@click.option("--url", metavar="URL", help="Where the answer can be read.")
@click.option("--language", metavar="TAG", help="Its language, such as en, ja or zh-Hans.")
@click.option("--at", type=MOMENT_TEXT, metavar="TIME", help=f"When it was published: {MOMENT_HELP}. [default: now]")
def command(
    *, episode: str, author: str, note: str | None, url: str | None, language: str | None, at: str | None
) -> int:
    """Record the brand's own public answer to an EPISODE, so that its effect can be measured.

    EPISODE is an id as `tocsin episodes` shows it, or its first six digits or more.
    """
    if not (url or note):
        raise click.UsageError("expected what was answered: --url where it can be read, --note with its words, or both")
    return say(episode, "answer", author=author, at=at, note=note, url=url, language=language)
