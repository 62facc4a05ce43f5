"""Options that several commands have in common, and how a command is found."""

from __future__ import annotations

import difflib
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from schemas.alert import KINDS, SEVERITIES
from schemas.text import printable


class Commands(click.Group):
    """A group of commands that names the nearest one where it is asked for one that it has not."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command asked for, as click finds it."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
            ctx.fail(f"expected a command, got {printable(name, 100)!r}; {hint}")
        return super().resolve_command(ctx, args)


config_option = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file of detection and behaviour. [default: TOCSIN_CONFIG; without it, every value is the default]",
)
partitions_option = click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    help="Number of partitions of the topic to emulate; each learns on its own. [default: as in the catalogue]",
)
kinds_option = click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated."
)
brands_option = click.option(
    "--brand", "brands", multiple=True, metavar="BRAND", help="Only this brand; may be repeated."
)
severities_option = click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.Choice(SEVERITIES),
    help="Only this severity; may be repeated.",
)


class MomentType(click.ParamType):
    """A moment as people type it, as Unix seconds: RFC 3339, a date, or how long ago (30m, 2h, 7d)."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See click."""
        if isinstance(value, float):
            return value
        try:
            return unix_seconds(str(value), time.time())
        except ValueError as error:
            self.fail(str(error), param, ctx)


class MomentTextType(click.ParamType):
    """The same as it is written: how long ago is counted from a moment that is known later."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See click."""
        try:
            unix_seconds(str(value), 0.0)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


MOMENT = MomentType()
MOMENT_TEXT = MomentTextType()
MOMENT_HELP = "a date, RFC 3339 (UTC where it names no offset), or how long ago: 30m, 2h, 7d"
_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}


def unix_seconds(text: str, now: float) -> float:
    """The moment that a text names, in Unix seconds.

    Args:
        text: such as 2026-03-05, 2026-03-05T14:00Z, 2h, now.
        now: Unix seconds.

    Raises:
        ValueError: it names none.
    """
    text = text.strip()
    if text == "now":
        return now
    ago = _AGO.fullmatch(text)
    if ago:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected {MOMENT_HELP}; got {text!r}") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
