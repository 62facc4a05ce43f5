"""The closed catalogue of metrics: what each one counts, in which unit, and what to do when it is bad.

Dashboards, rules, docs/metrics.md and the collector are all held against this tuple by tests. A metric that is not
here cannot be exposed; a label has the values listed here, or a bound that is stated here.
"""

from __future__ import annotations

from typing import Final

from detectors.sentiment.language import LANGUAGES
from pipeline.engine.brands.expiry import EXPIRY_REASONS
from pipeline.engine.stats import ARRIVALS, OUTCOMES
from pipeline.telemetry.metric import Label, Metric
from schemas.alert import KINDS, SEVERITIES, SUPPRESSION_REASONS, TRANSITIONS
from schemas.mention import DROPPABLE
from schemas.rejection import Reason

PREFIX: Final = "tocsin_"
STAGES: Final = ("fold", "close", "encode", "restore", "collect", "commit")
MAX_EPISODE_BRANDS: Final = 1000
"""Brands with an open episode that get series of their own; the most severe first."""

ALIVE_SECONDS: Final = 3600.0
"""A brand is among those with most mentions for so long after its last one: by event time, and by the wall clock where
no record comes that event time could pass by."""

PARTITION: Final = Label("partition", bound="the partitions of the mentions topic")
BRAND: Final = Label(
    "brand",
    bound=f"brands with an open episode (at most {MAX_EPISODE_BRANDS}), and of those mentioned within the hour the "
    "`worker.top_brands` with most mentions",
)
BURNING: Final = Label("brand", bound=f"brands and categories with an open episode, at most {MAX_EPISODE_BRANDS}")
REASON: Final = Label("reason", tuple(Reason))
LANGUAGE: Final = Label("language", LANGUAGES)
OUTCOME: Final = Label("outcome", OUTCOMES)
KIND: Final = Label("kind", KINDS)
SEVERITY: Final = Label("severity", SEVERITIES)
TRANSITION: Final = Label("transition", TRANSITIONS)
SUPPRESSION: Final = Label("reason", SUPPRESSION_REASONS)
STAGE: Final = Label("stage", STAGES)
STEP: Final = Label("stage", STAGES[:-1])

