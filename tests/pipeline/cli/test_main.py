"""The command line: help for everything, one-line errors, exit codes, and the two commands that only look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pipeline.cli import main as cli
from pipeline.cli.main import COMMANDS, main, tocsin
from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.config.settings import Settings, child_environment
from pipeline.errors import BrokerError
from schemas.catalogue import topics


def walk(
    command: click.Command, path: tuple[str, ...] = ("tocsin",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group below, itself included."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            yield from walk(child, (*path, name))


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command, as the console script gives them."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def test_every_option_and_argument_of_every_command_is_explained():
    found = {path[1] for path, _ in walk(tocsin) if len(path) > 1}
    assert found == set(COMMANDS)
    for path, command in walk(tocsin):
        assert command.help, f"{' '.join(path)} has no help"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{' '.join(path)} {parameter.opts[0]} has no help"
            else:
                # click has no help for arguments: the text of the command must name them.
                shown = parameter.make_metavar(click.Context(command)).strip("[].")
                assert shown in command.help, f"{' '.join(path)} does not explain {shown}"


def test_help_lists_every_command_without_importing_any():
    code = (
        "import atexit, sys; from pipeline.cli.main import COMMANDS, main\n"
        "COMMAND_MODULES = ['pipeline.cli.' + name.replace('-', '_') for name in COMMANDS]\n"
        "atexit.register(lambda: print(any(name in sys.modules for name in COMMAND_MODULES))); main(['--help'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name, summary in COMMANDS.items():
        assert name in found.stdout
        assert summary.split()[0] in found.stdout
    assert found.stdout.endswith("False\n")


def test_the_module_runs_as_the_console_script_does():
    found = subprocess.run([sys.executable, "-m", "pipeline", "--version"], capture_output=True, text=True, check=False)
    assert found.returncode == 0
    assert found.stdout.startswith("tocsin, version ")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["check", "--no-such-option"], ["explain-config"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert not out
    assert "Error: " in err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["alert"], "expected a command, got 'alert'; did you mean 'alerts'?"),
        (["dead_letters"], "did you mean 'dead-letters'?"),
        (["topics", "aply"], "expected a command, got 'aply'; did you mean 'apply'?"),
        (["kafka", "zzz"], "expected a command, got 'zzz'; known are: start, status, stop"),
        (["evaluate", "simulate"], "did you mean 'simulated'?"),
        (["\x1b[31m"], "expected a command, got '\ufffd[31m'"),
    ],
)
def test_an_unknown_command_is_refused_with_the_nearest_there_is(arguments, hint, capsys):
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert hint in err


def test_a_failure_exits_with_1_and_one_line_on_stderr(capsys, tmp_path):
    code, out, err = run("explain-config", "acme", "--config", str(tmp_path / "absent.toml"), capsys=capsys)
    assert code == 1
    assert not out
    assert err.startswith("tocsin: error: ")
    assert err.count("\n") == 1


def test_the_name_of_a_command_that_is_not_listed_imports_nothing():
    assert cli.LazyGroup().get_command(click.Context(tocsin), "os") is None


def ended(source: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own in which `explain-config` does what `source` says."""
    code = (
        "import sys, click\nfrom pipeline.cli import main as cli\n@click.command()\ndef command():\n    "
        + source
        + "\n"
        "cli.LazyGroup.get_command = lambda *_: command\ncli.main(['explain-config'])\n"
    )
    # A child that is told its encoding, so that what it says does not depend on where the tests run.
    environment = {**child_environment(Settings()), "PYTHONIOENCODING": options.pop("encoding", "utf-8")}
    return subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, encoding="utf-8", check=False, env=environment, **options
    )


def test_an_end_of_data_never_looks_like_ctrl_c():
    found = ended("raise EOFError('the file is cut')")
    assert found.returncode == 1
    assert found.stderr == "tocsin: error: expected more input, got its end: the file is cut\n"


