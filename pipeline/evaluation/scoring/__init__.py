"""How good are alarms? Episodes from scores, recall and delay, false alarms, controls, peers, NAB's scoring.

alarms    scores into episodes, by the worker's rules     outcomes  recall, delay, false alarms, intervals
controls  alarms without a detector                       peers     other people's detectors on the same data
nab       the Numenta Anomaly Benchmark's scoring         causality a detector must not see the future
"""