CATALOGUE: Final[tuple[Metric, ...]] = (
    Metric(
        name="tocsin_mentions_consumed_total",
        type="counter",
        unit="records",
        labels=(PARTITION,),
        meaning=(
            "Records of the mentions topic ingested, whatever they are: mentions (late ones and duplicates too) and "
            "every refused record, refused tombstones and ticks among them; only accepted ticks are not counted."
        ),
        remedy="Flat while the topic grows: see TocsinConsumerLagging. Flat on an idle topic is healthy.",
    ),
    Metric(
        name="tocsin_records_skipped_total",
        type="counter",
        unit="records",
        meaning="Records read again at or before the checkpoint's offset, and passed over.",
        remedy="A burst after a restart or rebalance is healthy; a steady rate means that offset commits fail.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_mentions_rejected_total",
        type="counter",
        unit="records",
        labels=(REASON,),
        meaning="Records refused and written to mentions-dlq, by reason code.",
        remedy="Read mentions-dlq for that reason (headers name the error), fix the producer, publish again.",
    ),
    Metric(
        name="tocsin_mention_fields_dropped_total",
        type="counter",
        unit="fields",
        labels=(Label("field", DROPPABLE),),
        meaning="Fields of mentions left out because the contract does not allow their value; a long `text` was cut.",
        remedy="Read docs/contracts.md and fix the producer; the mentions count, without what the field says.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_mentions_lost_total",
        type="counter",
        unit="records",
        labels=(PARTITION,),
        meaning="Records of mentions that retention deleted before they were read; markers of transactions included.",
        remedy="Never healthy: see TocsinMentionsLost.",
    ),
    Metric(
        name="tocsin_mentions_late_total",
        type="counter",
        unit="mentions",
        meaning="Mentions whose bucket was due when they came; among the consumed. None but awaited ones are judged.",
        remedy="See tocsin_mentions_by_arrival_total for the platform, and TocsinLateMentions.",
    ),
    Metric(
        name="tocsin_mentions_by_arrival_total",
        type="counter",
        unit="mentions",
        labels=(Label("platform", bound="16 a partition, then `other`"), Label("arrival", ARRIVALS)),
        meaning=(
            "Mentions by platform: `on_time`; `awaited`, late and counted all the same; `late`, in evidence and totals "
            "alone; `uncounted`, late by more than a day or too many at once."
        ),
        remedy="Of a platform that is mostly `late`: engine.allowed_lateness_seconds_by_source, or poll it more often.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_mentions_duplicate_total",
        type="counter",
        unit="mentions",
        meaning="Mentions with a brand and id already counted in an open bucket; counted once.",
        remedy="A sudden rise: a collector sends twice or restarts from an old position. No count is wrong.",
    ),
    Metric(
        name="tocsin_mentions_duplicate_unchecked_total",
        type="counter",
        unit="mentions",
        meaning="Mentions counted without the duplicate check: the brand had too many ids in one bucket.",
        remedy="Raise engine.max_ids_per_brand if brands really get so many mentions in five minutes.",
    ),
    Metric(
        name="tocsin_mentions_misplaced_total",
        type="counter",
        unit="mentions",
        labels=(OUTCOME,),
        meaning=(
            "Mentions on another partition than their key's: `counted` where they are, `refused` or `rerouted`, as "
            "worker.misplaced says."
        ),
        remedy="Mend the producer's partitioner (tocsin_brands_misplaced); late ones that count nowhere are left out.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_ticks_total",
        type="counter",
        unit="records",
        meaning="Tick records ingested: event time passing on partitions without mentions.",
        remedy="None while a silent partition waits for time: worker.ticks is off, or mentions may not be written to.",
    ),
    Metric(
        name="tocsin_feedback_total",
        type="counter",
        unit="records",
        meaning="Records of alert-feedback that came into the mentions: who acts, who has answered.",
        remedy="None though people acknowledge: worker.feedback or worker.ticks is off, or a topic may not be used.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_texts_scored_total",
        type="counter",
        unit="texts",
        meaning="Texts that went through a sentiment model (mentions without a trusted sentiment, or the sample).",
        remedy="This is the main cost of the engine; lower sentiment.full_texts_per_bucket when a core is full.",
    ),
    Metric(
        name="tocsin_texts_unlisted_total",
        type="counter",
        unit="texts",
        meaning="Of these, texts in languages without a word list: read by emoji alone until labels teach their model.",
        remedy="A large share: send `sentiment` with some of them, or add the language (docs/sentiment.md).",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_labels_learned_total",
        type="counter",
        unit="mentions",
        meaning="Mentions whose trusted sentiment a language model learned from.",
        remedy="None at all while mentions carry a sentiment: sentiment.learn is off.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_labels_left_out_total",
        type="counter",
        unit="mentions",
        meaning="Mentions whose trusted sentiment was counted but not learned from: more labels than a model needs.",
        remedy="Harmless: of a flood a sample is learned. sentiment.full_labels_per_bucket sets where it begins.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_sentiment_drifts_total",
        type="counter",
        unit="drifts",
        labels=(LANGUAGE,),
        meaning="Times a sentiment model became worse for good on labelled mentions and reopened its learning rate.",
        remedy=(
            "One rise: a word has changed its meaning, a new source of labels came, or a crisis is under way; nothing "
            "to do. Again and again: the labels of that language contradict each other; look at who writes `sentiment`."
        ),
        diagnostic=True,
    ),
    Metric(
        name="tocsin_brands_forgotten_total",
        type="counter",
        unit="brands",
        labels=(Label("reason", values=EXPIRY_REASONS),),
        meaning=(
            "Brands whose state was dropped: `silent` for engine.forget_after_days, `new` and silent for "
            "engine.forget_new_after_days, or over the `limit` of engine.max_brands. They start from nothing when "
            "they return."
        ),
        remedy=(
            "`silent` and `new` are healthy. `limit`: see who invents brands (docs/limits.md), or raise "
            "engine.max_brands by what memory allows, 4 kB a brand."
        ),
    ),
    Metric(
        name="tocsin_buckets_closed_total",
        type="counter",
        unit="buckets",
        meaning="Five-minute buckets closed, one per brand and bucket.",
        remedy="Flat while mentions are consumed: event time stands still, see TocsinWatermarkStalled.",
    ),
    Metric(
        name="tocsin_scores_total",
        type="counter",
        unit="scores",
        meaning="Scores computed on closed buckets.",
        remedy="Far below buckets closed: most brands are still warming up.",
    ),
    Metric(
        name="tocsin_alerts_total",
        type="counter",
        unit="alerts",
        labels=(KIND, SEVERITY, TRANSITION),
        meaning="Alerts that the engine gave, one for every transition of an episode.",
        remedy="More than the tolerated false alarms: replay recordings with a lower false_alarms_per_brand_year.",
    ),
    Metric(
        name="tocsin_alerts_suppressed_total",
        type="counter",
        unit="openings",
        labels=(KIND, SUPPRESSION),
        meaning=(
            "Episodes that would have opened at the configured threshold and did not: the alert budget of the brand is "
            "used up, the whole category moves alike, or the last episode has only just ended."
        ),
        remedy=(
            "Each is listed in the next alert of its brand. budget grows: a brand's feed is wilder than those that "
            "thresholds were calibrated on; raise its threshold, or the budget if its alerts were worth it."
        ),
    ),
    Metric(
        name="tocsin_open_episodes",
        type="gauge",
        unit="episodes",
        labels=(KIND, SEVERITY),
        meaning="Episodes open now.",
        remedy="A crisis: the playbook in the alert. Many at once: a feed was doubled or a partition replayed.",
    ),
    Metric(
        name="tocsin_partitions_assigned",
        type="gauge",
        unit="partitions",
        meaning="Partitions of mentions that this worker owns with their state loaded.",
        remedy="Over all workers fewer than the topic has: see TocsinPartitionsLost.",
    ),
    Metric(
        name="tocsin_watermark_timestamp_seconds",
        type="gauge",
        unit="Unix seconds",
        labels=(PARTITION,),
        meaning="Watermark: buckets that end at or before this event time are closed.",
        remedy="Stands still while tocsin_waiting_for_time is 1: see TocsinWatermarkStalled.",
    ),
    Metric(
        name="tocsin_broker_up",
        type="gauge",
        unit="1 or 0",
        meaning="1 while a broker answers; asked every five seconds, whether there are mentions or not.",
        remedy="0: see TocsinBrokerAway.",
    ),
    Metric(
        name="tocsin_watermark_lag_seconds",
        type="gauge",
        unit="seconds",
        labels=(PARTITION,),
        meaning="Wall clock less the watermark: how far behind real time detection is.",
        remedy="Grows: see TocsinWatermarkStalled. Large and constant while old mentions are published is healthy.",
    ),
    Metric(
        name="tocsin_waiting_for_time",
        type="gauge",
        unit="1 or 0",
        labels=(PARTITION,),
        meaning="1 while an open bucket or an open episode needs event time to pass on the partition.",
        remedy="1 while the watermark stands still: see TocsinWatermarkStalled. 0 on a silent partition is healthy.",
    ),
    Metric(
        name="tocsin_consumer_lag_records",
        type="gauge",
        unit="records",
        labels=(PARTITION,),
        meaning="Records between the last one ingested and the end of the partition.",
        remedy="Grows: see TocsinConsumerLagging.",
    ),
    Metric(
        name="tocsin_checkpoint_age_seconds",
        type="gauge",
        unit="seconds",
        labels=(PARTITION,),
        meaning="Time since the last committed checkpoint; since assignment before the first.",
        remedy="Old while records are consumed: see TocsinCheckpointOld. Old on an idle partition is healthy.",
    ),
    Metric(
        name="tocsin_checkpoint_duration_seconds",
        type="histogram",
        unit="seconds",
        meaning="Time of one checkpoint: from the snapshot of the state to the end of the transaction.",
        remedy="Above a second: slow brokers, or checkpoints too large (see tocsin_checkpoint_bytes).",
        buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    ),
    Metric(
        name="tocsin_checkpoint_bytes",
        type="histogram",
        unit="bytes",
        meaning="Size of one checkpoint: all that its transaction writes, activity as it is before it is packed.",
        remedy="Grows without more brands: a brand's state is not bounded, which is a defect to report.",
        buckets=(1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0),
    ),
    Metric(
        name="tocsin_state_restore_seconds",
        type="gauge",
        unit="seconds",
        labels=(PARTITION,),
        meaning="Time the last loading of the partition's state took.",
        remedy="Minutes: brand-state is not compacted (check the topic's configuration) or brokers are slow.",
    ),
    Metric(
        name="tocsin_state_restored_records",
        type="gauge",
        unit="records",
        labels=(PARTITION,),
        meaning="Records of brand-state read in the last loading.",
        remedy="Many times tocsin_brands_tracked: compaction lags; lower segment.ms or the dirty ratio of brand-state.",
    ),
    Metric(
        name="tocsin_engine_seconds_total",
        type="counter",
        unit="seconds",
        labels=(STAGE,),
        meaning=(
            "Time spent by stage: ingest records (`fold`), close buckets, encode and restore state, collect garbage, "
            "commit."
        ),
        remedy="fold and close near 1 second per second: the core is full, add a worker (at most one per partition).",
    ),
    Metric(
        name="tocsin_engine_longest_step_seconds",
        type="gauge",
        unit="seconds",
        labels=(STEP,),
        meaning="Longest time since the start that the event loop stood still for one step of a stage.",
        remedy="Tenths of a second: a core shared with others, or huge brands; heartbeats and alerts wait so long.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_brands_tracked",
        type="gauge",
        unit="brands",
        labels=(PARTITION,),
        meaning="Brands with state.",
        remedy="Jumps: a producer invents brands. Memory follows this figure.",
    ),
    Metric(
        name="tocsin_brands_misplaced",
        type="gauge",
        unit="brands",
        labels=(PARTITION,),
        meaning=(
            "Brands whose mentions came on this partition though their key (or category) belongs on another, since the "
            "worker took it: each may be judged in two halves. Counted up to 1000."
        ),
        remedy="Not 0: a producer has another partitioner. `tocsin check --broker` names the setting to change.",
    ),
    Metric(
        name="tocsin_category_brands_misplaced",
        type="gauge",
        unit="brands",
        labels=(PARTITION,),
        meaning="Brands with a category that lie on another partition than their category's: they are judged alone.",
        remedy="Let the producer choose the partition by the category's name; see docs/categories.md.",
        diagnostic=True,
    ),
    Metric(
        name="tocsin_brand_mentions",
        type="gauge",
        unit="mentions",
        labels=(BRAND,),
        meaning="Mentions in the last closed bucket (five minutes) that had any of the brand's.",
        remedy="Not a health figure: look at it beside tocsin_brand_expected_mentions.",
    ),
    Metric(
        name="tocsin_brand_negatives",
        type="gauge",
        unit="mentions",
        labels=(BRAND,),
        meaning="Negative mentions in the brand's last closed bucket; an estimate where texts were sampled.",
        remedy="Not a health figure: divide by tocsin_brand_mentions for the negative share.",
    ),
    Metric(
        name="tocsin_brand_expected_mentions",
        type="gauge",
        unit="mentions",
        labels=(BRAND,),
        meaning="Mentions that the brand's own normal expected in its last closed bucket.",
        remedy="Far from tocsin_brand_mentions for days with no alert: the baseline is wrong, replay the brand.",
    ),
    Metric(
        name="tocsin_brand_score",
        type="gauge",
        unit="deviations of the daily maximum",
        labels=(BRAND,),
        meaning="Crisis score of the brand's last closed bucket, in deviations above its ordinary daily maximum.",
        remedy="Not a health figure: `tocsin explain-config BRAND` shows the threshold it is held against.",
    ),
    Metric(
        name="tocsin_brand_expected_mentions_lower",
        type="gauge",
        unit="mentions",
        labels=(BURNING,),
        meaning="Lower end of the band (95 %) of what is normal for the brand's last closed bucket.",
        remedy="Not a health figure. Missing for a few minutes after a restart: the next closed bucket brings it.",
    ),
    Metric(
        name="tocsin_brand_expected_mentions_upper",
        type="gauge",
        unit="mentions",
        labels=(BURNING,),
        meaning="Upper end of that band.",
        remedy="As the lower end.",
    ),
    Metric(
        name="tocsin_brand_expected_negative_share",
        type="gauge",
        unit="share, 0 to 1",
        labels=(BURNING,),
        meaning="Share of negative mentions that is normal for the brand.",
        remedy="As the band.",
    ),
    Metric(
        name="tocsin_brand_episode_since_timestamp_seconds",
        type="gauge",
        unit="Unix seconds of event time",
        labels=(PARTITION, BURNING, KIND, SEVERITY),
        meaning="First signs of an open episode, by brand (or category), kind and severity.",
        remedy="TocsinCrisisOpen and TocsinHighReachPostOpen page; the alert on the topic has evidence and playbook.",
    ),
    Metric(
        name="tocsin_brand_episode_score",
        type="gauge",
        unit="deviations of the daily maximum",
        labels=(BURNING, KIND),
        meaning="Score of an open episode's kind in the brand's last closed bucket.",
        remedy="Not a health figure.",
    ),
    Metric(
        name="tocsin_brand_episode_threshold",
        type="gauge",
        unit="deviations of the daily maximum",
        labels=(BURNING, KIND),
        meaning="Threshold at which the episode opened, with what the alert budget had put on top.",
        remedy="Not a health figure.",
    ),
    Metric(
        name="tocsin_brand_config_info",
        type="gauge",
        unit="always 1",
        labels=(BRAND, Label("hash", bound="one a brand, the `config_hash` of its alerts")),
        meaning="The configuration that holds for the brand, as the hash that its alerts carry.",
        remedy="Differs from an alert's: the configuration was changed since; `tocsin explain-config BRAND` shows it.",
    ),
    Metric(
        name="tocsin_brand_series_left_out",
        type="gauge",
        unit="brands",
        meaning="Brands tracked that have no series of their own, so that the number of series stays bounded.",
        remedy="Healthy. Raise worker.top_brands to see more brands; alerts never depend on it.",
    ),
    Metric(
        name="tocsin_build_info",
        type="gauge",
        unit="always 1",
        labels=(Label("version", bound="one, the version that runs"),),
        meaning="The version that runs.",
        remedy="Two versions for longer than a deployment takes: a worker was left behind.",
    ),
    Metric(
        name="tocsin_config_info",
        type="gauge",
        unit="always 1",
        labels=(
            Label("hash", bound="one, the hash of the effective configuration"),
            Label("default_hash", bound="one, the `config_hash` of alerts of brands without a section"),
        ),
        meaning="The configuration that is in force, as a hash of the whole file (`tocsin check` shows it).",
        remedy="Two hashes for longer than a deployment takes: see TocsinConfigDiffers.",
    ),
)
