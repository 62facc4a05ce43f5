"""What does not open is counted once a stretch, and listed until an alert has carried it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.engine.engine import Engine
from pipeline.engine.episodes.budget import Spending
from pipeline.engine.episodes.episode import Episode, Rule, SuppressedOpening
from pipeline.engine.episodes.suppression import LISTED, Suppression
from schemas.alert import encode_alert
from schemas.observation import Observation
from tests.pipeline.engine.engine_runs import StateLog, latest
from tests.pipeline.engine.episodes.episode_steps import steps
from tests.pipeline.mention_streams import START

NO_BUDGET_LEFT = Rule("crisis", 4.0, 2.0, 6.0, 3, 5, "warning", 1e-9)


def spent() -> Episode:
    """An episode state whose budget is used up for good."""
    episode = Episode()
    episode.spending = Spending(1e6)
    return episode


def run(episode: Episode, scores: list[float], *, is_common: bool = False, rule: Rule = NO_BUDGET_LEFT) -> list[str]:
    """What each bucket brings: a transition, a reason or nothing."""
    return [
        "" if found is None else found.reason if isinstance(found, SuppressedOpening) else found.name
        for found in steps(episode, rule, scores, is_common=is_common)
    ]


def test_a_stretch_above_the_threshold_counts_once() -> None:
    assert run(spent(), [5.0, 5.0, 3.0, 5.0, 1.0, 1.0, 5.0]) == ["budget", *[""] * 6]


def test_a_second_stretch_counts_after_quiet_time_and_cool_down() -> None:
    """As if the first had been an episode: over three quiet buckets after its last loud one, then five more."""
    assert run(spent(), [5.0, *[0.0] * 7, 5.0]).count("budget") == 2
    assert run(spent(), [5.0, *[0.0] * 6, 5.0]).count("budget") == 1


def test_a_brand_that_is_not_visited_in_its_silence_counts_as_quiet() -> None:
    held = Suppression()
    assert held.hold("budget", bucket=0, score=5.0, quiet=3, cool_down=5)
    assert not held.hold("budget", bucket=2, score=5.0, quiet=3, cool_down=5)
    assert held.hold("budget", bucket=100, score=5.0, quiet=3, cool_down=5)


def test_what_the_cool_down_holds_back_is_counted_and_opens_when_it_is_over() -> None:
    rule = Rule("crisis", 4.0, 2.0, 6.0, 3, 5, "warning")
    scores = [5.0, 0.0, 0.0, 0.0, *[5.0] * 5]
    assert run(Episode(), scores, rule=rule) == ["opened", "", "", "resolved", "cool_down", "", "", "", "opened"]


def test_a_common_move_is_held_back_as_such() -> None:
    assert run(Episode(), [5.0, 5.0], is_common=True) == ["category", ""]


@given(st.lists(st.sampled_from([0.0, 3.0, 5.0, 9.0]), max_size=300), st.booleans())
def test_every_opening_that_the_threshold_asks_for_opens_or_is_counted(scores: list[float], has_budget: bool) -> None:
    """Never silent: whenever no episode is open and the score passes, something opens or is held back and counted."""
    episode = Episode() if has_budget else spent()
    loud_without_anything = [score >= NO_BUDGET_LEFT.threshold for score in scores]
    found = run(episode, scores)
    if any(loud_without_anything):
        first = loud_without_anything.index(True)
        assert found[first] == ("opened" if has_budget else "budget")
    held = sum(reason in {"budget", "cool_down"} for reason in found)
    suppression = episode.suppression or Suppression()
    assert suppression.count == held
    assert len(suppression.recent) == min(held, LISTED)


def test_what_an_alert_has_carried_is_not_carried_again() -> None:
    episode = spent()
    run(episode, [5.0])
    assert episode.suppression is not None
    episode.suppression.reported()
    assert (episode.suppression.count, episode.suppression.recent) == (0, ())


def wild_stream(days: int) -> list[Observation]:
    """One brand that has a short, fierce crisis every day; a quiet one beside it keeps time."""
    rows = []
    for bucket in range(days * 288):
        burst = bucket > 3 * 288 and bucket % 288 < 6
        rows.append(
            Observation(
                brand="acme",
                start=START + bucket * 300,
                mentions=60 if burst else 3,
                negatives=50.0 if burst else (0.0 if bucket % 2 else 1.0),
            )
        )
    return rows


def test_suppressed_openings_are_counted_and_listed_in_the_next_alert_of_the_brand() -> None:
    """What the metrics count is what the alerts list, but for what came after the last alert."""
    detection = DetectionConfig(crisis_alerts_per_brand_year=1.0, volume_surge_alerts_per_brand_year=1.0)
    engine = Engine(0, Config(ConfigFile(detection=detection)))
    engine.ingest_observations(wild_stream(25))
    engine.close_due()
    alerts = list(engine.take_outputs().alerts)
    carried = [alert.suppressed for alert in alerts if alert.suppressed]
    assert carried
    counted = sum(engine.stats.suppressed.values())
    assert engine.stats.suppressed["crisis", "budget"] > 0
    assert sum(one.count for one in carried) <= counted
    assert all(opening.score >= 3.78 for one in carried for opening in one.recent if opening.kind == "crisis")
    raised = [alert.score.threshold for alert in alerts if alert.kind == "crisis" and alert.transition == "opened"]
    assert raised[:3] == [3.78] * 3
    assert all(earlier <= later for earlier, later in pairwise(raised))


def test_what_is_suppressed_survives_a_restart() -> None:
    """Every day a new engine on the state of the last one: the same alerts."""
    detection = DetectionConfig(crisis_alerts_per_brand_year=1.0, cool_down_minutes=1800)
    config = Config(ConfigFile(detection=detection))
    rows = wild_stream(25)
    whole = Engine(0, config)
    whole.ingest_observations(rows)
    whole.close_due()
    expected = [encode_alert(record) for record in whole.take_outputs().alerts]
    got: list[bytes | None] = []
    log = StateLog()
    for day in range(25):
        engine = Engine(0, config)
        engine.restore(latest(log).items())
        engine.ingest_observations(rows[day * 288 : (day + 1) * 288])
        engine.close_due()
        got += [encode_alert(record) for record in engine.take_outputs().alerts]
        log += engine.snapshot()
    assert got == expected
    assert any(b'"suppressed"' in (value or b"") for value in got)
