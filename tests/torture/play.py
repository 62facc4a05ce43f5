"""One scenario from its broker's start to its row in the table."""

from __future__ import annotations

import shutil
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.config.settings import user_cache
from pipeline.kafka.local import LocalKafka
from tests.torture.scenarios import Scenario
from tests.torture.trial import Cluster, Trial
from tests.torture.verdict import Verdict

JARS: Final = user_cache(Path(__file__).parents[2] / ".tocsin")
"""Shared with `make run`, so that Kafka's jars are fetched once."""
BROKER: Final = {"log.cleaner.backoff.ms": "500"}


@dataclass
class Row:
    """A line of the table."""

    scenario: str
    rounds: int
    verdict: Verdict | None
    recovery: float
    stop: float
    restarts: int
    seconds: float
    text: str

    @property
    def holds(self) -> bool:
        return self.verdict is not None and self.verdict.holds


def play(scenario: Scenario, rounds: int, seed: int, folder: Path, console: Console) -> Row:
    """Run one scenario; whatever happens ends in its row."""
    folder.mkdir(parents=True)
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.monotonic()
    with (
        Progress(*bar, console=console, transient=True, disable=not console.is_terminal) as progress,
        brokers(scenario.nodes, folder / "kafka") as cluster,
    ):
        task = progress.add_task(scenario.name, total=rounds)
        trial = Trial(scenario.name, seed, rounds, cluster, folder, lambda done: progress.update(task, completed=done))
        verdict, text = None, ""
        try:
            scenario.play(trial)
            verdict = trial.verdict()
            text = verdict.text
        except Exception as error:  # noqa: BLE001 - a scenario that fails is a row that says so; the others go on
            text = f"{type(error).__name__}: {error}"
            (folder / "failure.txt").write_text(traceback.format_exc())
        finally:
            trial.close()
    workers = trial.workers
    (folder / "exits.txt").write_text("\n".join(workers.exits))
    row = Row(
        scenario.name,
        rounds,
        verdict,
        trial.watch.longest,
        workers.longest_stop,
        len(workers.exits),
        time.monotonic() - began,
        text,
    )
    if row.holds:
        shutil.rmtree(folder)
    console.print(f"{row.scenario}: {'ok' if row.holds else 'FAILED'} in {row.seconds:.0f} s", highlight=False)
    for line in workers.exits:
        console.print(f"  ended by itself: {line}", markup=False, highlight=False)
    return row


def table(rows: list[Row]) -> Table:
    """All of them, in a form that a Markdown page can take over."""
    result = Table(box=box.MARKDOWN)
    for name in ("scenario", "rounds", "mentions", "alerts", "lost", "doubled", "different"):
        result.add_column(name, justify="left" if name == "scenario" else "right")
    for name in ("longest recovery s", "longest stop s", "own exits", "result"):
        result.add_column(name, justify="right")
    for row in rows:
        found = row.verdict
        counts = (found.mentions, found.alerts, found.lost, found.doubled, found.different) if found else ("-",) * 5
        result.add_row(
            row.scenario,
            str(row.rounds),
            *map(str, counts),
            f"{row.recovery:.1f}",
            f"{row.stop:.1f}",
            str(row.restarts),
            "ok" if row.holds else "FAILED",
        )
    return result


@contextmanager
def brokers(count: int, folder: Path) -> Iterator[Cluster]:
    """One broker, or three that replicate to each other; stopped at the end."""
    if count == 1:
        with LocalKafka(folder, 0, properties=BROKER, jars=JARS) as kafka:
            yield Cluster([kafka])
        return
    nodes = three(folder)
    try:
        # A broker answers only when a majority is there, so they are started side by side.
        starting = [threading.Thread(target=node.start) for node in nodes]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        yield Cluster(nodes)
    finally:
        for node in nodes:
            node.kill()


def three(folder: Path) -> list[LocalKafka]:
    """Three nodes, each broker and controller, with replicas on all and two in sync asked for."""
    ports = free_ports(6)
    voters = ",".join(f"{n + 1}@127.0.0.1:{ports[n + 3]}" for n in range(3))
    shared = BROKER | {
        "controller.quorum.voters": voters,
        "default.replication.factor": "3",
        "min.insync.replicas": "2",
    }
    for name in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        shared[f"{name}.replication.factor"] = "3"
    shared["transaction.state.log.min.isr"] = shared["share.coordinator.state.topic.min.isr"] = "2"
    return [
        LocalKafka(folder / f"node-{n + 1}", ports[n], ports[n + 3], shared | {"node.id": str(n + 1)}, jars=JARS)
        for n in range(3)
    ]


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
