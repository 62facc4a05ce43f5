"""Measuring what is shipped: worlds and recordings through the detector, outcomes into tables and reports.

simulated   fleets of brands in worlds of known truth   recorded   observations and mentions with labels
counts      NAB-format count series                     labels     what really happened, from files
report      JSON, HTML and tables                       plots      SVG
"""
