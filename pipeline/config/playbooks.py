"""Playbooks: who acts, who else is told, by when, in which steps and with which words, for every brand or in a case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from pipeline.config.errors import nearest
from pipeline.config.section import Section
from pipeline.config.templates import template_faults
from schemas.alert import Severity
from schemas.mention import BRAND_PATTERN

Person = Annotated[str, Meta(min_length=1, max_length=200)]
Link = Annotated[str, Meta(max_length=2048)]
Minutes = Annotated[int, Meta(ge=1, le=10_080)]
DraftLanguage = Literal["en", "zh", "ja", "de", "es", "fr", "pt"]
Draft = Annotated[str, Meta(min_length=1, max_length=1000)]
Name = Annotated[str, Meta(pattern=BRAND_PATTERN)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]

DRAFT_FIELDS: Final = ("brand", "cause", "mentions", "name", "since", "term")
"""Fields of a draft, filled in from the evidence."""
MAX_PLAYBOOK_BYTES: Final = 6_144
"""Of one section as JSON."""
MAX_WHOLE_PLAYBOOK_BYTES: Final = 2 * MAX_PLAYBOOK_BYTES
"""Of a playbook put together from sections and cases, so that every alert has room for it."""
MAX_CASES: Final = 100
_ALARMING: Final[tuple[Severity, ...]] = ("critical", "warning")
"""Severities of alerts that have a playbook."""


class PlaybookStep(Section, frozen=True):
    """One step of a checklist."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")]
    text: Annotated[str, Meta(min_length=1, max_length=200)]


class PlaybookSection(Section, frozen=True):
    """What the crisis team is to do. Each key may be given for every brand, by tier, by brand or category, by case."""

    owner: Person | None = None
    """Who acts: a person, a rota or a mailbox. Without one there is no playbook."""
    link: Link | None = None
    """Address of the instructions."""
    respond_within_minutes: Minutes | None = None
    """Time in which to act after an episode opened; gives `respond_by` in its alerts, and an escalation when it is over
    and nobody has acknowledged or answered."""
    deputies: Annotated[tuple[Person, ...], Meta(max_length=8)] | None = None
    """Who acts when the owner cannot, in this order."""
    spokesperson: Person | None = None
    """Who speaks in public."""
    legal_reviewer: Person | None = None
    """Who reads an answer before it is published."""
    inform: dict[Severity, Annotated[tuple[Person, ...], Meta(max_length=8)]] | None = None
    """Who else is told, by severity."""
    channel: Person | None = None
    """Where the team meets: a room, a chat, a number."""
    steps: Annotated[tuple[PlaybookStep, ...], Meta(max_length=20)] | None = None
    """Checklist: what is to be done, each with an `id` and a `text`."""
    drafts: dict[DraftLanguage, Draft] | None = None
    """Drafts of an answer by language, with the fields {brand}, {cause}, {mentions}, {name}, {since}, {term}."""


class PlaybookConfig(PlaybookSection, frozen=True):
    """The playbook that holds for a brand or category; part of its alerts."""

    owner: Person


