"""Workers that come, go, and come back from the dead."""

from __future__ import annotations

import signal
import time

from tests.torture.trial import SESSION_SECONDS, Trial
from tests.torture.workers import DYNAMIC, PRODUCT, last_line


def up_and_down(trial: Trial) -> None:
    """One worker, three, and one again."""
    trial.begin(1)
    for _ in trial.each_round():
        for name in sorted({"w0", "w1", "w2"} - set(trial.workers.running)):
            trial.watch.fault()
            trial.workers.start(name)
            trial.pause(0, 2)
        trial.await_balanced()
        trial.pause(0.5, 2)
        for name in trial.dice.sample(trial.workers.running, 3)[:2]:
            trial.watch.fault()
            trial.workers.stop(name)
            trial.pause(0, 2)
        trial.await_balanced()
        trial.await_recovery()


def rolling(trial: Trial) -> None:
    """Three workers are restarted one after the other, by SIGTERM, as a deployment does."""
    _roll(trial, PRODUCT)


def rolling_without_static_membership(trial: Trial) -> None:
    """The same with workers that leave the group and join it as somebody new."""
    _roll(trial, DYNAMIC)


def _roll(trial: Trial, program: tuple[str, ...]) -> None:
    trial.begin(3, program)
    for _ in trial.each_round():
        for name in trial.workers.running:
            trial.pause(0, 2)
            trial.watch.fault()
            trial.workers.stop(name)
            trial.workers.start(name, program)
            if trial.dice.random() < 0.7:
                trial.await_recovery()
    trial.await_balanced()
    trial.await_recovery()


def zombie(trial: Trial) -> None:
    """A worker is frozen past its session, others take over, it wakes up: it must end and write nothing."""
    trial.begin(2)
    for _ in trial.each_round():
        trial.await_balanced()
        trial.pause(0.5, 3)
        name = trial.dice.choice(trial.workers.running)
        frozen = trial.workers[name]
        frozen.send(signal.SIGSTOP)
        trial.watch.fault()
        trial.workers.forget(name)
        try:
            trial.await_balanced(SESSION_SECONDS + 30)
            trial.await_recovery()
            trial.pause(0, 2)
        finally:
            frozen.send(signal.SIGCONT)
        code = frozen.await_end(30)
        errors = frozen.errors
        trial.expect(
            code == 1 and len(errors) == 1 and "another worker has taken this partition over" in last_line(frozen),
            f"the zombie to end with code 1 and one line, got {code}: {errors}",
        )
        time.sleep(0.1)
        trial.watch.fault()
        trial.workers.start(name)
