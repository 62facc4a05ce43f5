"""The playbook of an alert: what is configured for its case, with drafts that are filled in and harmless."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from pipeline.config.playbooks import PlaybookConfig, PlaybookStep
from pipeline.engine.alerts.playbook import filled_drafts, playbook_of
from schemas.alert import decode_alert
from schemas.evidence import Term
from tests.schemas.contracts import examples

CONFIGURED = PlaybookConfig(
    owner="duty",
    inform={"critical": ("board",)},
    steps=(PlaybookStep(id="verify-facts", text="Ask."),),
    drafts={"en": "{name}: {mentions} people speak of {term} since {since} ({brand}, {cause})."},
)
ALERT = decode_alert(examples("alert", "valid")[0].read_bytes())


def test_who_else_is_told_depends_on_the_severity():
    by = datetime(2026, 3, 1, 13, tzinfo=UTC)
    warning, critical = playbook_of(CONFIGURED, "warning", by), playbook_of(CONFIGURED, "critical", None)
    assert warning is not None
    assert critical is not None
    assert (warning.inform, warning.respond_by) == ((), by)
    assert (critical.inform, critical.respond_by) == (("board",), None)
    assert [(step.id, step.text) for step in critical.steps] == [("verify-facts", "Ask.")]
    assert playbook_of(None, "critical", by) is None


def test_a_draft_is_filled_in_and_what_posts_say_stays_text():
    hostile = Term(text="{owner} \x1b[31m\u202e<b>", mentions=1, share=1, negative_share=1)
    alert = msgspec.structs.replace(
        ALERT,
        playbook=playbook_of(CONFIGURED, "critical", None),
        evidence=msgspec.structs.replace(ALERT.evidence, terms=(hostile,), cause=None),
        since_onset=None,
    )
    (text,) = filled_drafts(alert, "Acme").values()
    assert text.startswith(f"Acme: {ALERT.observed.mentions:,.0f} people speak of {{owner}} ")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert f"({ALERT.brand}, )" in text
