"""`tocsin explain-config`: the effective configuration of one brand, and where each value comes from."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pipeline.cli.options import config_option
from schemas.text import printable


@click.command()
@click.argument("brand")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def command(brand: str, config_path: Path | None, as_json: bool) -> None:
    """Show the effective configuration of BRAND, where each value comes from, and the hash its alerts carry.

    A brand without a section in the file has the values of every such brand. What does not do what it seems to is
    named below the table. The metric tocsin_config_info carries the hash of the whole file.
    """
    import msgspec

    from pipeline.config.advice import advice_for
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.engine.episodes.rules import rules
    from schemas.mention import BRAND_PATTERN

    if not re.match(BRAND_PATTERN, brand):
        raise click.BadParameter(f"expected a brand that matches {BRAND_PATTERN}, got {brand!r}", param_hint="BRAND")
    config = load_config(config_path or load_settings().config)
    rows = config.explain(brand)
    digest = config.brand(brand).config_hash
    notes = advice_for(config, brand)
    found = rules(config.brand(brand).detection)
    if as_json:
        values = {key: {"value": value, "source": source} for key, value, source in rows}
        content = {
            "brand": brand,
            "config_hash": digest,
            "file_hash": config.hash,
            "thresholds": {kind: rule.threshold if rule.may_open else None for kind, rule in found.items()},
            "values": values,
            "warnings": notes,
        }
        click.echo(msgspec.json.encode(content))
        return
    table = [("key", "value", "source")] + [(key, _shown(key, value), source) for key, value, source in rows]
    widths = [max(len(row[column]) for row in table) for column in range(2)]
    for key, value, source in table:
        click.echo(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {source}")
    for kind, rule in found.items():
        if rule.may_open:
            click.echo(f"{kind} opens at score {rule.threshold:.2f} and is quiet below {rule.release:.2f}")
        else:
            click.echo(f"{kind} is muted")
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"file_hash {config.hash}")
    click.echo(f"config_hash {digest}")


def _shown(key: str, value: object) -> str:
    """A value as TOML writes it, with what 0 means; a dash for one that is not set."""
    from pipeline.config.advice import zero_means

    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    shown = "-" if value is None else str(value).lower() if isinstance(value, bool) else printable(str(value), 2100)
    meaning = zero_means(key, value)
    return f"{shown} ({meaning})" if meaning else shown
