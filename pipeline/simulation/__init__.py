"""Simulated mentions with labels: a pure function of its parameters, step by step, without clock or network.

population   the brands                     events     what can happen, as values
rates        volume and tone before events  scenarios  named courses of events
arrivals     when, in which tone            labels     the truth beside the stream
phrases      texts from texts/*.toml        authors    who writes
posts        numbers into mentions          stream     all of it, in batches

Counts without texts, for evaluation: `fleet` and `exam` are two families of worlds, `worlds` opens them by name.
"""

from pipeline.simulation.stream.labels import Label, Labels, decode_labels, encode_labels
from pipeline.simulation.stream.scenarios import SCENARIOS
from pipeline.simulation.stream.stream import START, Batch, Count, Simulation, demo_stream

__all__ = [
    "SCENARIOS",
    "START",
    "Batch",
    "Count",
    "Label",
    "Labels",
    "Simulation",
    "decode_labels",
    "demo_stream",
    "encode_labels",
]
