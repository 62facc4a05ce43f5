"""Words of posts, made harmless for chats: they call nobody, link to nowhere and format nothing.

What a terminal needs (schemas.text.printable) is done as well.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

from schemas.text import printable

# Chats make of "@channel", "<!here>", "[text](address)" or "`code`" more than text. Their full-width twins read alike.
_LOOK_ALIKES: Final = str.maketrans(
    {"@": "＠", "<": "＜", ">": "＞", "&": "＆", "[": "［", "]": "］", "`": "'", "*": "∗", "|": "｜", "~": "∼"}
)
_JOINERS: Final = "\u200c\u200d"
_HTTP: Final = re.compile(r"http(?=s?:)", re.IGNORECASE)
_DOMAIN: Final = re.compile(f"(?<=\\S)\\.(?=[^\\W\\d_]|[{_JOINERS}\u0300-\u036f])")


def harmless(text: str, limit: int) -> str:
    """One line of at most `limit` characters that a chat shows as it stands.

    Addresses are defanged as security teams write them (hxxps[:]//evil[.]example), so that nothing can be clicked and
    no preview is fetched.
    """
    seen = (one for one in printable(text, limit) if one in _JOINERS or category(one) != "Cf")
    line = "".join(seen).translate(_LOOK_ALIKES)
    line = _DOMAIN.sub("[.]", _HTTP.sub("hxxp", line).replace("://", "[:]//"))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
