"""`tocsin explain-config`: the effective configuration of one brand, and where each value comes from."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pipeline.cli.options import config_option


@click.command()
@click.argument("brand")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def command(brand: str, config_path: Path | None, as_json: bool) -> None:
    """Show the effective configuration of BRAND, where each value comes from, and the hash its alerts carry.

    A brand without a section in the file has the values of every such brand.
    """
    import msgspec

    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.engine.episodes.rules import rules
    from schemas.mention import BRAND_PATTERN

    if not re.match(BRAND_PATTERN, brand):
        raise click.BadParameter(f"expected a brand that matches {BRAND_PATTERN}, got {brand!r}", param_hint="BRAND")
    config = load_config(config_path or load_settings().config)
    rows = config.explain(brand)
    digest = config.brand(brand).config_hash
    if as_json:
        values = {key: {"value": value, "source": source} for key, value, source in rows}
        thresholds = {kind: rule.threshold for kind, rule in rules(config.brand(brand).detection).items()}
        click.echo(
            msgspec.json.encode({"brand": brand, "config_hash": digest, "thresholds": thresholds, "values": values})
        )
        return
    table = [("key", "value", "source")] + [(key, _shown(value), source) for key, value, source in rows]
    widths = [max(len(row[column]) for row in table) for column in range(2)]
    for key, value, source in table:
        click.echo(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {source}")
    for kind, rule in rules(config.brand(brand).detection).items():
        click.echo(f"{kind} opens at score {rule.threshold:.2f} and is quiet below {rule.release:.2f}")
    click.echo(f"config_hash {digest}")


def _shown(value: object) -> str:
    """A value as TOML writes it; a dash for one that is not set."""
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
