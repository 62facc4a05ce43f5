"""Decoders of lz4, snappy and zstd for kafka-python, from the package that aiokafka uses.

kafka-python itself looks for three other packages, and without them refuses a topic that a broker or a producer has
compressed.
"""

from __future__ import annotations

from typing import Final

_CODECS: Final = ("lz4", "snappy", "zstd")


def install() -> None:
    """Give kafka-python the decoders that it has not found itself. Idempotent."""
    import kafka.codec
    from kafka.record import default_records

    for name in _CODECS:
        if not getattr(kafka.codec, f"has_{name}")():
            setattr(kafka.codec, f"has_{name}", _yes)
            setattr(default_records, f"{name}_decode", _Decoder(name))


def _yes() -> bool:
    return True


class _Decoder:
    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, payload: bytes) -> bytes:
        """The batch, decompressed.

        Raises:
            kafka.errors.CorruptRecordError: it is not compressed by this codec.
        """
        import cramjam
        from aiokafka import codec
        from kafka.errors import CorruptRecordError

        try:
            decompressed: bytes = getattr(codec, f"{self._name}_decode")(payload)
        except (cramjam.DecompressionError, ValueError) as error:
            raise CorruptRecordError(f"expected a batch compressed by {self._name}: {error}") from error
        return decompressed
