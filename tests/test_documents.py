"""docs/contracts.md and docs/configuration.md say what the code says.

Their tables are made from the code: `python -m tests.test_documents` writes them anew between their markers.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.config import load
from pipeline.config import model as config
from pipeline.config.settings import PREFIX, Settings
from schemas.alert import alert_headers, decode_alert
from schemas.catalogue import topics
from schemas.documents import json_schema, latest_version
from schemas.rejection import Reason

DOCS = Path(__file__).parents[1] / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
CONTRACTS = (DOCS / "contracts.md").read_text(encoding="utf-8")
MARKED = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "engine": config.EngineConfig,
    "sentiment": config.SentimentConfig,
    "worker": config.WorkerConfig,
    "detection": config.DetectionConfig,
    "brands.NAME.playbook": config.PlaybookConfig,
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
    if "enum" in rule:
        return ", ".join(map(str, rule["enum"]))
    if "const" in rule:
        return str(rule["const"])
    if rule.get("format") == "date-time":
        return "RFC 3339 with an offset"
    if rule.get("type") in {"number", "integer"} and not {"minimum", "exclusiveMinimum"} & set(rule):
        return str(rule["type"])
    if rule.get("type") == "boolean":
        return "true, false"
    if "pattern" in rule:
        return f"`{rule['pattern']}`"
    if "minimum" in rule or "exclusiveMinimum" in rule:
        low = f"{rule['minimum']:,}" if "minimum" in rule else f"above {rule['exclusiveMinimum']:,}"
        return f"{low} to {rule['maximum']:,}" if "maximum" in rule else f"{low} and more"
    if "maxLength" in rule:
        return f"text of {rule.get('minLength', 0)} to {rule['maxLength']} characters"
    return "path" if rule.get("format") == "path" else "text"


def shown(value: Any) -> str:
    """A default as it is written in the file or the environment."""
    if value is None or value is msgspec.NODEFAULT:
        return "none" if value is None else "must be given"
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
            rows.append(f"| `{section}.{field.name}` | {texts[field.name]} | {legal} | {shown(field.default)} |")
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
                legal = "object of numbers"
            else:
                legal = allowed(rule)
            given = "required" if name in part.get("required", ()) else ""
            rows.append(f"| `{prefix}{name}` | {rule['description']} | {legal} | {given} |")
            if inner:
                add(f"{prefix}{name}{many}.", document["$defs"][inner])

    add("", document)
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
        "observation": lambda: fields_table("observation"),
    }
    return MARKED.sub(lambda match: match[1] + "\n".join(tables[match[2]]()) + "\n" + match[3], text)


@pytest.mark.parametrize("name", ["configuration", "contracts"])
def test_the_tables_of_the_documents_are_those_of_the_code(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    assert written(text) == text, "run: python -m tests.test_documents"


def test_every_table_has_its_place():
    places = [match[2] for match in MARKED.finditer(CONFIGURATION + CONTRACTS)]
    assert sorted(places) == ["alert", "keys", "mention", "observation", "reasons", "topics", "variables"]


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


if __name__ == "__main__":
    for document in (DOCS / "configuration.md", DOCS / "contracts.md"):
        document.write_text(written(document.read_text(encoding="utf-8")), encoding="utf-8")
