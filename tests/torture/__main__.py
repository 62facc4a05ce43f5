"""`python -m tests.torture`: every scenario on a broker of its own, one table, exit code 1 on any difference."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from pipeline.demo.run_guard import stoppable
from tests.torture.play import Row, play, table
from tests.torture.scenarios import SCENARIOS

SHORT = {"kill-one": 3, "kill-at-moments": 4}
"""The short form: scenario -> rounds."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of everything random")
    parser.add_argument("--rounds", type=int, help="of every scenario, instead of its own number")
    parser.add_argument("--only", action="append", choices=[one.name for one in SCENARIOS], help="may be repeated")
    parser.add_argument("--short", action="store_true", help="three scenarios, a minute")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the load's view of every outage that we cause
    faulthandler.register(signal.SIGUSR1)  # kill -USR1 shows where it stands
    err = Console(stderr=True)
    err.print(f"seed {arguments.seed}")
    folder = Path(tempfile.mkdtemp(prefix="tocsin-torture-"))
    rows: list[Row] = []
    chosen = SHORT if arguments.short else {one.name: one.rounds for one in SCENARIOS}
    try:
        with stoppable():
            for scenario in SCENARIOS:
                if scenario.name in (arguments.only or chosen):
                    rounds = arguments.rounds or chosen.get(scenario.name, scenario.rounds)
                    rows.append(play(scenario, rounds, arguments.seed, folder / scenario.name, err))
    except KeyboardInterrupt:
        err.print("interrupted: the scenario under way is left out")
    Console(width=None if sys.stdout.isatty() else 160).print(table(rows))
    failed = [row for row in rows if not row.holds]
    for row in failed:
        err.print(f"{row.scenario}: {row.text}\n  logs and topics: {folder / row.scenario}", markup=False)
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
