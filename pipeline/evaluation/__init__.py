"""Evaluation of what is shipped: simulated worlds and recordings through the detector, outcomes into reports.

simulated    fleets of brands in worlds of known truth   recorded   observations and mentions with labels
counts       count series in NAB format                  sentiment  the sentiment models on labelled texts
labels       labelled events, from files                 coverage   when a recording knows what happened
comparison   peers and controls on the same brands       scoring    alarms into recall, delay and false alarms
vectorised   the detector for whole fleets at once       peers      other people's detectors
reports      tables, JSON, HTML, SVG
"""
