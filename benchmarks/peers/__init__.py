"""Other ways to read the same topic, each a process: python -m benchmarks.peers.NAME BOOTSTRAP TOPIC MENTIONS [JOB].

confluent_kafka_loop, quix_streams and bytewax_flow need the environment that `make .venv/peers.stamp` makes, and import
nothing of this project but the job: its other requirements are not installed there.
"""
