"""What lies in the log: aborted transactions, disorder, poison, leaps of time. The worker is killed all along."""

from __future__ import annotations

import itertools
import time

from pipeline.kafka.clients import producer, topic_name
from tests.pipeline.mention_streams import mention
from tests.torture.traffic import Trouble, traffic
from tests.torture.trial import Trial


def transactional(trial: Trial) -> None:
    """A collector that publishes in transactions and aborts a third of them, beside one that does not."""
    trial.begin(1)
    source = traffic(trial.dice.randrange(1 << 32), Trouble(poison_every=20))
    for number in trial.each_round():
        options = {"transactional_id": f"{trial.name}-collector", "linger_ms": 5}
        with producer(trial.settings, **options) as client:
            client.init_transactions()
            for _ in range(10):
                client.begin_transaction()
                for key, value in itertools.islice(source, trial.dice.randint(1, 60)):
                    client.send(topic_name(trial.settings, "mentions"), value, key)
                client.flush()
                time.sleep(trial.dice.uniform(0, 0.3))
                if trial.dice.random() < 1 / 3:
                    client.abort_transaction()
                else:
                    client.commit_transaction()
        if number % 2:
            _kill(trial)


def disorder(trial: Trial) -> None:
    """A third of the mentions late, a fifth twice, every fifth followed by poison."""
    trial.begin(1, trouble=Trouble(late=0.33, twice=0.2, poison_every=5), rate=600)
    for _ in trial.each_round():
        trial.pause(2, 5)
        _kill(trial)


def clock_leaps(trial: Trial) -> None:
    """Event time leaps by minutes to days; some mentions lie in the future, at last one just within the tolerance."""
    trial.begin(1, trouble=Trouble(leap_every=700))
    topic = topic_name(trial.settings, "mentions")
    last = trial.rounds - 1
    for number in trial.each_round():
        trial.pause(2, 4)
        with producer(trial.settings) as client:
            for ahead in (3600, 86_400, 40 * 365 * 86_400):
                client.send(topic, mention(brand="brand-3", id=f"f{ahead}", at=time.time() + ahead), b"brand-3")
            if number == last:
                client.send(topic, mention(brand="brand-3", id="now", at=time.time() + 30), b"brand-3")
        _kill(trial)


def _kill(trial: Trial) -> None:
    trial.workers.kill("w0")
    trial.watch.fault()
    trial.workers.start("w0")
    trial.await_recovery()
