"""The configuration of detection and behaviour, from a TOML file: defaults -> tier -> brand, validated as a whole.

    [detection]                        # every brand
    false_alarms_per_brand_year = 1.0
    [tiers.flagship.detection]         # brands of a tier
    false_alarms_per_brand_year = 4.0
    [brands.acme]                      # one brand
    tier = "flagship"
    category = "airlines"              # brands that it is compared with when many move together
    names = { en = "Acme", zh = "顶点" }  # what people call it: in headlines, and no term of a surge
    [brands.acme.detection]
    cool_down_minutes = 720
    [brands.acme.playbook]
    owner = "duty-officer@acme.example"
    [categories.airlines.playbook]     # for alerts about the category
    owner = "industry-desk@acme.example"

    [links]                            # in alerts: {episode_id}, {brand}, {from_ms} ...
    hub = "https://tocsin.acme.example/episodes/{episode_id}"

    [[playbook_cases]]                 # what is to be done otherwise for a cause, severity, language, brand or category
    causes = ["data_breach"]
    legal_reviewer = "privacy-office@acme.example"

`playbook` may stand at the top, in a tier, a brand or a category. Every error names the key, the value, the rule and,
for an unknown key, the nearest known one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from pipeline.config.checks import file_faults
from pipeline.config.layers import Layer, brand_playbooks, category_of, category_playbooks, merged, overrides, playbooks
from pipeline.config.playbooks import PlaybookCase, PlaybookConfig, PlaybookSection, given_keys
from pipeline.config.section import Section
from pipeline.errors import ConfigError
from schemas.activity import ActivityChoice
from schemas.alert import DEFAULT_SOURCE, Kind, Severity
from schemas.mention import BRAND_PATTERN, Channel

DEFAULT_DETECTOR: Final = "daily-maxima"


Source = Annotated[str, Meta(min_length=1, max_length=64)]


class EngineConfig(Section, frozen=True):
    """How event time and bad records are treated. Every value takes part in the config_hash of every alert."""

    allowed_lateness_seconds: Annotated[int, Meta(ge=0, le=3600)] = 120
    """Time that a bucket stays open after its end, by the largest event time seen; mentions after that are late."""
    allowed_lateness_seconds_by_source: dict[Source, Annotated[int, Meta(ge=0, le=86_400)]] = msgspec.field(
        default_factory=dict
    )
    """The same for mentions of slow platforms or channels, by name. Nothing waits for them: a mention that is late by
    no more is counted when it comes. Later ones, up to a day, are in evidence and totals alone."""
    future_tolerance_seconds: Annotated[int, Meta(ge=0, le=3600)] = 60
    """An event_time further ahead of the record's Kafka timestamp than this is a dead letter."""
    dead_letter_run_limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """Number of refused records in a row on one partition that stops the worker; 0 never stops it."""
    max_ids_per_brand: Annotated[int, Meta(ge=100, le=20_000)] = 16_384
    """Ids kept per brand over its open buckets to find duplicates; further ones are counted as unchecked."""
    forget_after_days: Annotated[int, Meta(ge=8, le=3650)] = 60
    """Days without a mention after which a brand expires; if it returns it starts as new. Above every cool-down."""
    forget_new_after_days: Annotated[int, Meta(ge=1, le=365)] = 7
    """The same for a brand that has never been warm (mentioned over less than a day)."""
    max_brands: Annotated[int, Meta(ge=100, le=10_000_000)] = 200_000
    """Maximum of brands per partition: above it brands expire, first those never warm, the least recently mentioned
    first. As many buckets of unknown brands may be open at once; mentions of more unknown brands are dead letters."""


