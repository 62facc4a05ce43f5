"""Everything that reads bytes from strangers, each as a function that raises nothing but what it declares.

A target that returns has either taken the input or refused it as its docstring says; any other exception is a finding.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

import msgspec
from kafka.errors import CorruptRecordError

from detectors.sentiment.drift import DriftState
from detectors.sentiment.models import NEGATIVE_PRIOR
from detectors.sentiment.regression import HashedRegression
from detectors.sentiment.state import decode as decode_chunk
from detectors.sentiment.state import encode as encode_chunk
from detectors.sentiment.state import parse_name
from pipeline.cli.alert_text import alert_lines
from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.config.settings import PREFIX, Settings, load_settings
from pipeline.engine import state
from pipeline.engine.engine import Engine
from pipeline.engine.records import TICK_HEADER, Record
from pipeline.errors import ConfigError, DeadLetterLimitError, StateError, TocsinError
from pipeline.files.mentions import lines
from pipeline.files.observations import read_observations
from pipeline.kafka.codecs import _Decoder
from pipeline.kafka.dead_letters import dead_letter_of
from schemas.alert import decode_alert, encode_alert
from schemas.mention import MAX_MENTION_BYTES, decode_mention, encode_mention, event_seconds, record_key
from schemas.rejection import Rejected
from tests.pipeline.mention_streams import START, mention, troubled_stream

Target = Callable[[bytes], object]
_EXAMPLES: Final = Path(__file__).parents[2] / "schemas" / "examples"
_CONFIG: Final = Config()
_SEPARATOR: Final = b"\x00|\x00"


@contextmanager
def _file(data: bytes, suffix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"input{suffix}"
        path.write_bytes(data)
        yield path


def read_mention(data: bytes) -> None:
    """A mention, which encodes to itself; or Rejected."""
    with suppress(Rejected):
        found = decode_mention(data)
        value = encode_mention(found)
        assert len(value) > MAX_MENTION_BYTES or decode_mention(value) == found


def read_line(data: bytes) -> None:
    """Key and event time of a line that is published, which need not be a mention."""
    record_key(data)
    event_seconds(data)


def read_alert(data: bytes) -> None:
    """An alert, which encodes to itself and can be shown; or what `tocsin alerts` reports as unreadable."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = decode_alert(data)
        alert_lines(found)
        with suppress(ValueError):  # too large to be written again
            assert decode_alert(encode_alert(found)) == found


def read_table(data: bytes) -> None:
    """Observations of a CSV file, or TocsinError."""
    with _file(data, ".csv") as path, suppress(TocsinError):
        read_observations([str(path)])


def read_packed(data: bytes) -> None:
    """Lines of a gzip file, or TocsinError."""
    with _file(data, ".jsonl.gz") as path, suppress(TocsinError):
        for line in lines(str(path)):
            record_key(line)


def read_config(data: bytes) -> None:
    """A configuration that can be asked about a brand, or ConfigError."""
    with _file(data, ".toml") as path, suppress(ConfigError):
        found = load_config(path)
        found.explain("acme")
        found.document()


def read_environment(data: bytes) -> None:
    """Settings of an environment whose variables are separated by NUL, or ConfigError."""
    names = [PREFIX + name.upper() for name in Settings.model_fields]
    variables = {}
    for number, part in enumerate(data.split(b"\x00")[: len(names)]):
        name, equals, value = part.decode("utf-8", "surrogateescape").partition("=")
        if not equals:
            name, value = names[(len(part) + number) % len(names)], name
        if name and "\x00" not in value:
            variables[name] = value
    with patch.dict(os.environ, variables, clear=True), suppress(ConfigError):  # noqa: TID251 - what is under test
        load_settings().masked()


def read_state(data: bytes) -> None:
    """Records of the state topic, of every kind, or StateError."""
    for decode in (state.decode_brand, state.decode_open, state.decode_category, state.decode_checkpoint):
        with suppress(StateError):
            decode(b"acme", data)


def _model() -> HashedRegression:
    return HashedRegression(*NEGATIVE_PRIOR)


def read_chunk(data: bytes) -> None:
    """A chunk of a language's model, or ValueError."""
    for name in ("en/head", "en/00"):
        with suppress(ValueError):
            decode_chunk(name, parse_name(name)[1], data, _model(), _model())


