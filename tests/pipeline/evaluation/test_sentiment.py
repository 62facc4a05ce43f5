"""`tocsin evaluate sentiment`: what labels teach the models, beside controls that know no text."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.cli.evaluate import command
from pipeline.errors import TocsinError
from pipeline.evaluation.sentiment import LabelledText, Measured, Row, auc, measure, read_labelled

CODE_WORDS = {-1.0: "blorp", 0.0: "quux", 1.0: "zumba"}
"""Words that no list knows: only labels can teach them."""


def text(number: int, sentiment: float, event_time: float | None = None) -> LabelledText:
    return LabelledText(f"{CODE_WORDS[sentiment]} on day {number}", "en", sentiment, event_time)


@cache
def measured() -> Measured:
    return measure(texts(1_200))["en"]


def texts(count: int) -> list[LabelledText]:
    return [text(number, (-1.0, 0.0, 1.0)[number % 3]) for number in range(count)]


def row(found: Measured, scorer: str, labels: int | None = None) -> Row:
    return next(one for one in found.rows if one.scorer == scorer and labels in {None, one.labels})


def mention(number: int, sentiment: float | None) -> bytes:
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=10 * number)
    fields = {
        "id": str(number),
        "brand": "acme",
        "text": f"{CODE_WORDS[sentiment or 0.0]} on day {number}",
        "event_time": at.isoformat().replace("+00:00", "Z"),
        "platform": "reddit",
        "lang": "en",
    }
    return json.dumps(fields | ({} if sentiment is None else {"sentiment": sentiment})).encode()


def test_words_that_only_labels_can_teach_are_worth_nothing_before_and_everything_after() -> None:
    found = measured()
    before, after = row(found, "Tocsin", 0), row(found, "Tocsin", 600)
    assert before.negative_rest is not None
    assert after.negative_rest is not None
    assert before.share_drawn is not None
    assert after.share_drawn is not None
    assert before.negative_rest.low <= 0.5 <= before.negative_rest.high
    assert after.negative_rest.value > 0.99
    assert after.share_drawn.low > 0.99
    assert before.share_drawn.value < 0.1
    assert after.brier.value < before.brier.value
    assert [one.labels for one in found.rows if one.scorer == "Tocsin"] == [0, 200, 600]


def test_controls_rank_nothing() -> None:
    found = measured()
    for scorer in ("always the base rate", "constant 0"):
        control = row(found, scorer)
        assert control.negative_rest is not None
        assert control.share_drawn is not None
        assert (control.negative_rest.value, control.share_drawn.value) == (0.5, 0.0)
    drawn = row(found, "random").negative_rest
    assert drawn is not None
    assert drawn.low < 0.5 < drawn.high
    assert abs(row(found, "always the base rate").bias) < 0.05


def test_the_same_texts_give_the_same_figures() -> None:
    one, other = (measure(texts(300))["en"] for _ in range(2))
    assert [(own.negative_rest, own.share_drawn, own.brier) for own in one.rows] == [
        (own.negative_rest, own.share_drawn, own.brier) for own in other.rows
    ]


def test_texts_with_a_time_are_never_learned_from_what_comes_later() -> None:
    """What "blorp" means is first said in the second half: nothing of it can be known."""
    plain = [text(number, 0.0, 60.0 * number) for number in range(300)]
    later = [text(number, (-1.0, 0.0)[number % 2], 60.0 * number) for number in range(300, 600)]
    found = measure(later + plain)["en"]
    assert row(found, "Tocsin", 300).held_out == 300
    assert row(found, "Tocsin", 300).negatives == 150
    assert row(found, "always the base rate").bias == pytest.approx(-0.5)
    assert set(row(found, "Tocsin", 0).share_in_time) == set()  # five hours: too few buckets for a figure


def test_shares_over_time_follow_the_labels_once_they_are_learned() -> None:
    rng = np.random.default_rng(1)
    stream = [
        text(number, -1.0 if rng.random() < (0.8 if number // 60 % 2 else 0.1) else 1.0, 60.0 * number)
        for number in range(3_000)
    ]
    found = measure(stream)["en"]
    assert row(found, "Tocsin", 1_500).share_in_time["1 h"].value > 0.99
    assert row(found, "constant 0").share_in_time["1 h"].value == 0.0


def test_a_figure_without_enough_texts_of_a_side_is_not_given() -> None:
    found = measure([text(number, 1.0) for number in range(100)])["en"]
    assert row(found, "Tocsin", 0).negative_rest is None
    assert row(found, "Tocsin", 0).share_drawn is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_auc_is_scikit_learns(pairs: list[tuple[bool, int]]) -> None:
    targets = np.array([target for target, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    if targets.all() or not targets.any():
        assert np.isnan(auc(targets, scores))
    else:
        assert auc(targets, scores) == pytest.approx(roc_auc_score(targets, scores))


def test_csv_and_mentions_are_read_and_mentions_without_sentiment_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('lang,text,label\nen,"one, two",neg\n,三,pos\n', encoding="utf-8")
    with gzip.open(tmp_path / "b.jsonl.gz", "wb") as file:
        file.write(mention(0, -1.0) + b"\n" + mention(1, None) + b"\n")
    found = read_labelled([str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl.gz")])
    assert [(one.text, one.lang, one.sentiment) for one in found] == [
        ("one, two", "en", -1.0), ("三", None, 1.0), ("blorp on day 0", "en", -1.0),
    ]  # fmt: skip
    assert found[2].event_time == datetime(2026, 3, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.csv", b"text,label\nx,neg\n", "a.csv:1: expected columns lang,text,label, got text,label"),
    ("a.csv", b"", "a.csv:1: expected columns lang,text,label, got nothing"),
    ("a.csv", b"lang,text,label\nen,x,bad\n", "a.csv:2: expected label neg, neu or pos, got 'bad'"),
    ("a.csv", b"lang,text,label\nen\n", "a.csv:2: expected label neg, neu or pos, got ''"),
    ("a.csv", b"lang,text,label\nen,\xff,neg\n", "a.csv: expected CSV in UTF-8"),
    ("a.csv", b"lang,text,label\n", "expected labelled texts, got none"),
    ("a.jsonl", b"{}\n", "a.jsonl:1: expected a mention"),
    ("a.jsonl", mention(1, None), "mentions count where they carry `sentiment`"),
])  # fmt: skip
def test_a_file_that_holds_no_labelled_texts_is_refused_with_its_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TocsinError) as error:
        read_labelled([str(tmp_path / name)])
    assert message in str(error.value)


def test_the_command_prints_a_table_and_writes_json_and_html(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    file.write_bytes(b"\n".join(mention(number, (-1.0, 0.0, 1.0)[number % 3]) for number in range(120)))
    result = CliRunner().invoke(command, ["sentiment", str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "always the base rate" in result.output
    document = json.loads((tmp_path / "out" / "sentiment.json").read_bytes())
    assert document["evaluation"] == "sentiment"
    assert {one["scorer"] for one in document["results"]["rows"]} == {
        "Tocsin", "always the base rate", "constant 0", "random",
    }  # fmt: skip
    page = (tmp_path / "out" / "sentiment.html").read_text("utf-8")
    assert "<svg" in page
    assert "true negative share" in page
    assert "<script" not in page
