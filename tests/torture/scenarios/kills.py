"""kill -9: of one worker, of one of three, of all, and at the moments that matter."""

from __future__ import annotations

import signal
import time

from tests.torture.faulty_worker import MOMENTS
from tests.torture.trial import Trial

LIFE = (0.3, 4.0)
"""Seconds that a worker is given: some die while they start or load, most in mid-work."""


def one(trial: Trial) -> None:
    """One worker has everything, and is killed again and again."""
    trial.begin(1)
    for number in trial.each_round():
        trial.pause(*LIFE)
        trial.workers.kill("w0")
        trial.watch.fault()
        trial.workers.start("w0")
        if number % 3 == 2:
            trial.await_recovery()  # also where a start takes longer than LIFE, some are killed at work
    trial.await_recovery()


def one_of_three(trial: Trial) -> None:
    """One of three, which comes back at once or after the others have taken over."""
    trial.begin(3)
    for number in trial.each_round():
        trial.pause(*LIFE)
        name = trial.dice.choice(trial.workers.running)
        trial.workers.kill(name)
        trial.watch.fault()
        if number % 8 == 7:
            trial.pause(7, 9)  # longer than the session: the others have taken over
        trial.workers.start(name)
        if number % 4 == 3:
            trial.await_recovery()
    trial.await_recovery()


def everyone(trial: Trial) -> None:
    """All three at once, as when a rack loses power; each comes back when it likes."""
    trial.begin(3)
    for number in trial.each_round():
        trial.pause(*LIFE)
        for name in trial.workers.running:
            trial.workers.kill(name)
        trial.watch.fault()
        names = trial.workers.running
        trial.dice.shuffle(names)
        for name in names:
            trial.pause(0, 0.5)
            trial.workers.start(name)
        if number % 3 == 2:
            trial.await_recovery()
    trial.await_recovery()


def at_moments(trial: Trial) -> None:
    """At the moments that a kill from outside hardly meets: see tests.torture.faulty_worker."""
    trial.begin(1)
    moments = list(MOMENTS)
    for number in trial.each_round():
        if number == 0:
            trial.workers.kill("w0")
        moment = moments[number % len(moments)]
        nth = trial.dice.randint(1, 4) if moment in {"fenced", "loading"} else trial.dice.randint(1, 12)
        program = ("tests.torture.faulty_worker", "--die-at", moment, "--nth", str(nth))
        worker = trial.workers.start("w0", program)
        deadline = time.monotonic() + 60
        while worker.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        code = worker.process.poll()
        trial.expect(code == -signal.SIGKILL, f"the worker to be killed when {MOMENTS[moment]}, got {code}")
        trial.watch.fault()
    trial.workers.start("w0")
    trial.await_recovery()
