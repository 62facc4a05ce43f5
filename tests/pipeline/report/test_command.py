"""`tocsin report` over files: what is asked for, what it is written to, and what it says when that cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from click import UsageError
from click.testing import CliRunner, Result

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings, child_environment
from pipeline.report.compose import encode_review, review
from schemas.alert import encode_alert
from schemas.feedback import encode_feedback
from tests.pipeline.report.recorded import changed, lines, recorded, said, write

ALERTS, ACTIVITY = recorded()
EPISODE = ALERTS[0].episode_id
ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in a folder of its own over the recorded material."""
    files = write(tmp_path)
    monkeypatch.chdir(tmp_path)

    def report(*arguments: str) -> Result:
        return CliRunner().invoke(tocsin, ["report", *arguments, *files], catch_exceptions=False, standalone_mode=False)

    return report


def error_of(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "report", *arguments],
        cwd=ROOT,
        env=child_environment(Settings()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_json_is_the_review_of_the_material_with_its_audit_trail(run):
    result = run(EPISODE, "--format", "json")
    plain = json.loads(encode_review(review(ALERTS, ACTIVITY, said(ALERTS[0]))))
    shown = json.loads(result.stdout)
    trail = shown.pop("trail")
    assert plain.pop("trail") != trail
    assert shown == plain
    assert [record["source"] for record in trail["records"]].count("feedback.jsonl") == len(said(ALERTS[0]))


def test_six_digits_of_the_id_are_enough_and_a_page_goes_into_a_file_of_its_name(run, tmp_path):
    result = run(EPISODE[:6])
    page = tmp_path / f"report-{EPISODE}.html"
    assert (result.stdout, result.stderr) == ("", f"wrote {page.name}\n")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>\n<html lang")


def test_a_file_that_exists_is_overwritten_only_by_force(run, tmp_path):
    page = tmp_path / "mine.md"
    page.write_text("my notes")
    with pytest.raises(Exception, match=r"mine\.md: expected a file that does not exist yet; --force overwrites it"):
        run(EPISODE, "--out", "mine.md")
    assert page.read_text() == "my notes"
    assert run(EPISODE, "--out", "mine.md", "--force").return_value == 0
    assert page.read_text(encoding="utf-8").startswith("# Incident review")


def test_the_form_is_that_of_the_file_s_name_or_of_the_option(run, tmp_path):
    run(EPISODE, "--out", "a.json")
    json.loads((tmp_path / "a.json").read_bytes())
    run(EPISODE, "--out", "b.txt", "--format", "markdown", "--lang", "ja")
    assert (tmp_path / "b.txt").read_text(encoding="utf-8").startswith("# インシデントレビュー：")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ("--out", "r.pdf"),
            "--out r.pdf: expected a name that ends in .html, .htm, .json, .md, .markdown, .txt; write an",
        ),
        (("--out", "r.PDF", "--format", "html"), "--format html expected .* .html, .htm; write .* print it to PDF"),
        (("--out", "r.json", "--format", "html"), "ends in .html, .htm; leave --format out, or give --format json"),
        (("--out", "r.docx", "--format", "markdown"), "ends in .md, .markdown, .txt; change the ending"),
    ],
)
def test_a_name_whose_ending_does_not_fit_the_form_is_refused_and_nothing_is_written(run, tmp_path, arguments, why):
    before = set(tmp_path.iterdir())
    with pytest.raises(UsageError, match=why):
        run(EPISODE, *arguments)
    assert set(tmp_path.iterdir()) == before


def test_a_name_without_an_ending_takes_any_form(run, tmp_path):
    run(EPISODE, "--out", "mine", "--format", "json")
    assert json.loads((tmp_path / "mine").read_bytes())["episode_id"] == EPISODE


@pytest.mark.parametrize("given", ["environment", "option"])
def test_the_configuration_says_what_people_call_the_brand(run, tmp_path, monkeypatch, given):
    (tmp_path / "names.toml").write_text('[brands.acme.names]\nen = "Acme Kettles"\nja = "アクメ"\n', encoding="utf-8")
    options = ("--config", "names.toml") if given == "option" else ()
    if given == "environment":
        monkeypatch.setenv("TOCSIN_CONFIG", str(tmp_path / "names.toml"))
    for language, name in (("en", "Crisis about Acme Kettles"), ("ja", "アクメ で炎上"), ("zh", "acme 舆情危机")):
        title = run(EPISODE, "--format", "markdown", "--lang", language, *options).stdout.splitlines()[0]
        assert name in title


