"""Simulated mentions with labels: a pure function of parameters, without clock or network.

The folder `stream` makes mentions with texts:

population   the brands                     events     kinds of events, as values
rates        volume and tone before events  scenarios  named courses of events
arrivals     when, in which tone            labels     the events of the stream, as data
phrases      texts from texts/*.toml        authors    who writes
posts        numbers into mentions          circles    recent posts that others may repeat
stream       all of it, in batches
polling      a channel that arrives late

The folder `worlds` makes counts without texts, for evaluation: `ordinary` and `held_out` are two families of worlds,
`worlds` opens them by name.
"""

from pipeline.simulation.stream.labels import Label, Labels, decode_labels, encode_labels
from pipeline.simulation.stream.polling import PolledChannel
from pipeline.simulation.stream.scenarios import SCENARIO_ALIASES, SCENARIOS
from pipeline.simulation.stream.stream import START, Batch, Count, Simulation, demo_stream

__all__ = [
    "SCENARIOS",
    "SCENARIO_ALIASES",
    "START",
    "Batch",
    "Count",
    "Label",
    "Labels",
    "PolledChannel",
    "Simulation",
    "decode_labels",
    "demo_stream",
    "encode_labels",
]