class SentimentConfig(Section, frozen=True):
    """How a mention is classified as negative, positive or neither."""

    negative_below: Annotated[float, Meta(ge=-1.0, le=0.0)] = -0.25
    """A trusted `sentiment` at or below this is negative."""
    positive_above: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.25
    """A trusted `sentiment` at or above this is positive."""
    full_texts_per_bucket: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Texts scored in full per brand and bucket; past that a sample by position in the bucket stands for the others."""
    sample_one_in: Annotated[int, Meta(ge=1, le=1024)] = 8
    """Share of the sample: one text in so many."""
    learn: bool = True
    """Learn online from mentions that carry a trusted `sentiment`."""
    full_labels_per_bucket: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    """Labels learned per language, partition and five minutes before sampling; after that the n-th is learned with
    probability this / n."""


Misplaced = Literal["warn", "dead_letter", "reroute"]


class WorkerConfig(Section, frozen=True):
    """How often the worker does what. No value but `misplaced` changes an alert."""

    checkpoint_seconds: Annotated[float, Meta(ge=0.1, le=300.0)] = 5.0
    """Maximum time between two checkpoints of a partition; an alert is followed by one at once."""
    ticks: bool = True
    """Append tick records to idle partitions so that event time advances there; false where the topic is not ours."""
    tick_idle_seconds: Annotated[float, Meta(ge=1.0, le=3600.0)] = 30.0
    """Time without a record after which a partition is idle."""
    max_poll_records: Annotated[int, Meta(ge=1, le=50_000)] = 4000
    """Maximum of records that are read from a partition at once."""
    top_brands: Annotated[int, Meta(ge=0, le=1000)] = 20
    """Brands with the most mentions that have metric series of their own, beside those with an open episode."""
    misplaced: Misplaced = "warn"
    """Mentions that lie on another partition than their key's. warn: counted there, apart from the brand's others;
    dead_letter: refused; reroute: written to the right partition, where they count, in the checkpoint's transaction."""
    ce_source: Annotated[str, Meta(pattern=r"^[!-~]{1,256}\Z")] = DEFAULT_SOURCE
    """Source of alerts in their CloudEvents header, a URI reference: what tells one installation from another."""
    feedback: bool = True
    """Bring feedback on episodes from alert-feedback into the mentions, where it counts; only with `ticks`."""
    activity: ActivityChoice = "all"
    """Closed buckets with a record on brand-activity. all: of every brand; burning: of a brand with an open episode or
    a score above an ordinary day's highest; off: none."""

    @property
    def relays_feedback(self) -> bool:
        """Whether feedback is brought into the mentions: only where the worker may append to them."""
        return self.feedback and self.ticks


class DetectionConfig(Section, frozen=True):
    """When alarms fire. Each value may be overridden by tier and by brand."""

    false_alarms_per_brand_year: Annotated[float, Meta(ge=0.01, le=100.0)] = 1.0
    """Tolerated false crisis alarms per brand and year; calibration turns this into the crisis threshold."""
    sentiment_shift_threshold: Annotated[float, Meta(ge=1.0, le=100.0)] = 5.0
    """Score at which negativity without volume opens a sentiment_shift."""
    volume_surges_per_brand_year: Annotated[float, Meta(ge=0.1, le=100.0)] = 24.0
    """volume_surge episodes (informational) per ordinary brand and year; sets their threshold."""
    high_reach_posts_per_brand_year: Annotated[float, Meta(ge=0.0, le=100.0)] = 1.0
    """Tolerated high_reach_post alerts per ordinary brand and year; sets their threshold; 0: none opens."""
    detector: Annotated[str, Meta(min_length=1, max_length=520)] = DEFAULT_DETECTOR
    """What judges the brand: daily-maxima, ewma, or river: and a composition of River's (docs/adding-a-detector.md).
    Brands of a category must have daily-maxima. After a change the brand's detector begins afresh."""
    copies: Literal["count", "story"] = "story"
    """Weight of reposts and near-copies of one post. story: reposts count as the people who made them, copies not
    marked as reposts as 1 + log10 of their number; count: each is a mention of its own. Copies lift no severity."""
    critical_ratio: Annotated[float, Meta(ge=1.0, le=10.0)] = 1.5
    """A crisis is critical once its score passes threshold x this."""
    release_ratio: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5
    """An episode is quiet while its score is below threshold x this (hysteresis)."""
    quiet_minutes: Annotated[int, Meta(ge=5, le=10_080)] = 120
    """Quiet time after which an episode is resolved."""
    cool_down_minutes: Annotated[int, Meta(ge=0, le=10_080)] = 360
    """Time after a resolved sentiment_shift in which none opens, and after a crisis in which one is the same fire."""
    volume_surge_cool_down_minutes: Annotated[int, Meta(ge=0, le=10_080)] = 1440
    """Time after a resolved volume_surge in which none opens."""
    crisis_alerts_per_brand_year: Annotated[float, Meta(ge=0.0, le=1000.0)] = 6.0
    """Alert budget: crises per brand and year in the long run; the threshold rises as it is used up; 0: no budget."""
    sentiment_shift_alerts_per_brand_year: Annotated[float, Meta(ge=0.0, le=1000.0)] = 6.0
    """The same budget for sentiment_shift."""
    volume_surge_alerts_per_brand_year: Annotated[float, Meta(ge=0.0, le=1000.0)] = 52.0
    """The same budget for volume_surge."""
    high_reach_post_alerts_per_brand_year: Annotated[float, Meta(ge=0.0, le=1000.0)] = 6.0
    """The same budget for high_reach_post."""
    mute: tuple[Kind, ...] = ()
    """Kinds that never open an episode; one that is open when this begins ends after the quiet time."""


