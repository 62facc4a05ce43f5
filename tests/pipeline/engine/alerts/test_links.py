"""Links of an alert: every field of a template is filled in, and nothing a post says can change the address."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from pipeline.config.links import LINK_FIELDS
from pipeline.engine.alerts.links import links_of
from schemas.alert import MAX_LINK_CHARACTERS, decode_alert
from schemas.evidence import Term
from tests.schemas.contracts import examples

ALERT = msgspec.structs.replace(
    decode_alert(examples("alert", "valid")[0].read_bytes()),
    brand="acme",
    onset_time=datetime(2026, 3, 1, 12, tzinfo=UTC),
    detected_time=datetime(2026, 3, 1, 12, 35, tzinfo=UTC),
)


def saying(text: str):
    evidence = msgspec.structs.replace(ALERT.evidence, terms=(Term(text=text, mentions=1, share=1, negative_share=1),))
    return msgspec.structs.replace(ALERT, evidence=evidence)


def test_every_field_of_a_template_is_filled_in():
    template = "https://hub.example/?" + "&".join(f"{field}={{{field}}}" for field in LINK_FIELDS)
    asked = parse_qs(urlsplit(links_of(saying("caught fire"), {"all": template}, "Acme & Söhne")["all"]).query)
    assert asked["name"] == ["Acme & Söhne"]
    assert asked["term"] == ["caught fire"]
    assert (asked["onset"], asked["detected"]) == (["2026-03-01T12:00:00Z"], ["2026-03-01T12:35:00Z"])
    assert int(asked["to_ms"][0]) - int(asked["from_ms"][0]) == (60 + 35) * 60_000
    assert asked["episode_id"] == [ALERT.episode_id]


@pytest.mark.parametrize("term", ["/../../admin", "?x=1#y", "a&b=c", "{brand}", "\u202e\x00 é", "javascript:alert(1)"])
def test_nothing_a_post_says_can_change_the_address(term):
    address = links_of(saying(term), {"search": "https://x.example/find/{term}?live=1"}, "acme")["search"]
    parts = urlsplit(address)
    assert (parts.netloc, parts.query, parts.path.count("/")) == ("x.example", "live=1", 2)
    assert address.isascii()


def test_without_terms_the_name_stands_in_and_an_address_that_is_too_long_is_left_out():
    bare = msgspec.structs.replace(ALERT, evidence=msgspec.structs.replace(ALERT.evidence, terms=()))
    long = "https://x.example/" + "{name}" * 60
    assert links_of(bare, {"search": "https://x.example/{term}", "long": long}, "顶点") == {
        "search": "https://x.example/%E9%A1%B6%E7%82%B9"
    }
    assert len(long.replace("{name}", "%E9%A1%B6%E7%82%B9")) > MAX_LINK_CHARACTERS
