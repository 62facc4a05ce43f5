"""Earlier episodes in an alert: what both speak of is named, as it is kept."""

from __future__ import annotations

from pipeline.engine.alerts.earlier import similar
from pipeline.engine.episodes.past import PastEpisode, kept_term
from schemas.evidence import Evidence, Term


def test_a_term_too_long_to_be_kept_whole_is_shared_all_the_same():
    long = "発火したバッテリーの全数回収を求める署名活動"
    past = (PastEpisode("a" * 24, "acme", "crisis", "warning", 10, 20, terms=(kept_term(long), "strike")),)
    told = Evidence(terms=(Term(text=long, mentions=9, share=0.5, negative_share=1.0),))
    (found,) = similar(past, told, "acme", "crisis", "b" * 24)
    assert found.shared_terms == (kept_term(long),)
    assert kept_term(long) != long
