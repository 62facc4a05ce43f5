"""One event, however its texts are written and tagged, is one crisis; praise is none; odd mentions are taken."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest

from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.config.settings import Settings, child_environment
from pipeline.evaluation.recorded import MentionCounter
from pipeline.files.mentions import lines
from pipeline.replay import ReplayReport, replay_mentions
from schemas.alert import encode_alert
from schemas.mention import event_seconds, record_key
from tests.pipeline.mention_streams import START, mention

NOW = datetime(2027, 6, 1, tzinfo=UTC)
HOURS, STORM = 72, 66
SYLLABLES = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "bfgklmnpt"]
BAD = {
    "en": "this is a terrible scam, disgusting",
    "ja": "最悪。もう二度と買わない",
    "praise": "no complaints, no problem at all",
}


def stream(bad: str, write: Callable[[str], str] = str, lang: str | None = "en", calm: str = "") -> list[bytes]:
    """Three days of 20 mentions an hour, one in seven of them bad; then two hours of 250, four in five bad."""
    r = random.Random(7)
    times = sorted(START + r.random() * 3600 * HOURS for _ in range(20 * HOURS))
    times = sorted([*times, *(START + 3600 * (STORM + 2 * r.random()) for _ in range(500))])
    found = []
    for n, at in enumerate(times):
        storm = START + 3600 * STORM <= at < START + 3600 * (STORM + 2)
        words = calm or " ".join(r.choice(SYLLABLES) for _ in range(9))
        text = f"@acme {words} {bad}" if r.random() < (0.8 if storm else 0.14) else f"@acme {words}"
        author = {"id": f"u{n}", "followers": 10}
        found.append(mention(id=f"m{n}", text=write(text), at=at, lang=lang, author=author))
    return found


def html(text: str) -> str:
    handle, _, rest = text.partition(" ")
    name = handle.removeprefix("@")
    return (
        f'<p><span class="h-card" translate="no"><a href="https://social.example/@{name}" class="u-url mention">'
        f"@<span>{name}</span></a></span> {rest.replace('&', '&amp;')}</p>"
    )


def full_width(text: str) -> str:
    return text[:6] + "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter for letter in text[6:])


@cache
def replayed(name: str, copies: str = "count") -> ReplayReport:
    source = {
        "plain": lambda: stream(BAD["en"]),
        "html": lambda: stream(BAD["en"], html),
        "zero width": lambda: stream(BAD["en"], lambda text: text.replace("r", "r\u200b").replace(" ", "\u200b ")),
        "full width": lambda: stream(BAD["en"], full_width),
        "ja tagged ja": lambda: stream(BAD["ja"], lang="ja", calm="箱は青い。今日お店に行った"),
        "ja tagged en": lambda: stream(BAD["ja"], lang="en", calm="箱は青い。今日お店に行った"),
        "ja tagged jp": lambda: stream(BAD["ja"], lang="jp", calm="箱は青い。今日お店に行った"),
        "praise": lambda: stream(BAD["praise"]),
    }[name]()
    config = Config(ConfigFile(detection=DetectionConfig(copies=copies)))  # type: ignore[arg-type]
    return replay_mentions(source, config, partitions=1, now=NOW)


def crises(report: ReplayReport) -> list[str]:
    return [alert.transition for alert in report.alerts if alert.kind == "crisis"]


def figures(name: str) -> list[tuple[str, float, float, float]]:
    return [
        (alert.transition, alert.observed.mentions, alert.observed.negatives, alert.score.value)
        for alert in replayed(name).alerts
    ]


@pytest.mark.parametrize("copies", ["count", "story"])
def test_posts_in_html_give_the_alerts_of_their_words(copies: str) -> None:
    assert "opened" in crises(replayed("plain", copies))
    html_alerts, plain_alerts = (list(map(encode_alert, replayed(name, copies).alerts)) for name in ("html", "plain"))
    assert html_alerts == plain_alerts


@pytest.mark.parametrize("name", ["zero width", "full width"])
def test_words_cannot_be_hidden(name: str) -> None:
    assert figures(name) == figures("plain")


@pytest.mark.parametrize("name", ["ja tagged en", "ja tagged jp"])
def test_a_wrong_or_odd_tag_silences_no_script(name: str) -> None:
    assert "opened" in crises(replayed("ja tagged ja"))
    assert figures(name) == figures("ja tagged ja")


def test_praise_by_negation_is_no_crisis() -> None:
    assert not crises(replayed("praise"))


def test_the_time_zone_of_the_machine_reaches_no_alert(tmp_path: Path) -> None:
    """With TZ=right/UTC the C library counts leap seconds."""
    source = tmp_path / "mentions.jsonl"
    source.write_bytes(b"\n".join(stream(BAD["en"])))
    outputs = []
    for name in ("UTC", "right/UTC", "Asia/Kathmandu", "America/New_York"):
        command = [sys.executable, "-m", "pipeline", "replay", str(source), "--partitions", "1", "--alerts", "-"]
        environment = {**child_environment(Settings()), "TZ": name}
        outputs.append(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert outputs == outputs[:1] * 4
    assert b'"crisis"' in outputs[0]


ODD = [
    b"\xef\xbb\xbf" + mention(id="bom"),
    mention(id="half", text="cut emoji \ud83d here"),
    mention(id="leap").replace(b"T00:00:00", b"T23:59:60"),
    mention(id="long", text="x" * 12_000),
    mention(id="fields", reach=-1, url="u" * 3_000, lang="x" * 99, author={"id": "a", "followers": -5, "kind": "bot"}),
]


def test_odd_mentions_are_taken_by_all_that_read_mentions(tmp_path: Path) -> None:
    report = replay_mentions(ODD, Config(), partitions=4, now=NOW)
    assert (report.mentions, report.dead_letters) == (5, [])
    assert {field: count for field, count in report.fields_dropped.items() if count} == dict.fromkeys(
        ("text", "reach", "url", "lang", "author.followers", "author.kind"), 1
    )
    assert [record_key(line) for line in ODD] == [b"acme"] * 5
    assert None not in [event_seconds(line) for line in ODD]
    counter = MentionCounter()
    for line in ODD:
        counter.see(line)
    assert counter.recording().mentions.sum() == 5
    path = tmp_path / "mentions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(ODD[1:]))
    assert list(lines(str(path))) == ODD[1:]


def test_the_mentions_of_a_run_and_of_one_by_one_drop_the_same_fields() -> None:
    """Whether a mention comes among many or alone, it counts alike."""
    base = [mention(id=f"n{n}", at=START + n) for n in range(40)]
    mixed = [line for pair in zip(base, 8 * ODD, strict=True) for line in pair]
    together = replay_mentions(mixed, Config(), partitions=1, now=NOW)
    assert together.mentions == 80
    assert together.fields_dropped["text"] == 8
    assert json.loads(ODD[1])["text"] != msgspec.json.decode(base[0])["text"]