HASHED_SINCE: Final = frozenset(
    {
        "mute",
        "allowed_lateness_seconds_by_source",
        "high_reach_posts_per_brand_year",
        "high_reach_post_alerts_per_brand_year",
    }
)
"""Keys that came later: at their default they take no part in the config_hash, which stays as it was."""

Category = Annotated[str, Meta(pattern=BRAND_PATTERN)]
NameLanguage = Literal["en", "zh", "ja", "de", "es", "fr", "pt"]
DisplayName = Annotated[str, Meta(min_length=1, max_length=64)]


LinkName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\Z")]
LinkTemplate = Annotated[str, Meta(max_length=512)]


class TierSection(Section, frozen=True):
    category: Category | None = None
    detection: dict[str, Any] = msgspec.field(default_factory=dict)
    playbook: PlaybookSection | None = None


class BrandSection(Section, frozen=True):
    tier: str | None = None
    category: Category | None = None
    names: dict[NameLanguage, DisplayName] = msgspec.field(default_factory=dict)
    """What people call it, by language."""
    detection: dict[str, Any] = msgspec.field(default_factory=dict)
    playbook: PlaybookSection | None = None


class CategorySection(Section, frozen=True):
    playbook: PlaybookSection | None = None


class PlatformSection(Section, frozen=True):
    """What holds for the mentions of one platform that do not say it themselves."""

    channel: Channel | None = None
    """Channel of mentions that have none."""
    default_reach: Annotated[int, Meta(ge=1, le=100_000_000_000)] | None = None
    """People whom a post there reaches at least; mentions that state less have this reach."""


class ConfigFile(Section, frozen=True):
    """The TOML file as written."""

    engine: EngineConfig = EngineConfig()
    sentiment: SentimentConfig = SentimentConfig()
    worker: WorkerConfig = WorkerConfig()
    detection: DetectionConfig = DetectionConfig()
    platforms: dict[Source, PlatformSection] = msgspec.field(default_factory=dict)
    tiers: dict[str, TierSection] = msgspec.field(default_factory=dict)
    categories: dict[str, CategorySection] = msgspec.field(default_factory=dict)
    brands: dict[str, BrandSection] = msgspec.field(default_factory=dict)
    playbook: PlaybookSection | None = None
    playbook_cases: tuple[PlaybookCase, ...] = ()
    links: dict[LinkName, LinkTemplate] = msgspec.field(default_factory=dict)


