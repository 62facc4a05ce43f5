"""What `tocsin ack`, `answer`, `label` and `note` have in common: the episode is looked up, the feedback is written."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Unpack

import click

from pipeline.errors import TocsinError
from schemas.alert import Alert
from schemas.feedback import FeedbackKind, Said, new_feedback
from schemas.moments import moment

if TYPE_CHECKING:
    from pipeline.config.settings import Settings

SHORTEST_PREFIX = 6
"""Digits of an episode's id that must be given."""


def _login_name() -> str:
    """The user's name on this machine; "" where there is none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without such a user; OSError since Python 3.13
        return ""


def about_episode(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the options of every command that says something about an episode."""
    for decorate in (
        click.option("--note", metavar="TEXT", help="Words for the record, at most 2,000 characters."),
        click.option(
            "--as", "author", metavar="NAME", default=_login_name, show_default="your login name", help="Who says it."
        ),
        click.argument("episode"),
    ):
        command = decorate(command)
    return command


def find_episode(alerts: Iterable[Alert], asked: str) -> Alert:
    """The last alert of the episode whose id is, or begins with, what was asked for.

    Raises:
        TocsinError: fewer than six digits, no such episode, or several.
    """
    if len(asked) < SHORTEST_PREFIX:
        raise TocsinError(f"expected {SHORTEST_PREFIX} digits or more of an episode's id, got {asked!r}")
    last = {alert.episode_id: alert for alert in alerts}
    found = [episode for episode in last if episode.startswith(asked)]
    if len(found) == 1:
        return last[found[0]]
    if found:
        raise TocsinError(f"expected the id of one episode, got {asked!r}, with which {len(found)} begin; give more")
    near = difflib.get_close_matches(asked, last, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "`tocsin episodes` and `tocsin alerts` show those that there are"
    raise TocsinError(f"expected an episode of the alerts topic, got {asked!r}; {hint}")


def say(episode: str, kind: FeedbackKind, *, author: str, at: str | None = None, **said: Unpack[Said]) -> int:
    """Write feedback about an episode, and print where it stands. Returns the exit code.

    Args:
        episode: its id, or the beginning of it.
        kind: of the feedback.
        author: who says it.
        at: when, as pipeline.cli.options.unix_seconds reads it; default now.
        said: what else.

    Raises:
        BrokerError: no broker, no topic, no permission.
        TocsinError: no such episode, or words that break a rule.
    """
    import msgspec

    from pipeline.cli.options import unix_seconds
    from pipeline.config.settings import load_settings
    from pipeline.kafka.feedback import write_feedback

    if not author:
        raise click.UsageError("this machine knows no name of yours: say with --as who you are")
    settings = load_settings()
    alerts = _alerts(settings)
    alert = find_episode(alerts, episode)
    now = max(one.detected_time for one in alerts) if settings.event_time else datetime.now(UTC)
    when = now if at is None else moment(unix_seconds(at, now.timestamp()))
    try:
        feedback = new_feedback(alert, kind, author=author, time=when, **said)
    except msgspec.ValidationError as error:
        raise TocsinError(f"feedback: {_explained(str(error))}") from None
    place = write_feedback(settings, feedback)
    click.echo(f"{kind}: episode {alert.episode_id} of {alert.brand}, by {author}: {place}")
    return 0


def _explained(problem: str) -> str:
    """A rule of the record in the words of the command line."""
    field = problem.partition("`$.")[2].partition("`")[0]
    rules = {
        "url": "expected an address that begins with http:// or https://, of at most 2,048 characters",
        "note": "expected a note of at most 2,000 characters",
        "author": "expected a name of 1 to 128 characters",
        "language": "expected a language tag such as en, ja or zh-Hans",
    }
    return rules.get(field, problem)


def _alerts(settings: Settings) -> list[Alert]:
    from pipeline.kafka.alerts import read_alerts

    return [record.alert for record in read_alerts(settings) if record.alert is not None]
