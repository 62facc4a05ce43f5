"""Lines of an alert in three languages: the same facts in each, and no English left between them."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from pipeline.cli.alert_text import alert_lines
from pipeline.cli.alert_wordings import LINES, authors_in, duration_in, mentions_in
from schemas.alert import decode_alert

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "alert" / "v1" / "valid"


def fields(template: str) -> list[str]:
    return sorted(part[1] for part in string.Formatter().parse(template) if part[1] is not None)


@pytest.mark.parametrize("language", LINES)
def test_every_language_says_the_same_with_the_same_facts(language):
    assert LINES[language].keys() == LINES["en"].keys()
    for name, template in LINES[language].items():
        assert fields(template) == fields(LINES["en"][name]), name


@pytest.mark.parametrize("language", ["zh", "ja"])
@pytest.mark.parametrize("name", ["full", "stories", "crisis-resolved", "suppressed-before"])
def test_no_english_is_left_between_the_facts(language, name):
    alert = decode_alert((EXAMPLES / f"{name}.json").read_bytes())
    text = "\n".join(alert_lines(alert, language))
    english = set(re.findall(r"[a-z]+", " ".join(LINES["en"].values()))) - {"by", "and"}
    quoted = re.sub(r"“[^”]*”|「[^」]*」|\"[^\"]*\"|\S*[@/:]\S*|\([^)]*\)", " ", text)
    assert not set(re.findall(r"\b[a-z]{4,}\b", quoted)) & english


def test_numbers_have_their_units():
    assert [mentions_in("1", language) for language in LINES] == ["1 mention", "1 条提及", "1 件の言及"]
    assert [authors_in("2", language) for language in LINES] == ["2 authors", "2 位作者", "投稿者 2 人"]
    assert [duration_in(90, language) for language in LINES] == ["1 h 30 min", "1 小时 30 分钟", "1 時間 30 分"]
    assert duration_in(0, "en") == "0 min"