class BrandConfig(msgspec.Struct, frozen=True):
    """The effective configuration of one brand.

    Attributes:
        detection: thresholds and hysteresis.
        playbook: what to do where no case says otherwise, or None.
        cases: playbooks of cases that may hold for the brand, each over the one before.
        config_hash: 12 hexadecimal digits over everything that can change one of this brand's alerts.
        category: the brands that it is compared with when many move together, or None.
        names: what people call it, by language: shown in headlines, and no term of a surge.
        links: templates of addresses in alerts, by name.
    """

    detection: DetectionConfig
    playbook: PlaybookConfig | None
    config_hash: str
    category: str | None = None
    names: Mapping[str, str] = MappingProxyType({})
    links: Mapping[str, str] = MappingProxyType({})
    cases: tuple[PlaybookCase, ...] = ()

    def playbook_for(self, severity: Severity, cause: str = "", language: str = "") -> PlaybookConfig | None:
        """The playbook of an alert; None where nobody is named who acts.

        Args:
            severity: of the episode.
            cause: its name; "" where it is unsure.
            language: of most of the texts; "" where that is not known.
        """
        holding = [case for case in self.cases if case.holds(severity, cause, language)]
        if not holding:
            return self.playbook
        found = {} if self.playbook is None else given_keys(self.playbook)
        for case in holding:
            found |= case.given()
        return PlaybookConfig(**found) if "owner" in found else None


