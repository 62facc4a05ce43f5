"""Hold the locked requirements against a database of known vulnerabilities, by pip-audit.

Exit code 1 when a lock that is deployed contains a known vulnerability that requirements/audit-allowed.toml does not
allow. Where no database can be reached the audit is skipped, with its reason: a gate must not depend on the network.

    python .ci/audit.py PIP_AUDIT
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
LOCKS = {"runtime": True, "local": False, "dev": False, "build": False}
"""Whether a vulnerability in the lock fails the gate: only what is deployed does."""
SECONDS = 240


class SkippedError(Exception):
    """The audit could not be made; the message says why."""


def audited(tool: str, lock: Path) -> list[dict[str, Any]]:
    """What pip-audit found about each package of a lock file.

    Raises:
        SkippedError: it gave no report, or could ask nobody about any package.
    """
    command = [tool, "--requirement", str(lock), "--disable-pip", "--require-hashes", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise SkippedError(f"no answer in {SECONDS} s") from None
    except OSError as error:
        raise SkippedError(f"{tool}: {error.strerror}") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SkippedError(f"pip-audit gave no report: {last[:300]}") from None
    if all("skip_reason" in package for package in packages):
        raise SkippedError(f"the database answered about none of {len(packages)} packages")
    return list(packages)


def vulnerabilities(packages: Iterable[Mapping[str, Any]], allowed: Mapping[str, str]) -> list[str]:
    """Each known vulnerability that is not allowed, as one line."""
    return [
        f"{package['name']} {package['version']}: {found['id']}"
        f"{' (' + ', '.join(found['aliases']) + ')' if found.get('aliases') else ''}, "
        f"mended in {', '.join(found.get('fix_versions', ())) or 'no version yet'}"
        for package in packages
        for found in package.get("vulns", ())
        if not {found["id"], *found.get("aliases", ())} & allowed.keys()
    ]


def allowed_ids(path: Path) -> dict[str, str]:
    """Vulnerabilities that are allowed, by id, each with its reason.

    Raises:
        SystemExit: an entry gives no reason.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("allowed", {})
    for name, reason in entries.items():
        if not isinstance(reason, str) or not reason.strip():
            raise SystemExit(f"audit: {path.name}: allowed.{name}: expected a reason as text, got {reason!r}")
    return dict(entries)


def main(tool: str, requirements: Path = REQUIREMENTS) -> int:
    """Audit every lock; the exit code."""
    allowed = allowed_ids(requirements / "audit-allowed.toml")
    failed = False
    for name, binding in LOCKS.items():
        try:
            packages = audited(tool, requirements / f"{name}.lock")
        except SkippedError as reason:
            print(f"audit: {name}.lock: SKIPPED: {reason}")
            if not binding:
                continue
            print("audit: the other locks are not asked about")
            break
        unknown = sum("skip_reason" in package for package in packages)
        found = vulnerabilities(packages, allowed)
        print(f"audit: {name}.lock: {len(packages) - unknown} packages asked about, {unknown} not; {len(found)} found")
        for line in found:
            print(f"audit: {name}.lock: {line}")
        failed |= binding and bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
