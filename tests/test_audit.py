"""The audit of the locks turns the gate red for a known vulnerability of what is deployed, and for nothing else."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CLEAN = {"name": "click", "version": "8.1", "vulns": []}
BAD = {
    "name": "aiohttp",
    "version": "3.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.1"], "description": "x"}],
}
UNKNOWN = {"name": "river", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    specification = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def run(audit, tmp_path, capsys):
    """The audit with a pip-audit that reports so for each lock; exit code and output."""

    def run(reports: dict[str, Any], allowed: str = "") -> tuple[int, str]:
        (tmp_path / "audit-allowed.toml").write_text(f"[allowed]\n{allowed}\n")
        for name in audit.LOCKS:
            (tmp_path / f"{name}.json").write_text(json.dumps({"dependencies": reports.get(name, [CLEAN])}))
        tool = tmp_path / "pip-audit"
        tool.write_text('#!/bin/sh\ncat "${2%.lock}.json"\n')
        tool.chmod(0o755)
        code = audit.main(str(tool), tmp_path)
        return code, capsys.readouterr().out

    return run


def test_a_vulnerability_of_what_is_deployed_is_red_and_named(run):
    code, out = run({"runtime": [CLEAN, BAD]})
    assert code == 1
    assert "audit: runtime.lock: aiohttp 3.0: PYSEC-1 (CVE-1), mended in 3.1" in out


@pytest.mark.parametrize("lock", ["local", "dev", "build"])
def test_one_of_a_development_tool_is_told_only(run, lock):
    code, out = run({lock: [BAD]})
    assert code == 0
    assert f"audit: {lock}.lock: aiohttp 3.0: PYSEC-1" in out


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_one_that_is_allowed_with_a_reason_is_passed_over(run, name):
    assert run({"runtime": [BAD]}, f'"{name}" = "only the server is concerned"')[0] == 0


def test_an_allowance_without_a_reason_is_refused(run):
    with pytest.raises(SystemExit, match=r"allowed\.PYSEC-1: expected a reason"):
        run({}, '"PYSEC-1" = " "')


def test_a_database_that_knows_nothing_skips_the_audit_with_a_reason(run):
    code, out = run({"runtime": [UNKNOWN]})
    assert code == 0
    assert "audit: runtime.lock: SKIPPED: the database answered about none of 1 packages" in out


def test_packages_it_does_not_know_do_not_hide_the_others(run):
    assert run({"runtime": [UNKNOWN, BAD]})[0] == 1


@pytest.mark.parametrize(
    ("program", "words"), [("echo trouble >&2; exit 1", "trouble"), ("echo '[]'", "it said nothing"), (None, "No such")]
)
def test_without_a_report_the_audit_is_skipped_with_a_reason(audit, tmp_path, capsys, program, words):
    (tmp_path / "audit-allowed.toml").write_text("")
    tool = tmp_path / "pip-audit"
    if program:
        tool.write_text(f"#!/bin/sh\n{program}\n")
        tool.chmod(0o755)
    assert audit.main(str(tool), tmp_path) == 0
    out = capsys.readouterr().out
    assert "SKIPPED" in out
    assert words in out


def test_the_allowances_of_this_repository_all_have_a_reason(audit):
    assert all(audit.allowed_ids(ROOT / "requirements" / "audit-allowed.toml").values())
