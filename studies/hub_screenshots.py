"""The pictures of the hub in README.md and docs/hub.md: python -m studies.hub_screenshots [--chromium FILE].

The stream of `make run` is cut off in mid-crisis and shown by a real hub; a real browser takes the pictures.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec
from playwright.sync_api import Browser, sync_playwright

from pipeline.cli.demo import HISTORY_HOURS, names_of
from pipeline.demo.naming import names_toml
from pipeline.demo.playbook import playbook_toml
from pipeline.hub.store.reader import Reader
from pipeline.simulation import demo_stream

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
UNTIL: Final = datetime(2026, 3, 4, 3, 30, tzinfo=UTC)
"""The sudden crisis burns; the slow one, whose headline is Chinese, comes later: not every machine has its letters."""
SPEED: Final = 900.0
"""Of `make run`, by which its playbook gives people time."""
MAX_BYTES: Final = 150_000


@contextmanager
def recorded_hub(folder: Path) -> Iterator[tuple[str, Path]]:
    """A hub over the stream of the demo, cut off at `UNTIL`; its address and store, when it has read all of it."""
    stream = demo_stream(seed=1, history_hours=HISTORY_HOURS)
    recording, config, store = folder / "mentions.jsonl.gz", folder / "brands.toml", folder / "store.sqlite"
    names = {brand: {"en": shown.get("en", _in_latin(brand))} for brand, shown in names_of(stream.labels).items()}
    config.write_text(f"{playbook_toml(SPEED)}\n{names_toml(names)}", encoding="utf-8")
    with gzip.open(recording, "wb", compresslevel=1) as file:
        for batch in stream.batches():
            if batch.end > UNTIL.timestamp():
                break
            file.writelines(batch.lines)
    command = ["hub", "--replay", str(recording), "--config", str(config), "--store", str(store), "--port", "0"]
    with subprocess.Popen([sys.executable, "-m", "pipeline", *command], stdout=subprocess.PIPE, text=True) as hub:
        try:
            assert hub.stdout is not None
            address = hub.stdout.readline().strip()
            reader = Reader(store)
            while reader.watermark() < UNTIL.timestamp() - 900:
                if hub.poll() is not None:
                    raise SystemExit(f"the hub ended with exit code {hub.returncode}")
                threading.Event().wait(0.5)
            reader.close()
            yield address, store
        finally:
            hub.terminate()


def _in_latin(brand: str) -> str:
    return brand.partition("-")[0].title()


def picture(
    browser: Browser,
    address: str,
    name: str,
    width: int,
    height: int,
    *,
    dark: bool = False,
    pointed: float | None = None,
) -> None:
    """Take one picture; `pointed` is where the pointer rests on a chart, as a share of its width.

    Raises:
        SystemExit: it is larger than a page of documentation should load.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", timezone_id="UTC"
    )
    page = context.new_page()
    page.goto(address, wait_until="load")
    if pointed is not None:
        chart = page.locator(".plot .u-over").first
        box = chart.bounding_box()
        assert box is not None
        chart.hover(position={"x": pointed * box["width"], "y": box["height"] / 2})
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    context.close()
    size = path.stat().st_size
    click.echo(f"{path}: {size:,} bytes", err=True)
    if size > MAX_BYTES:
        raise SystemExit(f"{path}: expected at most {MAX_BYTES:,} bytes, got {size:,}; make the window smaller")


@click.command()
@click.option("--chromium", default="/usr/bin/chromium", show_default=True, help="The browser.")
def main(chromium: str) -> None:
    """Write the pictures of the hub to docs/images."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, recorded_hub(Path(folder)) as (address, store):
        reader = Reader(store)
        gravest = reader.open_episodes()[0]
        reader.close()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            picture(browser, address, "hub-now", 1200, 800)
            picture(browser, f"{address}episodes/{gravest.episode_id}", "hub-episode", 1200, 900)
            picture(
                browser, f"{address}brands/{gravest.brand}?days=1", "hub-brand-dark", 1200, 900, dark=True, pointed=0.97
            )
            browser.close()
    click.echo(msgspec.json.encode({"seconds": round(time.monotonic() - begun)}).decode(), err=True)


if __name__ == "__main__":
    main()
