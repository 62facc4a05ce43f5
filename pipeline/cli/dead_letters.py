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
@click.option("--replay", is_flag=True, help="Put them onto the mentions topic again; only say what, without --apply.")
@click.option("--apply", "--yes", "apply", is_flag=True, help="With --replay: do it.")
@click.option("--force", is_flag=True, help="With --replay: also what this version would refuse again.")
def command(
    *,
    follow: bool,
    as_json: bool,
    reasons: tuple[str, ...],
    from_beginning: bool,
    limit: int | None,
    replay: bool,
    apply: bool,
    force: bool,
) -> None:
    """Read the refused mentions with their reasons, and put them onto the topic once more.

    Each line has the time of the refused record, the reason, its topic, partition and offset, what is wrong with it,
    its key, its size and the start of its value; control characters are replaced. The number of each reason goes to
    stderr at the end. --json has the whole value: `value`, or `value_base64` where it is not UTF-8.

    With --replay --apply each dead letter goes onto the mentions topic once, keyed by the brand that it names: a second
    run sends nothing again, and an interrupted one goes on. What this version would refuse again stays, unless --force.
    """
    if replay:
        if follow or not from_beginning:
            raise click.UsageError("--replay excludes --follow and --new")
        _replay(reasons, limit, as_json=as_json, apply=apply, force=force)
        return
    if apply or force:
        raise click.UsageError("--apply and --force need --replay")
    if not (follow or from_beginning):
        raise click.UsageError("--new needs --follow")
    _list(reasons, limit, follow=follow, from_beginning=from_beginning, as_json=as_json)


def _list(reasons: tuple[str, ...], limit: int | None, *, follow: bool, from_beginning: bool, as_json: bool) -> None:
    import msgspec

    from pipeline.config.settings import load_settings
    from pipeline.kafka.dead_letters import read_dead_letters

    settings = load_settings()
    counts: Counter[str] = Counter()
    found = read_dead_letters(settings, from_beginning=from_beginning, follow=follow, stop=lambda: False, whole=as_json)
    for letter in found:
        if reasons and letter.reason not in reasons:
            continue
        click.echo(msgspec.json.encode(letter) if as_json else letter.line())  # JSON is UTF-8 whatever the locale
        counts[letter.reason] += 1
        if counts.total() == limit:
            break
    print(_listed(counts) or "no dead letters", file=sys.stderr)


def _replay(reasons: tuple[str, ...], limit: int | None, *, as_json: bool, apply: bool, force: bool) -> None:
    import msgspec

    from pipeline.cli.progress import progress_bar
    from pipeline.config.settings import load_settings
    from pipeline.kafka.resending import resend
    from pipeline.wording import counted

    with progress_bar("replay", None) as advance:
        found = resend(load_settings(), reasons, apply=apply, force=force, limit=limit, on_progress=advance)
    if as_json:
        click.echo(msgspec.json.encode({"applied": apply, **msgspec.structs.asdict(found)}))
        return
    sent = found.sent.total()
    what = f"{counted(sent, 'dead letter')}" + (f" ({_listed(found.sent)})" if sent else "")
    click.echo(f"{'sent again' if apply else 'would be sent again'}: {what}")
    if found.late:
        click.echo(
            f"  {found.late:,} of them are older than the allowed lateness: where event time has passed them, the "
            "worker counts them as late and nothing else"
        )
    if found.refused:
        click.echo(f"left, for they would be refused again: {_listed(found.refused)}")
    if found.incomplete:
        click.echo(f"left, for the topic does not hold them as one whole record: {_listed(found.incomplete)}")
    if found.before:
        click.echo(f"left, for they were sent before: {found.before:,}")
    if sent and not apply:
        click.echo("nothing was sent; --apply sends them", err=True)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))
