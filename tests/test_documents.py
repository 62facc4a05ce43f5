"""The documents say what the code says, name what exists, and stay short.

Tables between markers are generated: `python -m tests.test_documents` writes them.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from pipeline.cli.main import tocsin
from pipeline.config import load, playbooks
from pipeline.config import model as config
from pipeline.config.settings import PREFIX, Settings
from schemas.alert import alert_headers, decode_alert
from schemas.catalogue import topics
from schemas.documents import json_schema, latest_version
from schemas.rejection import Reason

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
CONTRACTS = (DOCS / "contracts.md").read_text(encoding="utf-8")
MARKED = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)

GENERATED = [DOCS / "configuration.md", DOCS / "contracts.md", ROOT / "ARCHITECTURE.md"]
HAND_WRITTEN = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *(ROOT / name for name in ("benchmarks/README.md", "deploy/README.md")),
    *sorted(path for path in DOCS.rglob("*.md") if path.name != "metrics.md"),
]
DOCUMENTS = [*HAND_WRITTEN, DOCS / "metrics.md", *sorted((ROOT / "deploy" / "runbooks").glob("*.md"))]
MAX_WORDS = 24_500
MAX_README_WORDS = 900

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "engine": config.EngineConfig,
    "sentiment": config.SentimentConfig,
    "worker": config.WorkerConfig,
    "detection": config.DetectionConfig,
    "playbook": playbooks.PlaybookSection,
}


def meanings(owner: type) -> dict[str, str]:
    """The text under each field or member of a class, as one line."""
    (definition,) = ast.parse(inspect.getsource(owner)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        target = (
            field.target
            if isinstance(field, ast.AnnAssign)
            else field.targets[0]
            if isinstance(field, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[target.id] = " ".join(str(text.value.value).split())
    return found


def allowed(rule: dict[str, Any]) -> str:
    """Legal values from a JSON Schema, in words."""
    options = [option for option in rule.get("anyOf", [rule]) if option.get("type") != "null"]
    (rule,) = [option for option in options if option.get("format") != "password"] or options[:1]
    if "enum" in rule or "const" in rule:
        return ", ".join(map(str, rule.get("enum") or [rule["const"]]))
    if rule.get("format") == "date-time":
        return "RFC 3339 with an offset"
    if rule.get("type") in {"number", "integer"} and not {"minimum", "exclusiveMinimum"} & set(rule):
        return str(rule["type"])
    if "minimum" in rule or "exclusiveMinimum" in rule:
        low = f"{rule['minimum']:,}" if "minimum" in rule else f"above {rule['exclusiveMinimum']:,}"
        return f"{low} to {rule['maximum']:,}" if "maximum" in rule else f"{low} and more"
    return allowed_of_another_type(rule)


def allowed_of_another_type(rule: dict[str, Any]) -> str:
    """`allowed` of what is neither one of a list nor a number."""
    if rule.get("type") == "boolean":
        return "true, false"
    if "pattern" in rule:
        return f"`{rule['pattern']}`"
    if rule.get("type") == "object":
        return f"table: name = {allowed(rule['additionalProperties'])}"
    if rule.get("type") == "array":
        return "list of tables" if "$ref" in rule["items"] else f"list of {allowed(rule['items'])}"
    if "maxLength" in rule:
        return f"text of {rule.get('minLength', 0)} to {rule['maxLength']} characters"
    return "path" if rule.get("format") == "path" else "text"


def shown(value: Any) -> str:
    """A default as it is written in the file or the environment."""
    if value == {}:
        return "empty table"
    if value is None or value is msgspec.NODEFAULT:
        return "none" if value is None else "must be given"
    if value == ():
        return "empty list"
    if value == "":
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def keys_table() -> list[str]:
    rows = ["| key | meaning | legal values | default |", "| --- | --- | --- | --- |"]
    for section, kind in SECTIONS.items():
        texts = meanings(kind)
        rules = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
        for field in msgspec.structs.fields(kind):
            assert field.name in texts, f"{section}.{field.name} has no text under it"
            legal = allowed(rules[field.name])
            default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            rows.append(f"| `{section}.{field.name}` | {texts[field.name]} | {legal} | {shown(default)} |")
    return rows


def variables_table() -> list[str]:
    rules = Settings.model_json_schema()["properties"]
    return [
        "| variable | meaning | legal values | default |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{PREFIX}{name.upper()}` | {field.description} | {allowed(rules[name])} | {shown(field.default)} |"
            for name, field in Settings.model_fields.items()
        ),
    ]


def reasons_table() -> list[str]:
    texts = meanings(Reason)
    return ["| reason | meaning |", "| --- | --- |", *(f"| `{reason}` | {texts[reason.name]} |" for reason in Reason)]


def topics_table() -> list[str]:
    rows = [
        "| topic | key | value | partitions | kept | written by | read by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for topic in topics().values():
        kept = (
            f"{int(topic.config['retention.ms']) // 86_400_000} days" if "retention.ms" in topic.config else "compacted"
        )
        value = f"{topic.value}, version {topic.version}" if topic.schema else topic.value
        people = f"{', '.join(topic.producers)} | {', '.join(topic.consumers)}"
        rows.append(f"| `{topic.name}` | {topic.key} | {value} | {topic.partitions} | {kept} | {people} |")
    return rows


def fields_table(record: str) -> list[str]:
    """Fields of a record and of the objects inside it, dotted."""
    document = json_schema(record, latest_version(record))
    rows = ["| field | meaning | legal values | |", "| --- | --- | --- | --- |"]

    def add(prefix: str, part: dict[str, Any]) -> None:
        for name, rule in part["properties"].items():
            inner = next(iter(re.findall(r'"#/\$defs/(\w+)"', json.dumps(rule))), None)
            many = "[]" if rule.get("type") == "array" else ""
            if inner:
                legal = "array of objects" if many else "object"
            elif rule.get("type") == "object":
                legal = "object of numbers" if rule["additionalProperties"]["type"] == "number" else "object of text"
            else:
                legal = allowed(rule)
            given = "required" if name in part.get("required", ()) else ""
            rows.append(f"| `{prefix}{name}` | {rule['description']} | {legal} | {given} |")
            if inner:
                add(f"{prefix}{name}{many}.", document["$defs"][inner])

    add("", document)
    return rows


def directions_table() -> list[str]:
    """The import contracts of pyproject.toml, from what knows most to what knows least."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rows = ["| inside | from the top down; nothing imports what stands before it |", "| --- | --- |"]
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            layers = [", ".join(f"`{name}`" for name in re.split(" [:|] ", layer)) for layer in contract["layers"]]
            (inside,) = contract.get("containers", ["the project"])
            rows.append(f"| {inside.replace('.', '/')} | {' ▸ '.join(layers)} |")
    return rows


