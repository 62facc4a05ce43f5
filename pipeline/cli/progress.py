"""A progress bar of long work: on stderr, and only where that is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn


@contextmanager
def progress_bar(name: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """Show a bar while the block lasts; it is given a function that says how much more is done.

    Args:
        name: of the work.
        total: all of it, if known.
    """
    console = Console(stderr=True)
    columns = (TextColumn(name), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda amount: progress.advance(task, amount)
