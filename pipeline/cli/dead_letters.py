"""`tocsin dead-letters`: the refused mentions, and why each was refused."""

from __future__ import annotations

import sys
from collections import Counter

import click

from schemas.rejection import Reason


@click.command()
@click.option(
    "--follow", "-f", is_flag=True, help="Keep reading, and print each dead letter as it arrives, until Ctrl-C."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([*map(str, Reason), "unknown"]),
    metavar="REASON",
    help="Only this reason, such as malformed_json; may be repeated. docs/contracts.md lists them; unknown: not "
    "written by the worker.",
)
@click.option(
    "--from-beginning/--new",
    default=True,
    show_default=True,
    help="Start with the oldest dead letter kept, or with new ones.",
)
@click.option("--limit", type=click.IntRange(1), help="Number of dead letters after which to stop.")
def command(*, follow: bool, as_json: bool, reasons: tuple[str, ...], from_beginning: bool, limit: int | None) -> None:
    """Read the refused mentions with their reasons: committed records only.

    Each line has the time of the refused record, the reason, its topic, partition and offset, what is wrong with it,
    its key, its size and the start of its value; control characters are replaced. The number of each reason goes to
    stderr at the end. The whole value is on the topic mentions-dlq.
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
        click.echo(msgspec.json.encode(letter) if as_json else letter.line())  # JSON is UTF-8 whatever the locale
        counts[letter.reason] += 1
        if counts.total() == limit:
            break
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    print(listed or "no dead letters", file=sys.stderr)
