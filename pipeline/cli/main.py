"""The command line: `tocsin COMMAND`, the same as `python -m pipeline COMMAND`.

Results go to stdout, everything else to stderr. Exit codes: 0 ok, 1 failure, 2 usage. An error is one line that says
what was expected, what was got, where, and what to do. Each command lives in its own module of pipeline.cli and
is imported only when it runs.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any, Final

import click

from pipeline.cli.options import Commands
from pipeline.cli.streams import keep_encodings
from pipeline.errors import TocsinError
from schemas.text import printable

COMMANDS: Final = {
    "worker": "Read mentions, detect crises of every brand, write alerts (runs until stopped).",
    "replay": "Run recorded mentions or observations through the engine, without Kafka.",
    "topics": "Show or create the Kafka topics of the catalogue.",
    "migrate": "Move what was learned to where the keys go, when topics get more partitions.",
    "publish": "Write recorded mentions to the mentions topic.",
    "record": "Write a range of the mentions topic to a file that replay, compare and explain read.",
    "compare": "Run two configurations over one file and tell how their episodes differ.",
    "explain": "Show why a brand's alert fired at a time, or what held it back.",
    "alerts": "Read the alerts topic.",
    "notify": "Tell alerts to pagers, chats, phones and mail (runs until stopped).",
    "hub": "Show what burns as pages in a browser: episodes, evidence, brands; take feedback.",
    "episodes": "List what is open now, by the alerts topic.",
    "ack": "Say that somebody acts on an episode.",
    "answer": "Record the brand's own public answer to an episode.",
    "label": "Say whether the alarm of an episode was right.",
    "note": "Add words to the record of an episode.",
    "report": "Write what happened in an episode: a page, JSON or Markdown, with an audit trail.",
    "dead-letters": "Read the refused mentions with their reasons, and put them onto the topic once more.",
    "simulate": "Write a simulated stream of mentions and its labels.",
    "evaluate": "Measure recall, delay and false alarms on public counts, recordings and simulated worlds.",
    "check": "Validate the configuration, the schemas and, if asked, the broker.",
    "explain-config": "Show the effective configuration of a brand and where each value comes from.",
    "kafka": "Start, stop or inspect a local Apache Kafka.",
    "demo": "Run the whole pipeline on this machine: Kafka, topics, worker, a stream, alerts on the screen.",
}


_ERROR_CHARACTERS: Final = 4_000
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of a write to a full or broken device."""


class _ReaderGoneError(Exception):
    """The reader of our output has closed it (`tocsin alerts | head`), which is no fault."""


class LazyGroup(Commands):
    """A group that imports a command's module when the command is asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would take an EOFError for Ctrl-C, and a closed pipe for a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGoneError from None
        except EOFError as error:
            raise TocsinError(f"expected more input, got its end: {error}") from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module("pipeline.cli." + cmd_name.replace("-", "_"))
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tocsin", prog_name="tocsin")
def tocsin() -> None:
    """Tell a brand that a social media crisis is beginning, while there is still time to answer."""


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script: run a command and turn its outcome into an exit code."""
    keep_encodings()
    try:
        code = tocsin.main(arguments, prog_name="tocsin", standalone_mode=False)
        _leave(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        _leave(130)
    except click.ClickException as error:
        error.show()
        _leave(2 if isinstance(error, click.UsageError) else 1)
    except TocsinError as error:
        for line in error.lines:
            _say(line)
        _leave(1)
    except _ReaderGoneError:
        _leave(0)
    except OSError as error:
        if error.filename is not None or error.errno not in _NO_ROOM:
            raise
        _say(f"expected output that can be written, got: {error.strerror}")
        _leave(1)


def _say(error: str) -> None:
    # The text may quote a file, which is untrusted text.
    click.echo(f"tocsin: error: {printable(error, _ERROR_CHARACTERS)}", err=True)


def _leave(code: int) -> None:
    """Exit, after what is still buffered has been written; if it cannot be, Python must not try again."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError) and not code:
            _say(f"expected output that can be written, got: {error.strerror}")
            code = 1
    sys.exit(code)
