"""The environment: typed, complete, and with secrets that never show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.config.settings import PREFIX, Settings, child_environment, load_settings
from pipeline.errors import ConfigError

SECRET = "correct-horse-battery"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):  # noqa: TID251 - the test must not see the caller's settings
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


def test_without_variables_every_default_holds_and_the_broker_is_local():
    settings = load_settings()
    assert settings.kafka_bootstrap == "127.0.0.1:9092"
    assert settings.kafka_security_protocol == "PLAINTEXT"


def test_a_variable_reaches_its_setting(monkeypatch):
    monkeypatch.setenv("TOCSIN_METRICS_PORT", "0")
    monkeypatch.setenv("TOCSIN_TOPIC_PREFIX", "staging-")
    settings = load_settings()
    assert settings.metrics_port == 0
    assert settings.topic_prefix == "staging-"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("TOCSIN_KAFKA_BOOTSTRAPS", "got TOCSIN_KAFKA_BOOTSTRAPS; did you mean TOCSIN_KAFKA_BOOTSTRAP?"),
        ("TOCSIN_GRUOP", "got TOCSIN_GRUOP; did you mean TOCSIN_GROUP?"),
        ("tocsin_gruop", "got tocsin_gruop; did you mean TOCSIN_GROUP?"),
        ("TOCSIN_ZZZZZZZZ", "expected one of the TOCSIN_ settings, got TOCSIN_ZZZZZZZZ"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_one(monkeypatch, name, message):
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).endswith(message)
    assert SECRET not in str(caught.value)


def test_jars_are_shared_by_all_folders_of_a_user_unless_a_home_is_given(monkeypatch, tmp_path):
    """Data stay in the current folder; a relative XDG_CACHE_HOME does not count."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert load_settings().jars == tmp_path / ".cache" / "tocsin"
    assert load_settings().home == Path(".tocsin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert load_settings().jars == tmp_path / "cache" / "tocsin"
    monkeypatch.setenv("TOCSIN_HOME", "here")
    assert load_settings().jars == load_settings().home == Path("here")


def test_a_user_without_a_home_keeps_the_jars_with_the_data(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert load_settings().jars == Path(".tocsin")


def test_variables_of_other_programs_are_none_of_our_business(monkeypatch):
    monkeypatch.setenv("TOCSINX", "1")
    monkeypatch.setenv("MY_TOCSIN_GROUP", "1")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("TOCSIN_METRICS_PORT", "http", "valid integer"),
        ("TOCSIN_METRICS_PORT", "65536", "less than or equal to 65535"),
        ("TOCSIN_METRICS_PORT", "-1", "greater than or equal to 0"),
        ("TOCSIN_KAFKA_TIMEOUT_SECONDS", "31", "less than or equal to 30"),
        ("TOCSIN_KAFKA_TIMEOUT_SECONDS", "nan", ""),
        ("TOCSIN_KAFKA_SECURITY_PROTOCOL", "TLS", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ("TOCSIN_KAFKA_SSL_CHECK_HOSTNAME", "perhaps", "valid boolean"),
        ("TOCSIN_KAFKA_BOOTSTRAP", "", "at least 1 character"),
        ("TOCSIN_GROUP", "a b", "pattern"),
        ("TOCSIN_TOPIC_PREFIX", "staging.", "pattern"),
        ("TOCSIN_LOG_LEVEL", "trace", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused_with_variable_value_and_rule(monkeypatch, name, value, rule):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"environment: {name}={value!r}: ")
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


WHOLE = {
    "TOCSIN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "TOCSIN_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "TOCSIN_KAFKA_SASL_USERNAME": "tocsin",
    "TOCSIN_KAFKA_SASL_PASSWORD": SECRET,
}


def test_sasl_with_all_its_parts_is_taken(monkeypatch):
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    password = load_settings().kafka_sasl_password
    assert password is not None
    assert password.get_secret_value() == SECRET


@pytest.mark.parametrize("content", [SECRET, SECRET + "\n", SECRET + "\r\n"], ids=["bare", "line", "crlf"])
def test_a_password_may_come_from_a_file_and_is_read_when_it_is_needed(monkeypatch, tmp_path, content):
    path = tmp_path / "password"
    path.write_bytes(content.encode())
    for name, value in WHOLE.items():
        if name != "TOCSIN_KAFKA_SASL_PASSWORD":
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOCSIN_KAFKA_SASL_PASSWORD_FILE", str(path))
    settings = load_settings()
    assert settings.sasl_password() == SECRET
    assert SECRET not in str(settings.masked())
    assert SECRET not in str(child_environment(settings))
    path.write_text("another-one\n")
    assert settings.sasl_password() == "another-one"
    path.unlink()
    with pytest.raises(ConfigError, match="TOCSIN_KAFKA_SASL_PASSWORD_FILE must name a file that can be read"):
        settings.sasl_password()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines\n", b"\xff" + SECRET.encode(), b"a\0b", SECRET.encode() * 1000]
)
def test_a_password_file_that_holds_no_password_is_named_and_its_content_is_not_shown(monkeypatch, tmp_path, content):
    path = tmp_path / "password"
    path.write_bytes(content)
    monkeypatch.setenv("TOCSIN_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("TOCSIN_KAFKA_SSL_PASSWORD_FILE", str(path))
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"environment: TOCSIN_KAFKA_SSL_PASSWORD_FILE={str(path)!r} must hold ")
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_password_given_twice_is_refused(monkeypatch, tmp_path):
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOCSIN_KAFKA_SASL_PASSWORD_FILE", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == (
        "environment: expected TOCSIN_KAFKA_SASL_PASSWORD or TOCSIN_KAFKA_SASL_PASSWORD_FILE, got both"
    )


def test_an_empty_variable_of_a_setting_without_a_default_is_not_set(monkeypatch):
    for name, field in Settings.model_fields.items():
        if field.default is None:
            monkeypatch.setenv(PREFIX + name.upper(), "")
    assert load_settings() == Settings()
    assert load_settings().config is None


@pytest.mark.parametrize("missing", list(WHOLE)[1:])
@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
def test_sasl_without_one_of_its_parts_names_the_part(monkeypatch, missing, protocol):
    for name, value in (WHOLE | {"TOCSIN_KAFKA_SECURITY_PROTOCOL": protocol}).items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == (
        f"environment: {missing} must be set when TOCSIN_KAFKA_SECURITY_PROTOCOL is {protocol}"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "kafka://one:9092",
            "without a scheme (the protocol is TOCSIN_KAFKA_SECURITY_PROTOCOL), got 'kafka://one:9092'",
        ),
        ("one:9092,PLAINTEXT://two:9092", "got 'PLAINTEXT://two:9092'"),
        ("one:9092/", "got 'one:9092/'"),
        (":9092", "got ':9092'"),
        ("one:port", "got 'one:port'"),
        ("one:0", "got 'one:0'"),
        ("one:65536", "got 'one:65536'"),
        ("one:1,,two:2", "got ''"),
        ("one:\u0661", "got 'one:"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_asked(monkeypatch, text, words):
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP", text)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    (line,) = caught.value.lines
    assert line.startswith(f"environment: TOCSIN_KAFKA_BOOTSTRAP={text!r}: ")
    assert "expected host:port, comma separated" in line
    assert words in line


@pytest.mark.parametrize(
    ("name", "protocol", "others"),
    [
        ("SASL_USERNAME", "PLAINTEXT", "SASL_SSL or SASL_PLAINTEXT"),
        ("SASL_MECHANISM", "SSL", "SASL_SSL or SASL_PLAINTEXT"),
        ("SASL_PASSWORD", "PLAINTEXT", "SASL_SSL or SASL_PLAINTEXT"),
        ("SSL_PASSWORD", "PLAINTEXT", "SSL or SASL_SSL"),
    ],
)
def test_a_login_that_the_protocol_passes_over_is_refused(monkeypatch, name, protocol, others):
    monkeypatch.setenv("TOCSIN_KAFKA_SECURITY_PROTOCOL", protocol)
    monkeypatch.setenv(f"TOCSIN_KAFKA_{name}", "PLAIN")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.lines == (
        (
            f"environment: TOCSIN_KAFKA_{name} is set, but TOCSIN_KAFKA_SECURITY_PROTOCOL is {protocol}, which does "
            f"not use it: set that to {others}, or unset it"
        ),
    )


def test_a_certificate_that_the_protocol_passes_over_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "authority.pem"
    path.touch()
    monkeypatch.setenv("TOCSIN_KAFKA_SSL_CAFILE", str(path))
    with pytest.raises(ConfigError, match="TOCSIN_KAFKA_SSL_CAFILE is set, but TOCSIN_KAFKA_SECURITY_PROTOCOL is"):
        load_settings()


def test_all_faults_of_the_environment_are_listed_at_once(monkeypatch):
    for name, value in {"GRUOP": "x", "METRICS_PORT": "http", "LOG_LEVEL": "trace"}.items():
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert [line.split()[1].partition("=")[0] for line in caught.value.lines] == [
        "expected",
        "TOCSIN_METRICS_PORT",
        "TOCSIN_LOG_LEVEL",
    ]


def test_all_parts_of_sasl_that_are_missing_are_listed_at_once(monkeypatch):
    monkeypatch.setenv("TOCSIN_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert [line.split()[1] for line in caught.value.lines] == list(WHOLE)[1:]


@pytest.mark.parametrize("name", ["CAFILE", "CERTFILE", "KEYFILE"])
@pytest.mark.parametrize("file", ["absent.pem", "x" * 300])
def test_a_certificate_file_that_is_absent_is_named(monkeypatch, tmp_path, name, file):
    path = tmp_path / file
    monkeypatch.setenv("TOCSIN_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv(f"TOCSIN_KAFKA_SSL_{name}", str(path))
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == (
        f"environment: TOCSIN_KAFKA_SSL_{name} must name a file that can be read, got {str(path)!r}"
    )


def test_secrets_show_neither_masked_nor_printed_nor_in_any_error(monkeypatch):
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOCSIN_KAFKA_SSL_PASSWORD", SECRET)
    settings = load_settings()
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.masked())
    assert settings.masked()["TOCSIN_KAFKA_SASL_PASSWORD"] == "**********"
    for name, value in {"TOCSIN_METRICS_PORT": "x", "TOCSIN_KAFKA_SSL_CAFILE": "absent"}.items():
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError) as caught:
            load_settings()
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        monkeypatch.delenv(name)


def test_every_setting_is_shown_masked_and_explains_itself():
    assert set(load_settings().masked()) == {PREFIX + name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_settings_cannot_be_changed_after_they_were_read():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().group = "other"
