"""The study of labels learns only from texts that it does not ask about, and in the order of the seed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pipeline.evaluation.sentiment import LabelledText
from studies.label_curve import curve, main


def labelled(count: int) -> list[LabelledText]:
    """Texts of invented words, of which one alone tells the negative ones."""
    return [
        LabelledText(
            f"the {'blorp' if number % 3 == 0 else 'quist'} number{number}", "en", -1.0 if number % 3 == 0 else 0.0
        )
        for number in range(count)
    ]


def test_labels_teach_what_the_prior_does_not_know() -> None:
    found = curve(labelled(800), seeds=2, folds=4)
    assert list(found) == [0, 500]
    assert found[0].shape == (2, 4)
    assert found[0].mean() == pytest.approx(0.5, abs=0.01)
    assert found[500].min() > 0.99


def test_a_line_is_printed_for_each_number_of_labels(tmp_path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f"en,{text.text},{'neg' if text.is_negative else 'neu'}\n" for text in labelled(60)]
    path.write_text("lang,text,label\n" + "".join(rows), encoding="utf-8")
    result = CliRunner().invoke(main, [str(path), "--seeds", "1", "--folds", "3"], catch_exceptions=False)
    assert result.output.splitlines()[1].split()[:4] == ["en", "60", "0", "0.500"]