def read_records(data: bytes) -> None:
    """Records of the mentions topic through the engine: key, value and tick header cut from the input, in turn."""
    engine = Engine(0, _CONFIG)
    parts = data.split(_SEPARATOR)[:30]
    records = []
    for offset, value in enumerate(parts):
        key = (None, b"acme", value[:70], record_key(value))[len(value) % 4]
        headers = ((TICK_HEADER, value[:30]), ("x", value)) if len(value) % 5 == 0 else ()
        records.append(Record(offset, (START + 9_000) * 1000, key, None if headers else value, headers))
    with suppress(DeadLetterLimitError):
        engine.process(records)
    for key, packed in engine.snapshot():
        assert packed is None or len(packed) <= 1 << 20, key


def read_dead_letter(data: bytes) -> None:
    """A dead letter of anybody, as one line."""
    first, _, rest = data.partition(_SEPARATOR)
    names = ("tocsin-reason", "tocsin-error", "tocsin-partition", "tocsin-timestamp", "tocsin-size")
    headers = [(name, first) for name in names]
    found = SimpleNamespace(topic="t", partition=0, offset=0, key=first or None, value=rest or None, headers=headers)
    assert "\n" not in dead_letter_of(found).line()


def read_batch(data: bytes) -> None:
    """A compressed batch of the alerts topic, or CorruptRecordError."""
    for codec in ("lz4", "snappy", "zstd"):
        with suppress(CorruptRecordError):
            _Decoder(codec)(data)


TARGETS: Final[dict[str, Target]] = {
    "mention": read_mention,
    "line": read_line,
    "alert": read_alert,
    "table": read_table,
    "packed": read_packed,
    "config": read_config,
    "environment": read_environment,
    "state": read_state,
    "chunk": read_chunk,
    "records": read_records,
    "dead-letter": read_dead_letter,
    "batch": read_batch,
}


def seeds(name: str) -> list[bytes]:
    """Good inputs of a target, to be mutated."""
    return _SEEDS.get(name, lambda: _examples("mention"))()


def _examples(kind: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((_EXAMPLES / kind / "v1").rglob("*.json"))]


def _table() -> list[bytes]:
    return [b"brand,start,mentions,negatives\nacme,2026-01-01T00:00:00Z,5,1\nbolt,1767225600,3,.5\n"]


def _packed() -> list[bytes]:
    import gzip

    return [gzip.compress(b"\n".join(_examples("mention")), mtime=0)]


def _configuration() -> list[bytes]:
    text = (_EXAMPLES.parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    return [text.partition("```toml\n")[2].partition("```")[0].encode()]


def _variables() -> list[bytes]:
    return [
        b"TOCSIN_METRICS_PORT=0\0TOCSIN_GROUP=a\0TOCSIN_KAFKA_SASL_PASSWORD=x",
        b"TLS\0\0 12",
        b"a:b\0nan\0[]",
    ]


def _state() -> list[bytes]:
    engine = Engine(0, _CONFIG)
    engine.process(list(troubled_stream(1, hours=30)))
    return [value for key, value in engine.snapshot() if value and not key.startswith(b"#sentiment")]


def _chunks() -> list[bytes]:
    model = _model()
    return [encode_chunk(index, model, model, DriftState()) for index in (-1, 0)]


def _records() -> list[bytes]:
    return [_SEPARATOR.join([mention(id=str(n), at=START + 60 * n) for n in range(5)]), b"1767225600000"]


def _batches() -> list[bytes]:
    import cramjam

    alerts = b"\n".join(_examples("alert"))
    packed = (cramjam.lz4.compress(alerts), cramjam.snappy.compress_raw(alerts), cramjam.zstd.compress(alerts))
    return [bytes(one) for one in packed]


_SEEDS: Final[dict[str, Callable[[], list[bytes]]]] = {
    "alert": lambda: _examples("alert"),
    "table": _table,
    "packed": _packed,
    "config": _configuration,
    "environment": _variables,
    "state": _state,
    "chunk": _chunks,
    "records": _records,
    "dead-letter": lambda: [b"1700000000000" + _SEPARATOR + mention()],
    "batch": _batches,
}
