"""`tocsin dead-letters`: what was refused, and why."""

from __future__ import annotations

import sys
from collections import Counter

import click

from schemas.rejection import Reason


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on and print each dead letter as it arrives, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([*map(str, Reason), "unknown"]),
    metavar="REASON",
    help="Only this reason, such as malformed_json; may be repeated. docs/contracts.md has all of them; unknown: the "
    "worker has not written it.",
)
@click.option(
    "--from-beginning/--new",
    default=True,
    show_default=True,
    help="Begin with the oldest dead letter kept, or with new ones.",
)
@click.option("--limit", type=click.IntRange(1), help="Stop after so many dead letters.")
def command(*, follow: bool, as_json: bool, reasons: tuple[str, ...], from_beginning: bool, limit: int | None) -> None:
    """Read the refused mentions with their reasons: committed records only.

    A line says when the refused record was written, the reason, where it stood, what was wrong with it, its key, its
    size and its beginning; control characters are replaced. Numbers per reason go to stderr at the end. The whole
    value stays on the topic mentions-dlq.
    """
    import msgspec

    from pipeline.config.settings import load_settings
    from pipeline.kafka.dead_letters import read_dead_letters

    if not (follow or from_beginning):
        raise click.UsageError("--new needs --follow")
    settings = load_settings()
    counts: Counter[str] = Counter()
    for letter in read_dead_letters(settings, from_beginning=from_beginning, follow=follow, stop=lambda: False):
        if reasons and letter.reason not in reasons:
            continue
        print(msgspec.json.encode(letter).decode() if as_json else letter.line(), flush=True)
        counts[letter.reason] += 1
        if counts.total() == limit:
            break
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    print(listed or "no dead letters", file=sys.stderr)
