"""Measures of alarms: episodes from scores, recall and delay, false alarms, controls, NAB's scoring.

alarms    scores into episodes, by the worker's rules     outcomes   recall, delay, false alarms, intervals
controls  alarms without a detector                       causality  a detector must not see the future
nab       the Numenta Anomaly Benchmark's scoring
"""
