"""`python -m pipeline`, and the console script `tocsin`."""

from __future__ import annotations

import sys

from pipeline.cli.early_stop import end_cleanly_on_signals


def main() -> None:
    """Run the command line; a worker can be stopped cleanly from here on, while it still imports what it needs."""
    if sys.argv[1:2] == ["worker"]:
        end_cleanly_on_signals()
    from pipeline.cli.main import main as run  # noqa: PLC0415 - after the handlers

    run()


if __name__ == "__main__":
    main()