def test_a_brand_gives_a_section_for_every_episode_of_the_time(run, tmp_path):
    second = [changed(one, episode_id="a" * 24, id=f"{n:024x}") for n, one in enumerate(ALERTS)]
    with (tmp_path / "alerts.jsonl").open("ab") as stream:
        stream.writelines(encode_alert(one) + b"\n" for one in second)
    both = json.loads(run("--brand", "acme", "--format", "json").stdout)
    assert sorted(one["episode_id"] for one in both["reviews"]) == sorted([EPISODE, "a" * 24])
    run("--brand", "acme", "--since", "2026-01-01", "--kind", "crisis")
    page = (tmp_path / "report-acme.html").read_text(encoding="utf-8")
    assert page.count("<article ") == 2
    with pytest.raises(Exception, match="expected an episode of acme in that time, got none; it has "):
        run("--brand", "acme", "--since", "2026-06-01")


def test_recorded_mentions_tell_which_settings_would_have_rung_earlier(run, tmp_path):
    (tmp_path / "mentions.jsonl").write_bytes(b"\n".join(lines()))
    found = json.loads(run(EPISODE, "--format", "json", "--input", "mentions.jsonl", "--partitions", "1").stdout)
    configured, *looser = found["settings"]
    assert (configured["key"], configured["value"]) == ("false_alarms_per_brand_year", 1.0)
    assert configured["opened"] == found["opened"]
    assert [one["value"] for one in looser] == [4.0, 12.0]
    assert all(one["minutes_earlier"] >= 0 for one in looser)
    assert looser[-1]["minutes_earlier"] > 0


def test_the_trail_is_exported_with_the_bytes_of_every_record(run, tmp_path):
    run(EPISODE, "--out", "report.json", "--trail", "trail.jsonl")
    told = json.loads((tmp_path / "report.json").read_bytes())["trail"]["records"]
    kept = list(map(json.loads, (tmp_path / "trail.jsonl").read_bytes().splitlines()))
    assert [{name: value for name, value in one.items() if name != "value"} for one in kept] == told
    values = {one["value"].encode() for one in kept}
    assert values == {*map(encode_alert, ALERTS), *map(encode_feedback, said(ALERTS[0]))}
    assert {sha256(value).hexdigest() for value in values} == {one["sha256"] for one in told}


def test_what_cannot_be_read_is_said_and_the_rest_is_reported(run, tmp_path):
    (tmp_path / "feedback.jsonl").write_bytes((tmp_path / "feedback.jsonl").read_bytes() + b'{"version":1}\n')
    result = run(EPISODE, "--format", "json")
    assert result.return_value == 1
    assert "feedback.jsonl:6: expected feedback of version 1: " in result.stderr
    assert result.stderr.endswith("tocsin: 1 record could not be read\n")
    assert len(json.loads(result.stdout)["trail"]["records"]) == len(ALERTS) + len(said(ALERTS[0]))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "expected EPISODE or --brand BRAND, got neither"),
        ((EPISODE, "--brand", "acme"), 2, "got both"),
        (("xyz",), 2, "expected 6 to 64 hexadecimal digits, got 'xyz'"),
        ((EPISODE, "--since", "2h"), 2, "--since, --until and --kind are for --brand"),
        ((EPISODE, "--activity", "a.jsonl"), 2, "expected --alerts FILE too"),
        ((EPISODE, "--alerts", "/nowhere.jsonl"), 1, "/nowhere.jsonl: expected a file that can be read"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_line(arguments, code, message):
    found, error = error_of(*arguments)
    assert found == code
    assert message in error
    assert "Traceback" not in error


def test_an_unknown_episode_is_answered_with_the_nearest(tmp_path):
    write(tmp_path)
    code, error = error_of("abcdef", "--alerts", str(tmp_path / "alerts.jsonl"))
    assert code == 1
    assert error.count("\n") == 1
    assert (
        f"expected an episode that alerts tell of, got 'abcdef'; the nearest of 1: {EPISODE} (crisis of acme" in error
    )


def test_digits_that_several_episodes_begin_with_are_answered_with_these(tmp_path):
    write(tmp_path)
    twin = EPISODE[:8] + "0" * 16
    with (tmp_path / "alerts.jsonl").open("ab") as stream:
        stream.write(encode_alert(changed(ALERTS[0], id="e" * 32, episode_id=twin)) + b"\n")
    code, error = error_of(EPISODE[:6], "--alerts", str(tmp_path / "alerts.jsonl"))
    assert code == 1
    assert f"with which 2 begin: {twin} (crisis of acme" in error
    assert EPISODE in error


def test_hash_seed_locale_time_zone_and_own_fonts_change_no_byte(tmp_path):
    files = write(tmp_path)
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.grid: False\nsvg.fonttype: path\n")
    outputs = []
    for environment in (
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        {
            "PYTHONHASHSEED": "7",
            "TZ": "Asia/Kathmandu",
            "LC_ALL": "ja_JP.UTF-8",
            "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        },
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "report", EPISODE, *files, "--out", "-", "--lang", "ja"],
            cwd=ROOT,
            env={**child_environment(Settings()), **environment},
            capture_output=True,
            check=True,
        )
        outputs.append((done.stdout, done.stderr))
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == b""
    assert b"<svg role" in outputs[0][0]
