"""What is shipped: one distribution, all its data files, locked requirements."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "detectors", "pipeline")
PROJECT_FILE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PROJECT_FILE["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_provides_our_import_names(package):
    owners = importlib.metadata.packages_distributions().get(package, [])
    assert set(owners) <= {"tocsin"}, f"{package} is provided by {owners}"


@pytest.mark.parametrize("package", PACKAGES)
def test_our_import_names_come_from_this_tree(package):
    assert list(importlib.import_module(package).__path__) == [str(ROOT / package)]


def test_the_installed_version_is_that_of_the_project_file():
    assert importlib.metadata.version("tocsin") == PROJECT["version"]


def test_the_distribution_cannot_be_uploaded_by_mistake():
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]


def test_the_wheel_holds_every_file_of_the_three_packages_and_nothing_else(wheel):
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == expected


def test_the_data_files_of_the_wheel_are_those_of_this_tree(wheel):
    """What is read at run time: topics, schemas, lexicons."""
    files = [name for name in wheel.namelist() if ".dist-info/" not in name and not name.endswith(".py")]
    assert {"schemas/topics/mentions.yaml", "detectors/sentiment/lexicons/zh/words.txt"} <= set(files)
    assert [name for name in files if wheel.read(name) != (ROOT / name).read_bytes()] == []


def test_the_wheel_brings_the_console_script_and_the_licence(wheel):
    (scripts,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "tocsin = pipeline.__main__:main" in wheel.read(scripts).decode()
    assert any(name.endswith("/LICENSE") for name in wheel.namelist())


def pins(lock: Path) -> dict[str, list[str]]:
    """Every requirement of a lock file with its version, its marker and its hashes."""
    text = re.sub(r"\s*#.*", "", lock.read_text(encoding="utf-8"))
    found = {}
    for entry in text.replace("\\\n", " ").splitlines():
        if entry.strip():
            requirement, *hashes = (part.strip() for part in entry.split("--hash="))
            found[requirement] = hashes
    return found


def locked(lock: Path) -> dict[str, str]:
    """Exact version by canonical name."""
    versions: dict[str, str] = {}
    for entry in pins(lock):
        requirement = Requirement(entry)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{lock.name}: {entry} is not one version"
        versions[canonicalize_name(requirement.name)] = specifier.version
    return versions


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_locked_requirement_is_one_version_with_hashes(lock):
    assert locked(lock)
    for requirement, hashes in pins(lock).items():
        assert hashes, f"{lock.name}: {requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_no_lock_names_the_address_of_an_index(lock):
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--?(i|f|index-url|extra-index-url|find-links|trusted-host)\b", text, re.MULTILINE)


def test_the_runtime_lock_satisfies_what_the_project_asks_for():
    versions = locked(ROOT / "requirements" / "runtime.lock")
    for entry in PROJECT["dependencies"]:
        requirement = Requirement(entry)
        if requirement.marker is None or requirement.marker.evaluate():
            name = canonicalize_name(requirement.name)
            assert requirement.specifier.contains(versions[name]), f"{name} is locked at {versions[name]}"


def test_tests_run_on_the_versions_that_are_shipped():
    runtime, dev = (locked(ROOT / "requirements" / f"{name}.lock") for name in ("runtime", "dev"))
    assert runtime.items() <= dev.items()


@pytest.mark.parametrize("group", ["audit", "peers"])
def test_the_lock_of_an_environment_of_its_own_satisfies_its_group(group):
    versions = locked(ROOT / "requirements" / f"{group}.lock")
    for entry in PROJECT_FILE["dependency-groups"][group]:
        requirement = Requirement(entry)
        name = canonicalize_name(requirement.name)
        assert requirement.specifier.contains(versions[name]), f"{name} is locked at {versions[name]}"


def test_the_peers_of_the_benchmark_are_required_by_nothing_else_and_do_the_job_with_the_same_msgspec():
    peers = {canonicalize_name(Requirement(entry).name) for entry in PROJECT_FILE["dependency-groups"]["peers"]}
    dev, apart = (locked(ROOT / "requirements" / f"{name}.lock") for name in ("dev", "peers"))
    assert peers & dev.keys() == {"msgspec"}
    assert apart["msgspec"] == dev["msgspec"]
