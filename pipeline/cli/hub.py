"""`tocsin hub`: the page for people."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import config_option

if TYPE_CHECKING:
    from pipeline.hub.store.reader import Status


@click.command()
@config_option
@click.option("--host", help="Address to listen on. [default: TOCSIN_HUB_HOST, 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0: any free one. [default: TOCSIN_HUB_PORT, 9480]")
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that holds what was read. [default: TOCSIN_HUB_STORE, hub/store.sqlite in TOCSIN_HOME; with --replay "
    "one that is removed at the end]",
)
@click.option(
    "--replay",
    "files",
    multiple=True,
    metavar="FILE",
    help="Show this recording, without Kafka; may be repeated. Feedback is kept in the store alone.",
)
@click.option(
    "--event-time",
    is_flag=True,
    help="Take the time of the newest activity as now: for a stream that runs faster than time, as the demo's.",
)
def command(
    config_path: Path | None,
    host: str | None,
    port: int | None,
    store: Path | None,
    files: tuple[str, ...],
    *,
    event_time: bool,
) -> None:
    """Show what burns: episodes, their evidence and every brand's activity as pages, until Ctrl-C.

    Alerts, activity and feedback are read from their topics into a store, so that a restart goes on where it was. The
    address goes to stdout. Who may see it: docs/hub.md.
    """
    import time

    _require_extra()
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.hub.server import serve_recording, serve_topics
    from pipeline.telemetry.logs import configure_logging
    from schemas.moments import moment

    given = {"hub_host": host, "hub_port": port, "hub_store": store}
    settings = load_settings()
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    configure_logging(settings)
    config = load_config(config_path or settings.config)
    if not files:
        serve_topics(settings, config, by_events=event_time, on_ready=_tell)
        return
    from pipeline.files.mentions import check_sources

    check_sources(files)
    with ExitStack() as stack:
        path = store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-hub-"))) / "store.sqlite"
        serve_recording(settings, config, list(files), path, moment(time.time()), _tell, _tell_read)


def _tell_read(status: Status) -> None:
    click.echo(
        f"the recording is read to its end: {status.brands:,} brands, {status.episodes:,} episodes, "
        f"{status.open_episodes:,} of them open; Ctrl-C ends the hub",
        err=True,
    )


def _require_extra() -> None:
    from importlib.util import find_spec

    from pipeline.errors import TocsinError

    missing = [name for name in ("starlette", "uvicorn", "jinja2", "python_multipart") if find_spec(name) is None]
    if missing:
        raise TocsinError(
            f"expected the extra `hub` to be installed, got no {', no '.join(missing)}; install it with "
            "`pip install '.[hub]'`"
        )


def _tell(address: str) -> None:
    click.echo(address)