class PlaybookCase(PlaybookSection, frozen=True):
    """What is to be done otherwise in a case: where all lists that are given name what the alert is about."""

    causes: tuple[Word, ...] = ()
    severities: tuple[Severity, ...] = ()
    languages: tuple[Word, ...] = ()
    brands: tuple[Name, ...] = ()
    categories: tuple[Name, ...] = ()

    def may_hold(self, brand: str, category: str | None) -> bool:
        """Whether it can hold for a brand."""
        return (not self.brands or brand in self.brands) and (not self.categories or category in self.categories)

    def holds(self, severity: Severity, cause: str, language: str) -> bool:
        """Whether it holds for an alert of a brand for which it may."""
        return (
            (not self.severities or severity in self.severities)
            and (not self.causes or cause in self.causes)
            and (not self.languages or language in self.languages)
        )

    def given(self) -> dict[str, Any]:
        """What it says of the playbook."""
        return given_keys(self)

    def document(self) -> dict[str, Any]:
        """All that it says."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value not in ((), None)}

    def holding(self) -> dict[str, Any]:
        """What of it can change an alert of a brand for which it may hold."""
        return {name: value for name, value in self.document().items() if name not in {"brands", "categories"}}


def given_keys(section: PlaybookSection) -> dict[str, Any]:
    """The keys of a playbook that a section gives."""
    return {name: value for name in PlaybookSection.__struct_fields__ if (value := getattr(section, name)) is not None}


def case_faults(cases: tuple[PlaybookCase, ...], brands: Mapping[str, object], categories: set[str]) -> Iterator[str]:
    """Every fault of the cases that their types do not exclude, each on one line.

    Args:
        cases: in their order.
        brands: with a section, by name.
        categories: of some brand.
    """
    if len(cases) > MAX_CASES:
        yield f"playbook_cases: must be {MAX_CASES} at most, got {len(cases)}"
    for number, case in enumerate(cases):
        where = f"playbook_cases[{number}]"
        for category in case.categories:
            if category not in categories:
                yield f"{where}.categories={category!r}: must be the category of a brand{nearest(category, categories)}"
        for brand in case.brands:
            if brand not in brands:
                yield f"{where}.brands={brand!r}: must have a section in [brands]{nearest(brand, brands)}"
        if case.languages and case.respond_within_minutes is not None:
            yield (
                f"{where}.respond_within_minutes: must not stand in a case with languages: which one an episode is in "
                "is not known for sure when the time is over"
            )
        if not case.given():
            yield f"{where}: must say something of the playbook, such as owner"


def playbook_faults(where: str, section: PlaybookSection) -> Iterator[str]:
    """Every fault of one playbook that its types do not exclude, each on one line."""
    for language, text in (section.drafts or {}).items():
        for fault, unknown in template_faults(f"{where}.drafts.{language}", text, DRAFT_FIELDS, "name"):
            yield fault if unknown is None else f"{fault}, got {unknown!r}"
    ids = [step.id for step in section.steps or ()]
    if len(set(ids)) < len(ids):
        yield f"{where}.steps: must have different ids, got {', '.join(ids)}"
    size = len(msgspec.json.encode(given_keys(section)))
    if size > MAX_PLAYBOOK_BYTES:
        yield f"{where}: must be {MAX_PLAYBOOK_BYTES:,} bytes at most, got {size:,}"


def whole_faults(where: str, base: Mapping[str, Any], cases: Sequence[PlaybookCase]) -> Iterator[str]:
    """At most one fault: the sections of a playbook are small enough, and what they give together is not.

    Args:
        where: the playbook stands in the file.
        base: what holds where no case does.
        cases: that may hold for it, in their order.
    """
    sizes = {key: _size(value) for key, value in base.items()}
    for case in cases:
        sizes |= {key: max(_size(value), sizes.get(key, 0)) for key, value in case.given().items()}
    if sum(sizes.values()) <= MAX_WHOLE_PLAYBOOK_BYTES:
        return  # not even the largest of everything is too large
    causes, languages = ({*words, ""} for words in _words_of(cases))
    for severity, cause, language in product(_ALARMING, sorted(causes), sorted(languages)):
        found = dict(base)
        for case in cases:
            if case.holds(severity, cause, language):
                found |= case.given()
        size = _size(found)
        if size > MAX_WHOLE_PLAYBOOK_BYTES:
            about = ", ".join(filter(None, (severity, cause, language)))
            yield (
                f"{where}: put together for an alert ({about}) must be {MAX_WHOLE_PLAYBOOK_BYTES:,} bytes at most, got "
                f"{size:,}"
            )
            return


def _words_of(cases: Sequence[PlaybookCase]) -> tuple[set[str], set[str]]:
    """The causes and the languages that the cases name."""
    return {word for case in cases for word in case.causes}, {word for case in cases for word in case.languages}


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))