def test_what_a_file_smuggles_into_an_error_is_made_harmless():
    found = ended(
        "from pipeline.errors import TocsinError; raise TocsinError('bad \\x1b]0;pwn\\x07\\u202e\\nline two')"
    )
    assert found.returncode == 1
    assert found.stderr == "tocsin: error: bad \ufffd]0;pwn\ufffd\ufffd line two\n"


@pytest.mark.parametrize("source", ["print('x \\u708e')", "click.echo('x \\u708e')"])
def test_what_the_character_set_of_a_terminal_lacks_is_shown_as_an_escape(source):
    shown = {
        encoding: ended(source, encoding=encoding, stdout=subprocess.PIPE).stdout
        for encoding in ("utf-8", "latin-1", "ascii", "ascii:strict")
    }
    escaped = "x \\u708e\n"
    assert shown == {"utf-8": "x \u708e\n", "latin-1": escaped, "ascii": escaped, "ascii:strict": escaped}


@pytest.mark.parametrize("error", ["TocsinError", "click.UsageError"])
def test_an_error_is_told_in_the_character_set_of_stderr(error):
    source = f"from pipeline.errors import TocsinError; raise {error}('x \\u708e')"
    found = ended(source, encoding="ascii")
    assert found.returncode == (2 if "Usage" in error else 1)
    assert found.stderr.splitlines()[-1].endswith("rror: x \\u708e")


@pytest.mark.parametrize("source", ["print('x')", "click.echo('x')", "print('x' * 100_000)"])
def test_a_full_device_is_one_line(source):
    with Path("/dev/full").open("w") as full:
        found = ended(source, stdout=full)
    assert found.returncode == 1
    assert found.stderr == "tocsin: error: expected output that can be written, got: No space left on device\n"


@pytest.mark.parametrize("source", ["print('x')", "click.echo('x' * 1_000_000)", "print('x' * 1_000_000)"])
def test_a_reader_that_has_gone_is_no_fault(source):
    reader, writer = os.pipe()
    os.close(reader)
    found = ended(source, stdout=writer)
    os.close(writer)
    assert (found.returncode, found.stderr) == (0, "")


# ---- check ----------------------------------------------------------------------------------------------------------


def test_check_says_what_it_checked_one_line_each(capsys):
    code, out, err = run("check", capsys=capsys)
    assert code == 0, err
    lines = out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["environment", "ok:"],
        ["configuration", "ok:"],
        ["topics", "ok:"],
        ["schemas", "ok:"],
    ]
    assert "every default" in lines[1]
    assert all(name in lines[2] for name in topics())
    assert lines[3].endswith("mention v1, alert v1, activity v1, feedback v1, delivery v1, observation v1")
    assert not err


