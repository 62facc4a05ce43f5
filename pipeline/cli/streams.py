"""The standard streams in the character set that was asked for."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final

# click takes a stream in ASCII for one that nobody has set up, and writes UTF-8 into it. But Python gives UTF-8 where
# nothing is set up, so ASCII is what somebody asked for. Under another name click leaves it alone.
_ASCII: Final = "tocsin_ascii"


def keep_encodings() -> None:
    """Let stdout and stderr keep their encodings; what these lack is shown as an escape and is no reason to fail."""
    codecs.register(_codec)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_ASCII if is_ascii else None, errors="backslashreplace")


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != _ASCII:
        return None
    ascii_ = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=_ASCII,
        encode=ascii_.encode,
        decode=ascii_.decode,
        incrementalencoder=ascii_.incrementalencoder,
        incrementaldecoder=ascii_.incrementaldecoder,
        streamreader=ascii_.streamreader,
        streamwriter=ascii_.streamwriter,
    )