def written(text: str) -> str:
    """A document with its tables as the code has them."""
    tables: dict[str, Callable[[], list[str]]] = {
        "keys": keys_table,
        "variables": variables_table,
        "reasons": reasons_table,
        "topics": topics_table,
        "mention": lambda: fields_table("mention"),
        "alert": lambda: fields_table("alert"),
        "activity": lambda: fields_table("activity"),
        "feedback": lambda: fields_table("feedback"),
        "delivery": lambda: fields_table("delivery"),
        "observation": lambda: fields_table("observation"),
        "directions": directions_table,
    }
    return MARKED.sub(lambda match: match[1] + "\n".join(tables[match[2]]()) + "\n" + match[3], text)


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.stem)
def test_the_tables_of_the_documents_are_those_of_the_code(path):
    text = path.read_text(encoding="utf-8")
    assert written(text) == text, "run: python -m tests.test_documents"


def test_every_table_has_its_place():
    places = [match[2] for path in GENERATED for match in MARKED.finditer(path.read_text(encoding="utf-8"))]
    tables = [
        "activity",
        "alert",
        "delivery",
        "directions",
        "feedback",
        "keys",
        "mention",
        "observation",
        "reasons",
        "topics",
        "variables",
    ]
    assert sorted(places) == tables


def test_the_example_of_the_configuration_document_is_a_configuration(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)
    path = tmp_path / "tocsin.toml"
    path.write_text(example, encoding="utf-8")
    loaded = load.load_config(path)
    assert loaded.brand("acme").playbook is not None
    assert loaded.brand("acme").config_hash != loaded.brand("other").config_hash


def test_the_example_alert_is_an_alert_and_its_headers_are_those_that_are_written():
    (value,) = re.findall(r"```json\n(.*?)```", CONTRACTS, re.DOTALL)
    alert = decode_alert(value.encode())
    assert sum(json.loads(value)["contributions"].values()) == alert.score.value
    (headers,) = re.findall(r"```text\n(ce_.*?)```", CONTRACTS, re.DOTALL)
    assert headers.splitlines() == [f"{key}: {text.decode()}" for key, text in alert_headers(alert)]


def words(path: Path) -> int:
    """As `wc -w` counts, without generated tables."""
    return len(MARKED.sub("", path.read_text(encoding="utf-8")).split())


def test_the_documents_stay_short_enough_to_be_read():
    assert words(ROOT / "README.md") <= MAX_README_WORDS
    assert sum(map(words, HAND_WRITTEN)) <= MAX_WORDS


