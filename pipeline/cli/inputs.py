"""Files for the engine with a progress bar that knows its total, where that can be known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.cli.progress import progress_bar
from pipeline.files.mentions import total_bytes
from pipeline.files.observations import holds_observations
from pipeline.replay import Inputs, open_inputs


@contextmanager
def inputs_with_progress(
    name: str, files: Sequence[str], partitions: int | None
) -> Iterator[tuple[Inputs, Callable[[float], None]]]:
    """What is replayed, with a bar while the block lasts, and a function to be told the size of each batch taken.

    Args:
        name: of the work.
        files: as of `pipeline.replay.open_inputs`.
        partitions: the same.

    Raises:
        TocsinError: as of `pipeline.replay.open_inputs`.
    """
    # Of mentions nobody knows the number before the end, but how far the files have been read.
    total = None if holds_observations(files[0]) else total_bytes(files)
    if total is None:
        inputs = open_inputs(files, partitions)
        with progress_bar(name, inputs.total) as advance:
            yield inputs, advance
        return
    with progress_bar(name, total) as advance:
        yield open_inputs(files, partitions, advance), lambda _: None