class Config:
    """The effective configuration: the file, resolved per brand."""

    def __init__(self, file: ConfigFile | None = None) -> None:
        """Resolve the file; without one, every default.

        Raises:
            ConfigError: sections of tiers, categories or brands break rules; it lists every fault.
        """
        self.file = file or ConfigFile()
        faults = tuple(file_faults(self.file))
        if faults:
            raise ConfigError(*faults)
        self.engine = self.file.engine
        self.sentiment = self.file.sentiment
        self.worker = self.file.worker
        self.platforms = self.file.platforms
        self._members = self._categories()
        self._default = self._resolve("", playbooks(self.file), {})
        self._category_configs = {
            category: self._resolve("", category_playbooks(self.file, category), {}, category)
            for category in sorted(self._members)
        }
        self._brands = {
            name: self._resolve(
                name,
                brand_playbooks(self.file, name, brand),
                merged(overrides(self.file, name, brand)),
                category_of(self.file, brand),
                {str(language): shown for language, shown in brand.names.items()},
            )
            for name, brand in self.file.brands.items()
        }
        content = msgspec.json.encode(self.document(), order="sorted")
        self.hash = hashlib.sha256(content).hexdigest()[:12]
        """12 hexadecimal digits over the whole of it, as tocsin_config_info shows it."""

    @property
    def default_hash(self) -> str:
        """The config_hash in alerts of brands without a section."""
        return self._default.config_hash

    def brand(self, name: str) -> BrandConfig:
        """The configuration of a brand; brands without a section share one value."""
        return self._brands.get(name, self._default)

    def members(self, category: str) -> tuple[str, ...]:
        """The brands of a category, by name; none for a category without brands."""
        return self._members.get(category, ())

    def category(self, name: str) -> BrandConfig:
        """The configuration of a category's own episodes: the detection of every brand, and the category's playbook."""
        return self._category_configs.get(name, self._default)

    def category_of(self, brand: str) -> str | None:
        """The category of a brand, None for a brand without one."""
        return self.brand(brand).category

    def explain(self, name: str) -> list[tuple[str, Any, str]]:
        """The rows (key, value, source) of everything that takes part in a brand's config_hash.

        A value that the file sets to the default has the source "default".
        """
        section = self.file.brands.get(name, BrandSection())
        effective = self.brand(name)
        rows = _rows("detection", self.file.detection)
        for where, given in overrides(self.file, name, section):
            for key in given:
                rows[f"detection.{key}"] = (getattr(effective.detection, key), where)
        if effective.playbook:
            sources = {key: where for where, given in brand_playbooks(self.file, name, section) for key in given}
            for key, value in msgspec.structs.asdict(effective.playbook).items():
                rows[f"playbook.{key}"] = (value, sources.get(key, "default"))
        if effective.category:
            where = f"brands.{name}" if section.category else f"tiers.{section.tier}"
            rows["category"] = (effective.category, where)
        rows |= {f"names.{language}": (shown, f"brands.{name}") for language, shown in effective.names.items()}
        rows |= {
            f"playbook_cases[{number}]": (case.document(), f"playbook_cases[{number}]")
            for number, case in enumerate(self.file.playbook_cases)
            if case in effective.cases
        }
        rows |= {f"links.{link}": (template, "links") for link, template in effective.links.items()}
        rows |= _rows("engine", self.engine) | _rows("sentiment", self.sentiment)
        return [(key, value, source) for key, (value, source) in rows.items()]

    def document(self) -> dict[str, Any]:
        """The file with every default filled in, for the start-up log and `tocsin check`."""
        document = msgspec.to_builtins(self.file)
        assert isinstance(document, dict)
        return document

    def _categories(self) -> dict[str, tuple[str, ...]]:
        members: dict[str, list[str]] = {}
        for name, brand in sorted(self.file.brands.items()):
            category = category_of(self.file, brand)
            if category is not None:
                members.setdefault(category, []).append(name)
        return {category: tuple(names) for category, names in members.items()}

    def _resolve(
        self,
        name: str,
        told: list[Layer],
        given: dict[str, Any],
        category: str | None = None,
        names: Mapping[str, str] = MappingProxyType({}),
    ) -> BrandConfig:
        values = msgspec.structs.asdict(self.file.detection) | given
        detection = msgspec.convert(values, DetectionConfig)
        found = merged(told)
        playbook = PlaybookConfig(**found) if "owner" in found else None
        parts: tuple[Any, ...] = (_hashed(self.engine), self.sentiment, _hashed(detection), _hashed_playbook(playbook))
        if category is not None:
            parts = (*parts, category, self._members[category])
        if self.file.platforms:
            parts = (*parts, {"platforms": self.file.platforms})
        if self.worker.misplaced != "warn":  # with the default, hashes stay what they were before there was a choice
            parts = (*parts, self.worker.misplaced)
        if names:
            parts = (*parts, {"names": dict(names)})
        links = self.file.links
        if links:
            parts = (*parts, {"links": links})
        cases = tuple(case for case in self.file.playbook_cases if case.may_hold(name, category))
        if cases:
            parts = (*parts, {"playbook_cases": [case.holding() for case in cases]})
        waits = any(one is not None and one.respond_within_minutes for one in (playbook, *cases))
        if waits and not self.worker.relays_feedback:  # nobody is heard, so nobody's silence is told of
            parts = (*parts, "no feedback")
        content = msgspec.json.encode(parts, order="sorted")
        digest = hashlib.sha256(content).hexdigest()[:12]
        return BrandConfig(detection, playbook, digest, category, names, links, cases)


def _hashed(section: Section) -> dict[str, Any]:
    """What of it takes part in a hash."""
    default = type(section)()
    return {
        key: value
        for key, value in msgspec.structs.asdict(section).items()
        if key not in HASHED_SINCE or value != getattr(default, key)
    }


def _hashed_playbook(playbook: PlaybookConfig | None) -> dict[str, Any] | None:
    """The same of a playbook: keys that came later only where they are given."""
    if playbook is None:
        return None
    first = {"owner": None, "link": None, "respond_within_minutes": None}
    return first | given_keys(playbook)


def _rows(name: str, section: Section) -> dict[str, tuple[Any, str]]:
    defaults = type(section)()
    return {
        f"{name}.{key}": (value, "default" if value == getattr(defaults, key) else name)
        for key, value in msgspec.structs.asdict(section).items()
    }