def test_the_index_names_every_page():
    """Decisions are listed by their folder; the runbooks too."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / link).resolve() for link in links(index)}
    pages = {path for path in HAND_WRITTEN if path.parent.name != "decisions"} | {DOCS / "metrics.md"}
    assert pages - {DOCS / "README.md", ROOT / "README.md"} <= linked


def test_decisions_have_numbers_of_their_own():
    paths = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in paths] == list(range(1, len(paths) + 1))
    for path in paths:
        assert re.match(rf"# {int(path.name[:4])}\. ", path.read_text(encoding="utf-8")), path


def links(text: str) -> list[str]:
    """Relative targets of links and images, without their anchors."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [target.partition("#")[0] for target in found if not target.startswith(("http:", "https:", "#"))]


def paths(text: str) -> set[str]:
    """Files and folders of the project that a text names from the root; not those with a placeholder in capitals."""
    tops = "pipeline|detectors|schemas|studies|benchmarks|tests|deploy|docs|requirements|\\.ci"
    found = re.findall(rf"(?<![\w/.-])(?:{tops})/[\w./*-]*[\w*/]", text)
    return {path for path in found if not re.search(r"[A-Z]{4}|vN", re.sub(r"README|Tocsin\w+", "", path))}


def dotted(text: str) -> set[str]:
    """Modules that a text names, with what is in them."""
    found = re.findall(r"(?<![\w/.-])(?:pipeline|detectors|schemas|studies|benchmarks|tests)(?:\.\w+)+(?![\w(/])", text)
    return {name for name in found if not name.endswith((".py", ".md", ".stamp"))}


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something defined at the top of one."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:depth])
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module.is_file():
            defined = "".join(rf"^(def |class )?{inner}\b" for inner in parts[depth : depth + 1])
            return bool(re.search(defined, module.read_text(encoding="utf-8"), re.MULTILINE))
    return False


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(path):
    text = path.read_text(encoding="utf-8")
    assert [link for link in links(text) if not (path.parent / link).exists()] == []
    assert [name for name in sorted(paths(text)) if not any(ROOT.glob(name.rstrip("/")))] == []
    assert [name for name in sorted(dotted(text)) if not is_there(name)] == []


def test_a_name_that_does_not_exist_is_found():
    text = "See `pipeline/nowhere.py`, `pipeline.engine.nothing`, `schemas.alert.NOTHING` and [this](nothing.md)."
    assert links(text) == ["nothing.md"]
    assert paths(text) == {"pipeline/nowhere.py"}
    assert dotted(text) == {"pipeline.engine.nothing", "schemas.alert.NOTHING"}
    assert not any(map(is_there, dotted(text)))
    assert is_there("schemas.alert.KINDS")
    assert is_there("pipeline.telemetry")


def codes(text: str) -> Iterator[str]:
    """Lines of code blocks and words in backticks."""
    for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def unknown(line: str) -> list[str]:
    """Commands and options of a line `tocsin ...` or `make ...` that do not exist."""
    if not line.startswith(("make ", "tocsin ")):
        return []
    words = shlex.split(re.split(r"  |#", line)[0])
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and word not in targets]
    command: click.Command = tocsin
    found = []
    for word in words[1:]:
        if word.startswith("--"):
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            found += [] if word.strip("[]") in known | {"--help"} else [word]
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+", word):
            inner = command.get_command(click.Context(command), word)
            if inner is None:
                return [*found, word]
            command = inner
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_options_keys_and_variables_exist(path):
    lines = list(codes(path.read_text(encoding="utf-8")))
    assert {line: bad for line in lines if (bad := unknown(line))} == {}
    keys = {f"{section}.{field}" for section, kind in SECTIONS.items() for field in kind.__struct_fields__}
    key = re.compile(r"((?:engine|sentiment|worker|detection)\.[a-z_]+)(?: = .*)?")
    named = {match[1] for line in lines if (match := key.fullmatch(line))}
    assert named <= keys
    variables = {PREFIX + name.upper() for name in Settings.model_fields}
    named = set(re.findall(r"\bTOCSIN_[A-Z_]+[A-Z]\b", "\n".join(lines)))
    assert {name for name in named if not any(variable.startswith(name) for variable in variables)} == set()


def test_a_command_that_does_not_exist_is_found():
    assert unknown("tocsin evaluate simulated --brands 3 --nothing") == ["--nothing"]
    assert unknown("tocsin forget") == ["forget"]
    assert unknown("make nothing ARGS=x") == ["nothing"]


if __name__ == "__main__":
    for document in GENERATED:
        document.write_text(written(document.read_text(encoding="utf-8")), encoding="utf-8")
