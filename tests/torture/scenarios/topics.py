"""Topics that refuse what a worker has to write."""

from __future__ import annotations

from pipeline.kafka.clients import admin, topic_name
from pipeline.kafka.topics import apply_topics
from pipeline.telemetry.logs import FATAL
from tests.integration.worker_process import WorkerProcess, oracle, outcome, read
from tests.torture.trial import Trial
from tests.torture.workers import last_line


def refuses(trial: Trial) -> None:
    """alerts, then the dead letters take no record any more; the worker says so and goes on when they do."""
    trial.begin(1)
    for number in trial.each_round():
        name = ("alerts", "mentions-dlq")[number % 2]
        trial.pause(1, 3)
        trial.configure(name, **{"max.message.bytes": "100"})
        _ends_saying(trial, topic_name(trial.settings, name))
        trial.configure(name, **{"max.message.bytes": "2097152"})
        trial.watch.fault()
        trial.workers.start("w0")
        trial.await_recovery()


def alerts_deleted(trial: Trial) -> None:
    """The alerts topic is deleted in mid-stream: the worker ends with one line; alerts go on in the new topic."""
    trial.begin(1)
    for _ in trial.each_round():
        trial.pause(5, 8)
        with admin(trial.settings) as client:
            client.delete_topics([topic_name(trial.settings, "alerts")])
        worker = _ends_saying(trial, topic_name(trial.settings, "alerts"))
        worker.start()
        code = worker.await_end(30)
        trial.expect(
            code == 1 and "tocsin topics apply" in last_line(worker),
            f"a start without the topic to be refused with the way out, got {code}: {last_line(worker)}",
        )
        apply_topics(trial.settings)
        trial.watch.fault()
        trial.workers.start("w0")
        trial.await_recovery()
    trial.quiet()
    # What was on the deleted topic is gone with it: the rest must follow without a hole.
    log = read(trial.settings, "mentions")
    want, got = oracle(trial.settings, log=log).alerts, outcome(trial.settings).alerts
    trial.missing = {number: alerts[: len(alerts) - len(got[number])] for number, alerts in want.items()}


def _ends_saying(trial: Trial, words: str) -> WorkerProcess:
    worker = trial.workers["w0"]
    code = worker.await_end(90)
    errors = [FATAL + error for error in worker.errors]
    trial.expect(
        code == 1 and errors == [last_line(worker)] and words in errors[0],
        f"the worker to end with code 1 and one line that names {words}, got {code}: {errors}",
    )
    return worker
