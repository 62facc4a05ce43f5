"""Texts of the configuration with fields that every alert fills in: links and drafts."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator


def template_faults(
    where: str, template: str, fields: Collection[str], example: str
) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a template, and the field that is not known, None for any other fault.

    Args:
        where: it stands in the file.
        template: with fields like those of `str.format`, names alone.
        fields: that there are.
        example: one of them, for people.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        yield f"{where}: must have fields like {{{example}}}: {error}; write a brace as {{{{ or }}}}", None
        return
    for _, field, format_spec, conversion in parts:
        if field in fields and (format_spec or conversion):
            yield f"{where}: must have {{{field}}} as it stands here, with nothing after the name", None
        elif field is not None and field not in fields:
            yield f"{where}: must have no other fields than {', '.join(fields)}", field