def test_check_warns_of_a_section_without_effect(capsys, tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_text("[platforms.reddit]\n")
    code, out, err = run("check", "--config", str(path), capsys=capsys)
    assert code == 0
    assert len(out.splitlines()) == 4
    assert err == "configuration  warning: platforms.reddit is empty: it has no effect\n"


def test_check_lists_every_fault_of_a_configuration(capsys, tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_text("[detection]\nquiet_minutes = 4\n[brands.acme]\ntier = 'gold'\n")
    code, out, err = run("check", "--config", str(path), capsys=capsys)
    assert code == 1
    assert len(out.splitlines()) == 1
    assert err.splitlines() == [
        f"tocsin: error: {path}: detection.quiet_minutes=4: expected `int` >= 5",
        f"tocsin: error: {path}: brands.acme.tier='gold': must be one of the tiers []; known are: none",
    ]


def test_check_stops_at_the_first_fault_in_the_environment(capsys, monkeypatch):
    monkeypatch.setenv("TOCSIN_GRUOP", "x")
    code, out, err = run("check", capsys=capsys)
    assert (code, out) == (1, "")
    assert (
        err == "tocsin: error: environment: expected one of the TOCSIN_ settings, got TOCSIN_GRUOP"
        "; did you mean TOCSIN_GROUP?\n"
    )


def test_check_stops_at_the_first_fault_in_the_configuration(capsys, tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_text("[detection]\nquiet_minute = 60\n")
    code, out, err = run("check", "--config", str(path), capsys=capsys)
    assert code == 1
    assert out.splitlines()[0].startswith("environment    ok")
    assert len(out.splitlines()) == 1
    assert err == (f"tocsin: error: {path}: detection.quiet_minute=60: unknown key; did you mean 'quiet_minutes'?\n")


def test_a_configuration_nested_too_deeply_is_one_clear_line(capsys, tmp_path):
    path = tmp_path / "deep.toml"
    path.write_text("a=" + "[" * 20_000 + "]" * 20_000)
    code, _, err = run("check", "--config", str(path), capsys=capsys)
    assert code == 1
    assert err == f"tocsin: error: {path}: expected TOML of a few levels, got tables or lists nested too deeply\n"


def test_check_reads_the_configuration_that_the_environment_names(capsys, monkeypatch, tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_text("[tiers.gold]\n[brands.acme]\n[brands.bolt]\n")
    monkeypatch.setenv("TOCSIN_CONFIG", str(path))
    code, out, err = run("check", capsys=capsys)
    assert code == 0
    assert f"{path}, 1 tier, 2 brands with a section, hash {load_config(path).hash}" in out
    assert [line.partition(": ")[2] for line in err.splitlines()] == [
        "tiers.gold is the tier of no brand: it has no effect",
        "brands.acme is empty: it has no effect",
        "brands.bolt is empty: it has no effect",
    ]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("topics/alerts.yaml", "name: alerts\n", "schemas/topics/alerts.yaml: expected a topic: Object missing"),
        ("topics/mentions.yaml", None, "schemas/topics: expected the topics mentions, mentions-dlq, "),
        ("json/alert.v1.schema.json", '{"$id": "urn:tocsin:alert:v2"}', "expected $id 'urn:tocsin:alert:v1'"),
        ("json/alert.v1.schema.json", '{"$id": "urn:tocsin:alert:v1", "properties": {}}', "it differs in"),
        ("json/mention.v1.schema.json", "{", "expected a JSON Schema"),
        ("json/notes.txt", "", "expected a name like"),
    ],
)
def test_check_names_the_damaged_file_of_an_installation(tmp_path, file, text, message):
    """A copy of the packages with one file damaged, run as an installation of its own."""
    import shutil

    root = Path(__file__).parents[3]
    for package in ("schemas", "pipeline"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "examples"))
    damaged = tmp_path / "schemas" / file
    damaged.unlink(missing_ok=True)
    if text is not None:
        damaged.write_text(text)
    found = subprocess.run(
        [sys.executable, "-m", "pipeline", "check"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert found.returncode == 1
    assert found.stderr.startswith("tocsin: error: schemas/")
    assert message in found.stderr
    assert found.stderr.count("\n") == 1


def test_check_with_the_broker_option_and_no_broker_is_one_clear_line(capsys, monkeypatch, unused_port):
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP", f"127.0.0.1:{unused_port}")
    monkeypatch.setenv("TOCSIN_KAFKA_TIMEOUT_SECONDS", "1")
    code, out, err = run("check", "--broker", capsys=capsys)
    assert code == 1
    assert len(out.splitlines()) == 4
    assert err.startswith("tocsin: error: ")
    assert str(unused_port) in err
    assert err.count("\n") == 1


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_error_of_the_broker_is_an_error_for_people():
    """The CLI turns it into one line and exit code 1 only if it is a TocsinError."""
    assert BrokerError.__mro__[1].__name__ == "TocsinError"


# ---- explain-config -------------------------------------------------------------------------------------------------

CONFIG = """
[tiers.flagship.detection]
quiet_minutes = 60
[brands.acme]
tier = "flagship"
[brands.acme.detection]
critical_ratio = 2.0
[brands.acme.playbook]
owner = "duty-officer@acme.example"
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.toml"
    path.write_text(CONFIG)
    return path


def test_explain_config_is_a_table_of_key_value_and_source_and_ends_in_the_hash(config_file, capsys):
    code, out, _ = run("explain-config", "acme", "--config", str(config_file), capsys=capsys)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["key", "value", "source"]
    assert ["detection.quiet_minutes", "60", "tiers.flagship.detection"] in rows
    assert ["detection.critical_ratio", "2.0", "brands.acme.detection"] in rows
    assert ["detection.release_ratio", "0.5", "default"] in rows
    assert ["playbook.owner", "duty-officer@acme.example", "brands.acme.playbook"] in rows
    assert ["playbook.link", "-", "default"] in rows
    assert ["sentiment.learn", "true", "default"] in rows
    assert rows[-1][0] == "config_hash"
    assert len(rows[-1][1]) == 12


def test_explain_config_as_json_says_the_same(config_file, capsys):
    _, table, _ = run("explain-config", "acme", "--config", str(config_file), capsys=capsys)
    code, out, _ = run("explain-config", "acme", "--config", str(config_file), "--json", capsys=capsys)
    assert code == 0
    content = json.loads(out)
    assert content["brand"] == "acme"
    assert content["values"]["detection.quiet_minutes"] == {"value": 60, "source": "tiers.flagship.detection"}
    assert table.splitlines()[-1] == f"config_hash {content['config_hash']}"
    assert len(content["values"]) == len(table.splitlines()) - 3 - len(content["thresholds"])
    assert table.splitlines()[-2] == f"file_hash {content['file_hash']}"
    assert f"crisis opens at score {content['thresholds']['crisis']:.2f} " in table


def test_explain_config_of_a_brand_without_a_section_shows_what_holds_for_all_such(capsys):
    code, out, _ = run("explain-config", "unheard-of", capsys=capsys)
    assert code == 0
    assert out.splitlines()[-1] == f"config_hash {Config().brand('any').config_hash}"


def test_explain_config_shows_what_zero_means_what_is_muted_and_what_has_no_effect(capsys, tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_text(
        "[brands.acme.detection]\nmute = ['volume_surge']\ncool_down_minutes = 0\nfalse_alarms_per_brand_year = 9\n"
    )
    code, out, _ = run("explain-config", "acme", "--config", str(path), capsys=capsys)
    assert code == 0
    rows = [line.split(maxsplit=1) for line in out.splitlines()]
    shown = dict(row for row in rows if len(row) == 2)
    assert shown["detection.mute"].startswith("volume_surge ")
    assert shown["detection.cool_down_minutes"].startswith("0 (no cool-down) ")
    assert shown["volume_surge"] == "is muted"
    notes = [line for line in out.splitlines() if line.startswith("note: ")]
    assert len(notes) == 2
    assert notes[1].startswith("note: brands.acme.detection.false_alarms_per_brand_year=9 is above ")
    content = json.loads(run("explain-config", "acme", "--config", str(path), "--json", capsys=capsys)[1])
    assert content["thresholds"]["volume_surge"] is None
    assert len(content["warnings"]) == 2


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "cp1252"])
def test_explain_config_writes_what_the_encoding_lacks_as_escapes(tmp_path, encoding):
    path = tmp_path / "tocsin.toml"
    path.write_text("[brands.acme.playbook]\nowner = '\u5e83\u5831\u90e8'\n", encoding="utf-8")
    environment = {**child_environment(Settings()), "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "pipeline", "explain-config", "acme", "--config", str(path)]
    found = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert (found.returncode, found.stderr) == (0, b"")
    owner = "\u5e83\u5831\u90e8" if encoding == "utf-8" else "\\u5e83\\u5831\\u90e8"
    assert f" {owner} " in found.stdout.decode(encoding)


@pytest.mark.parametrize("brand", ["Acme", "", "acme\n", "\x1b[31m"])
def test_explain_config_refuses_what_cannot_be_a_brand_as_wrong_usage(brand):
    found = CliRunner().invoke(tocsin, ["explain-config", brand])
    assert found.exit_code == 2
    assert "expected a brand that matches" in found.output
    assert "\x1b" not in found.output
