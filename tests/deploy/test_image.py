"""The image: built from what the repository holds, pinned, and not run by root."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import PurePosixPath

from pipeline.config.settings import PREFIX, Settings
from tests.deploy.deployment import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
INSTRUCTIONS = [
    line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")
]


def arguments(instruction: str) -> list[str]:
    return [line[1] for line in INSTRUCTIONS if line[0] == instruction]


def copied() -> list[str]:
    return [source for line in arguments("COPY") if not line.startswith("--from") for source in line.split()[:-1]]


def test_what_is_copied_exists_and_is_in_the_context() -> None:
    """A COPY of a file that is absent or shut out by .dockerignore fails only when somebody builds."""
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(source == entry or fnmatch.fnmatch(source, entry + "/*") for entry in allowed), source


def test_the_packages_of_the_wheel_are_copied() -> None:
    """All that the wheel is built from is there, or the build would make an empty package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    needed |= {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    folders = [PurePosixPath(source) for source in copied()]
    for path in needed:
        assert any(PurePosixPath(path).is_relative_to(folder) for folder in folders), path


def test_everything_installed_is_pinned_by_hash() -> None:
    """pip gets locked requirements with hashes, or our own wheel without dependencies, and nothing else."""
    for command in re.findall(r"pip (?:install|wheel) [^&]*", DOCKERFILE):
        assert "--require-hashes" in command or "--no-deps" in command, command


def pins(lock: str) -> set[str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9_.-]+==\S+)", text, re.MULTILINE))


def test_the_build_tool_is_the_one_of_the_environment() -> None:
    """requirements/build.lock is the part of dev.lock that builds the wheel, with the same versions."""
    assert pins("build.lock") <= pins("dev.lock")
    assert any(pin.startswith("hatchling==") for pin in pins("build.lock"))
    assert "http" not in re.sub(r"# .*", "", (ROOT / "requirements" / "build.lock").read_text(encoding="utf-8"))


def test_it_runs_as_a_numeric_user_and_reports_its_health() -> None:
    """Not root in the last stage; the health check asks /healthz; the command is tocsin."""
    (user,) = arguments("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    (check,) = arguments("HEALTHCHECK")
    assert "/healthz" in check
    assert arguments("ENTRYPOINT") == ['["tocsin"]']
    assert DOCKERFILE.rindex("FROM ") < DOCKERFILE.index("\nUSER ")


def test_base_images_name_their_version() -> None:
    """The interpreter is the one that the tests run on."""
    assert {line.split()[0] for line in arguments("FROM")} == {"python:3.11-slim"}


def test_settings_in_the_image_are_known() -> None:
    """An unknown TOCSIN_ variable would stop every container of the image."""
    names = set(re.findall(rf"\b{PREFIX}([A-Z_]+)=", DOCKERFILE))
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)
