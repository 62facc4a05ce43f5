"""An episode whose every text is hostile: markup, scripts, formulas, links, escapes of a terminal, a megabyte."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from schemas.alert import Alert, Playbook, PlaybookStep
from schemas.evidence import Amplifier, Part, Post, Similar, Spread, Term, Trigger
from schemas.feedback import Feedback, new_feedback
from tests.pipeline.report.recorded import recorded

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg></title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "<https://evil.example> https://evil.example www.evil.example a@evil.example",
    "| a | b |\n|---|---|\n# heading\n```\ncode",
    '=HYPERLINK("https://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "-2+3",
    "\x1b[31mred\x1b]8;;https://evil.example\x07 \u202egnirts\u2066",
    "`code` *b* _i_ ~~s~~ $x$ \\[x\\]: https://evil.example",
    "1. list\n- item\n> quote\n\n***",
    "&lt;script&gt;&#60;b&#62;",
    "x" * 1_000_000,
)
ADDRESSES = (
    "javascript:alert(1)",
    'https://evil.example/"onmouseover=alert(1)',
    "https://evil.example/)<b>",
    "https://evil.example/a|b",
    "https://user:pass@evil.example/",
    "data:text/html,<script>alert(1)</script>",
    "https://good.example/post?id=1&x=2#y",
)
WEB_ADDRESSES = tuple(address for address in ADDRESSES if address.startswith("https"))


def _post(number: int, text: str) -> Post:
    alert = recorded()[0][0]
    return Post(
        id=text[:64],
        excerpt=text,
        platform=text[:300],
        author=text,
        lang=text[:35],
        event_time=alert.onset_time + timedelta(minutes=number),
        url=ADDRESSES[number % len(ADDRESSES)],
        followers=1000 * (number % len(ADDRESSES)) + 1,
    )


def _similar(text: str) -> Similar:
    time = recorded()[0][0].onset_time - timedelta(days=9)
    return Similar(
        episode_id=text,
        brand=text,
        kind=text,
        severity=text,
        onset_time=time,
        resolved_time=time,
        duration_minutes=5,
        shared_terms=EVIL,
    )


def alerts() -> list[Alert]:
    """The recorded episode with hostile evidence."""
    found = []
    for alert in recorded()[0]:
        posts = tuple(_post(number, text) for number, text in enumerate(EVIL))
        parts = tuple(
            Part(name=text, mentions=9, share=0.1, first_seen=alert.onset_time + timedelta(seconds=number))
            for number, text in enumerate(EVIL)
        )
        triggers = (
            Trigger(
                id="1",
                excerpt=EVIL[0],
                event_time=alert.onset_time,
                mentions=9,
                share=0.1,
                reason="copies",
                platform=EVIL[1],
                author=EVIL[7],
                url=ADDRESSES[0],
            ),
        )
        evidence = msgspec.structs.replace(
            alert.evidence,
            voices=posts,
            terms=tuple(Term(text=text, mentions=5, share=0.1, negative_share=0.5) for text in EVIL),
            spread=Spread(platforms=parts, languages=parts, first_news=posts[1]),
            amplifiers=tuple(Amplifier(author=text, platform=text, audience=9, posts=1) for text in EVIL),
            triggers=triggers,
            emotions={EVIL[0]: 0.5, "anger": 0.5},
            similar=tuple(_similar(text) for text in EVIL),
        )
        cause = None if evidence.cause is None else msgspec.structs.replace(evidence.cause, name=EVIL[1])
        found.append(
            msgspec.structs.replace(
                alert,
                playbook=Playbook(owner=EVIL[0], steps=tuple(PlaybookStep(id=text, text=text) for text in EVIL)),
                evidence=msgspec.structs.replace(evidence, cause=cause),
                changes=(EVIL[0], EVIL[6]),
            )
        )
    return found


def feedback() -> list[Feedback]:
    """Hostile words of people who may write to the topic."""
    first = recorded()[0][0]
    return [
        new_feedback(
            first,
            kind,
            author=text[:100],
            note=text[:2000],
            time=first.detected_time + timedelta(minutes=number),
            url=WEB_ADDRESSES[number % len(WEB_ADDRESSES)],
        )
        for kind in ("note", "answer", "acknowledged")
        for number, text in enumerate(EVIL)
    ] + [new_feedback(first, "step", author=EVIL[1], time=first.detected_time, step="one", note=EVIL[0])]
