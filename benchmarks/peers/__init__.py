"""Other ways to read the same topic, each a process: python -m benchmarks.peers.NAME BOOTSTRAP TOPIC MENTIONS."""
