"""`tocsin report`: what happened in an episode, for a post-mortem, a lawyer or a regulator."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import MOMENT, MOMENT_HELP, config_option, kinds_option, partitions_option
from pipeline.engine.alerts.headline import LANGUAGES
from pipeline.wording import counted

if TYPE_CHECKING:
    from pipeline.config.model import Config
    from pipeline.config.settings import Settings
    from pipeline.report.forms import Form
    from pipeline.report.material import Material
    from pipeline.report.review import Review, Setting

_FORMS = ("html", "json", "markdown")


@click.command()
@click.argument("episode", required=False)
@click.option("--brand", metavar="BRAND", help="All episodes of this brand or category instead of one, a section each.")
@click.option("--since", type=MOMENT, metavar="TIME", help=f"With --brand: opened then or later: {MOMENT_HELP}.")
@click.option("--until", type=MOMENT, metavar="TIME", help="With --brand: opened before.")
@kinds_option
@click.option("--alerts", multiple=True, metavar="FILE", help="Alerts from this file, not from the topics; repeatable.")
@click.option("--activity", multiple=True, metavar="FILE", help="With --alerts: activity; may be repeated.")
@click.option("--feedback", multiple=True, metavar="FILE", help="With --alerts: feedback; may be repeated.")
@click.option("--deliveries", multiple=True, metavar="FILE", help="With --alerts: who was told; may be repeated.")
@click.option(
    "--hub-store",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of EPISODE, what `tocsin hub` keeps in this file, not the topics.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FILE",
    help="Recorded mentions, as `tocsin replay` reads them: tell which settings would have rung earlier.",
)
@config_option
@partitions_option
@click.option("--format", "form", type=click.Choice(_FORMS), help="[default: by the name of --out, else html]")
@click.option("--out", metavar="FILE", help="- is stdout. [default: report-EPISODE.html; JSON and Markdown to stdout]")
@click.option("--trail", metavar="OUT.jsonl", help="File for the records of the audit trail with their very bytes.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the report.")
def command(
    *,
    episode: str | None,
    brand: str | None,
    since: float | None,
    until: float | None,
    kinds: tuple[str, ...],
    alerts: tuple[str, ...],
    activity: tuple[str, ...],
    feedback: tuple[str, ...],
    deliveries: tuple[str, ...],
    hub_store: Path | None,
    inputs: tuple[str, ...],
    config_path: Path | None,
    partitions: int | None,
    form: Form | None,
    out: str | None,
    trail: str | None,
    force: bool,
    lang: str,
) -> int:
    """Report what happened in an episode: course, phases, recovery, answers and their effect, audit trail.

    EPISODE is an episode's id, or at least 6 digits that only one begins with. Alerts, feedback, deliveries and
    activity come from the topics, from files as `tocsin replay --alerts --activity` writes them, or from the store of
    a hub. The same input gives the same bytes. The page needs nothing else: no script, no network. The exit code is 1
    when a record could not be read, with the report written of the others.
    """
    from pipeline.config.load import load_config
    from pipeline.config.settings import load_settings
    from pipeline.report.forms import rendered
    from pipeline.report.trail import exported

    _check(episode, brand, has_time=since is not None or until is not None, kinds=kinds)
    _check_files(alerts, activity + feedback + deliveries, inputs, partitions)
    _check_store(hub_store, episode, alerts)
    form = _form_of(out, form)
    settings = load_settings()
    if config_path is not None:
        settings = settings.model_copy(update={"config": config_path})
    for given in (out, trail):
        _refuse_existing(given, force=force)  # at once, not after a long reading
    found = (
        _gathered(settings, alerts, feedback, deliveries) if hub_store is None else _stored(hub_store, episode or "")
    )
    names = [found.episode(episode)] if episode else found.episodes(brand or "", kinds, since or 0.0, until)
    if out is None:
        out = f"report-{brand or names[0]}.html" if form == "html" else "-"
        _refuse_existing(out, force=force)
    if hub_store is None:
        _add_activity(found, settings, activity, names, from_files=bool(alerts))
    config = load_config(settings.config)
    reviews = [_reviewed(found, name, inputs, partitions, config) for name in names]
    _write([rendered(reviews, form, lang, as_several=brand is not None).removesuffix(b"\n")], out)
    if trail is not None:
        _write([line for one in reviews for line in exported(one.trail, found.values(one.episode_id))], trail)
    for problem in found.problems:
        click.echo(f"tocsin: {problem}", err=True)
    if found.problems:
        click.echo(f"tocsin: {counted(len(found.problems), 'record')} could not be read", err=True)
    return 1 if found.problems else 0


def _check(episode: str | None, brand: str | None, *, has_time: bool, kinds: tuple[str, ...]) -> None:
    """Refuse what cannot be asked for together."""
    import re

    from pipeline.report.material import LEAST_DIGITS
    from schemas.mention import BRAND_PATTERN

    if (episode is None) == (brand is None):
        got = "neither" if brand is None else "both"
        raise click.UsageError(f"expected EPISODE or --brand BRAND, got {got}; `tocsin episodes` lists what is open")
    if episode is not None and (has_time or kinds):
        raise click.UsageError("--since, --until and --kind are for --brand")
    if episode is not None and not re.fullmatch(rf"[0-9a-f]{{{LEAST_DIGITS},64}}", episode):
        raise click.BadParameter(
            f"expected {LEAST_DIGITS} to 64 hexadecimal digits, got {episode!r}", param_hint="EPISODE"
        )
    if brand is not None and not re.match(BRAND_PATTERN, brand):
        raise click.BadParameter(f"expected a brand that matches {BRAND_PATTERN}, got {brand!r}", param_hint="--brand")


def _check_files(
    alerts: tuple[str, ...], beside: tuple[str, ...], inputs: tuple[str, ...], partitions: int | None
) -> None:
    if beside and not alerts:
        raise click.UsageError(
            "--activity, --feedback, --deliveries: expected --alerts FILE too; without it the topics are read"
        )
    if partitions is not None and not inputs:
        raise click.UsageError("--partitions is for --input")


def _check_store(hub_store: Path | None, episode: str | None, alerts: tuple[str, ...]) -> None:
    if hub_store is not None and (alerts or episode is None):
        raise click.UsageError("--hub-store: expected EPISODE, and no --alerts FILE: the store has both of one episode")


def _form_of(out: str | None, form: Form | None) -> Form:
    """The form that is asked for, by the option or the name of the file, which must agree; a name may have no ending.

    Raises:
        click.UsageError: the ending is of another form or of none.
    """
    from pipeline.report.forms import SUFFIXES

    ending = Path(out or "").suffix
    known = SUFFIXES.get(ending.lower())
    if not ending or (known and form in {None, known}):
        return form or known or "html"
    fitting = [one for one, of in SUFFIXES.items() if form in {None, of}]
    what = f"for --format {form} " if form else ""
    if ending.lower() == ".pdf":
        remedy = "write an .html file, open it in a browser and print it to PDF"
    elif known:
        remedy = f"leave --format out, or give --format {known}"
    else:
        remedy = "change the ending"
    raise click.UsageError(f"--out {out}: {what}expected a name that ends in {', '.join(fitting)}; {remedy}")


def _refuse_existing(out: str | None, *, force: bool) -> None:
    if out not in {None, "-"} and Path(out or "").is_file() and not force:
        raise click.UsageError(f"{out}: expected a file that does not exist yet; --force overwrites it")


def _gathered(
    settings: Settings, alerts: tuple[str, ...], feedback: tuple[str, ...], deliveries: tuple[str, ...]
) -> Material:
    from pipeline.report.files import read_files
    from pipeline.report.topics import read_topics

    return read_files(alerts, feedback, deliveries) if alerts else read_topics(settings)


def _stored(path: Path, episode: str) -> Material:
    from pipeline.hub.material import read_store

    return read_store(path, episode)


def _add_activity(
    found: Material, settings: Settings, files: tuple[str, ...], names: list[str], *, from_files: bool
) -> None:
    from pipeline.report import files as of_files
    from pipeline.report import topics as of_topics
    from pipeline.report.compose import BEFORE

    brand = found.brand_of(names[0])
    if from_files:
        of_files.read_activity(found, files, brand)
    else:
        of_topics.read_activity(found, settings, brand, min(map(found.onset_of, names)) - BEFORE)


def _reviewed(found: Material, episode: str, inputs: tuple[str, ...], partitions: int | None, config: Config) -> Review:
    names = config.brand(found.brand_of(episode)).names
    first = found.review(episode, (), names)
    return found.review(episode, _rehearsed(first, inputs, partitions, config), names) if inputs else first


def _rehearsed(found: Review, inputs: tuple[str, ...], partitions: int | None, config: Config) -> tuple[Setting, ...]:
    from pipeline.cli.inputs import inputs_with_progress
    from pipeline.files.mentions import check_sources
    from pipeline.report.rehearsal import rehearse

    check_sources(inputs)
    with inputs_with_progress("replay", inputs, partitions) as (opened, advance):
        return rehearse(opened, config, found, advance)


def _write(lines: list[bytes], out: str) -> None:
    from pipeline.files.output import new_file, write_lines

    with nullcontext(sys.stdout.buffer) if out == "-" else new_file(Path(out)) as stream:
        write_lines(stream, out, lines)
    if out != "-":
        click.echo(f"wrote {out}", err=True)
