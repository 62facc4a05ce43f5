"""Options that several commands have in common, and how a command is found."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

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
